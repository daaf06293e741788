/**
 * Which tables a commit leaves unread, because the server's WAL summaries say that they are as an
 * earlier commit holds them.
 *
 * "Unread" may not be wrong: whatever has happened since the earlier commit, the tree is that of a
 * capture which reads every table. And what has nothing to do with a table must not make it read.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { captureDatabase } from '../../src/capture/capture-database.ts'
import type { CommitOptions, CommitResult } from '../../src/capture/commit.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import type { Store } from '../../src/store.ts'
import { addressOf, commitDatabase, memoryStore } from '../support/session.ts'
import { SummarizingServer, summarizingMajors } from '../support/summarizing-server.ts'

const TABLES = `
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE TYPE pair AS (left_side mood, right_side integer);
  CREATE DOMAIN relation AS regclass;
  CREATE TABLE plain (id integer PRIMARY KEY, word text);
  INSERT INTO plain SELECT g, 'row ' || g FROM generate_series(1, 500) g;
  CREATE TABLE empty (id integer);
  CREATE TABLE long AS SELECT g AS id, repeat('x', 1000) AS text FROM generate_series(1, 100) g;
  CREATE TABLE moods AS SELECT 'good'::mood AS mood;
  CREATE TABLE pairs AS SELECT ARRAY[ROW('good', 1)::pair] AS pairs;
  CREATE TABLE person (id integer);
  CREATE TABLE people AS SELECT ROW(1)::person AS row;
  CREATE TABLE ranges AS SELECT int4range(1, 5) AS range, tstzrange(NULL, now()) AS times;
  CREATE TABLE wide AS SELECT 1 AS id, string_agg(md5(g::text), '') AS text FROM generate_series(1, 2000) g;
  CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
  CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
  CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (200);
  INSERT INTO parts SELECT g FROM generate_series(1, 199) g;
  CREATE TABLE names_tables AS SELECT 'plain'::regclass AS direct;
  CREATE TABLE names_in_depth AS SELECT ARRAY['plain'::regclass::relation] AS tables;
  CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS id;`

/** What the log tells changes of; the others are always read. */
const LOGGED = [
  'empty',
  'long',
  'moods',
  'pairs',
  'parts_high',
  'parts_low',
  'people',
  'person',
  'plain',
  'ranges',
  'wide',
]

const CASES: [name: string, sql: string, read: string[]][] = [
  ['nothing', 'SELECT 1', []],
  ['rows are inserted', 'INSERT INTO plain VALUES (501, NULL)', ['plain']],
  ['the first row of a table is inserted', 'INSERT INTO empty VALUES (1)', ['empty']],
  ['a row is deleted', 'DELETE FROM plain WHERE id = 250', ['plain']],
  ['a row is updated', `UPDATE plain SET word = '' WHERE id = 7`, ['plain']],
  ['a value is updated that is stored out of line', `UPDATE wide SET text = text || '.'`, ['wide']],
  ['the rest of a row is updated, and that value stays', 'UPDATE wide SET id = 2', ['wide']],
  [
    'a row moves to another partition',
    'UPDATE parts SET id = 150 WHERE id = 50',
    ['parts_high', 'parts_low'],
  ],
  ['writing is taken back', `BEGIN; UPDATE plain SET word = 'x'; ROLLBACK`, ['plain']],
  [
    'writing is taken back to a savepoint',
    `BEGIN; SAVEPOINT s; DELETE FROM plain; ROLLBACK TO s; COMMIT`,
    ['plain'],
  ],
  ['rows are locked', 'BEGIN; SELECT * FROM plain WHERE id = 1 FOR UPDATE; COMMIT', ['plain']],
  ['tables are analyzed', 'ANALYZE', []],
  ['frozen tables are vacuumed', 'VACUUM', []],
  ['dead rows are vacuumed away', 'DELETE FROM plain WHERE id % 2 = 0; VACUUM plain', ['plain']],
  ['a table is cut off at its end', 'DELETE FROM long WHERE id > 3; VACUUM long', ['long']],
  ['a table is written anew', 'VACUUM FULL plain', ['plain']],
  ['a table is written anew in another order', 'CLUSTER plain USING plain_pkey', ['plain']],
  ['a table is emptied', 'TRUNCATE plain', ['plain']],
  [
    'a table is emptied and filled',
    `BEGIN; TRUNCATE empty; INSERT INTO empty VALUES (1); COMMIT`,
    ['empty'],
  ],
  ['emptying is taken back', `BEGIN; TRUNCATE plain; ROLLBACK`, []],
  [
    'a table is made again',
    `BEGIN; DROP TABLE moods; CREATE TABLE moods AS SELECT 'bad'::mood AS mood; COMMIT`,
    ['moods'],
  ],
  [
    'tables swap names',
    `BEGIN; ALTER TABLE parts_low RENAME TO x; ALTER TABLE parts_high RENAME TO parts_low; ALTER TABLE x RENAME TO parts_high; COMMIT`,
    [],
  ],
  [
    'a table moves to another schema',
    'ALTER TABLE empty SET SCHEMA other; ALTER TABLE other.empty SET SCHEMA %s',
    [],
  ],
  ['a column is added', 'ALTER TABLE moods ADD COLUMN more text', ['moods']],
  [
    'a column is added with a value for all rows',
    'ALTER TABLE moods ADD COLUMN more integer DEFAULT 7',
    ['moods'],
  ],
  ['a column is dropped', 'ALTER TABLE long DROP COLUMN text', ['long']],
  ['a column is renamed', 'ALTER TABLE long RENAME COLUMN text TO words', []],
  ['a column gets another type, rows rewritten', 'ALTER TABLE long ALTER id TYPE bigint', ['long']],
  [
    'a column gets another type, rows as they are',
    'ALTER TABLE long ALTER text TYPE varchar(5000)',
    ['long'],
  ],
  [
    'a column gets a default, a constraint, a comment',
    `ALTER TABLE long ALTER id SET DEFAULT 1; ALTER TABLE long ADD CHECK (id > 0); COMMENT ON TABLE long IS 'x'`,
    [],
  ],
  ['an index is made', 'CREATE INDEX ON long (id)', []],
  [
    'a label of an enum is renamed',
    `ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`,
    ['moods', 'pairs'],
  ],
  [
    'a label of an enum is renamed and back',
    `ALTER TYPE mood RENAME VALUE 'good' TO 'fine'; ALTER TYPE mood RENAME VALUE 'fine' TO 'good'`,
    ['moods', 'pairs'],
  ],
  ['a composite type gets an attribute', 'ALTER TYPE pair ADD ATTRIBUTE more integer', ['pairs']],
  [
    'a table whose rows are values elsewhere gets a column',
    'ALTER TABLE person ADD COLUMN more integer',
    ['people', 'person'],
  ],
  [
    'a partition is detached and attached',
    'ALTER TABLE parts DETACH PARTITION parts_low; ALTER TABLE parts ATTACH PARTITION parts_low FOR VALUES FROM (0) TO (100)',
    [],
  ],
  ['a table becomes unlogged', 'ALTER TABLE plain SET UNLOGGED', ['plain']],
  [
    'a table becomes unlogged, is written and logged again',
    'ALTER TABLE plain SET UNLOGGED; DELETE FROM plain; ALTER TABLE plain SET LOGGED',
    ['plain'],
  ],
  ['an unlogged table is written', 'INSERT INTO unlogged VALUES (2)', []],
  [
    'a table is renamed that others name',
    'ALTER TABLE plain RENAME TO simple; ALTER TABLE simple RENAME TO plain',
    [],
  ],
  ['row security is switched on', 'ALTER TABLE plain ENABLE ROW LEVEL SECURITY', []],
  [
    'something else is made',
    'CREATE TABLE more (id integer); CREATE TEMP TABLE temporary AS SELECT 1',
    [],
  ],
]

/** The tree of a capture that knows of no earlier commit. */
async function treeOfAll(url: string): Promise<ObjectId> {
  const { treeId } = await captureDatabase(new HashingSink(), {
    database: await addressOf(url),
    selection: WHOLE_DATABASE,
  })
  return treeId
}

describe.each(summarizingMajors)('PostgreSQL %i', (major) => {
  let server: SummarizingServer
  let store: Store
  beforeAll(async () => {
    server = await SummarizingServer.start(major)
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    store = await memoryStore()
    await server.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  })

  const commit = (options: Partial<CommitOptions> = {}): Promise<CommitResult> =>
    commitDatabase(store, server.url(), options)

  /** Commits, and compares with a capture that reads every table. */
  async function commitAndCompare(options: Partial<CommitOptions> = {}): Promise<CommitResult> {
    const made = await commit(options)
    expect(made.commit.treeId).toBe(await treeOfAll(server.url()))
    return made
  }

  /** Makes the tables in a schema, with all on their pages that the first reader would set. */
  async function createTables(schema: string): Promise<void> {
    await server.query(
      `CREATE SCHEMA IF NOT EXISTS ${schema}; SET search_path = ${schema}; ${TABLES}`,
    )
  }

  test('what has happened to tables decides which are read', async () => {
    await server.query('CREATE SCHEMA other')
    for (const [position] of CASES.entries()) await createTables(`case_${position}`)
    // The first who reads rows may set bits on their pages, which is logged.
    await server.query('VACUUM (FREEZE)')
    await commit()
    for (const [position, [, sql]] of CASES.entries()) {
      const schema = `case_${position}`
      await server.run(sql.replaceAll('%s', schema), { schema })
    }
    const { reading } = await commitAndCompare()
    expect(reading.reason).toBeNull()
    for (const [position, [name, , read]] of CASES.entries()) {
      const prefix = `case_${position}.`
      const unread = reading.unreadTables
        .filter((table) => table.startsWith(prefix))
        .map((table) => table.slice(prefix.length))
      const expected = LOGGED.filter((table) => !read.includes(table))
      expect({ name, unread: unread.sort() }).toEqual({ name, unread: expected })
    }
    await server.query(
      `DROP SCHEMA other, ${CASES.map((_, position) => `case_${position}`).join()} CASCADE`,
    )
  })
})
