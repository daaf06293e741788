/**
 * Which tables still hold the rows that were read, found without reading them again.
 *
 * "No" may be wrong, "yes" may not: whatever has happened, a table that is said to be
 * unchanged reads to the same stream of rows, or to the same rows in another order.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Capture, captureDatabase } from '../../src/capture/capture-database.ts'
import { readTransactions } from '../../src/capture/database-moment.ts'
import { findUnchangedRows } from '../../src/capture/find-unchanged-rows.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import { openSession } from '../../src/postgres/session.ts'
import {
  allMajors,
  createDatabase,
  oldestAndNewestMajor,
  type TestDatabase,
  untilOldTransactionsAreOver,
} from '../support/postgres.ts'
import { addressOf } from '../support/session.ts'

const TABLES = `
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE DOMAIN relation AS regclass;
  CREATE TYPE pair AS (left_side relation, right_side integer);
  CREATE TABLE plain AS SELECT g AS id, 'row ' || g AS word FROM generate_series(1, 500) g;
  CREATE TABLE empty (id integer);
  CREATE TABLE moods AS SELECT 'good'::mood AS mood;
  CREATE TABLE wide AS SELECT 1 AS id, string_agg(md5(g::text), '') AS text FROM generate_series(1, 2000) g;
  CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
  CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
  CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (200);
  INSERT INTO parts SELECT g FROM generate_series(1, 199) g;
  CREATE TABLE parent (id integer);
  CREATE TABLE child (more text) INHERITS (parent);
  INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 'two');
  CREATE TABLE names_tables AS SELECT 'plain'::regclass AS direct;
  CREATE TABLE names_in_depth AS SELECT ARRAY[ROW('plain'::regclass::relation, 1)::pair] AS pairs;`

const SUITED = ['child', 'empty', 'moods', 'parent', 'parts_high', 'parts_low', 'plain', 'wide']

interface Moment {
  transactions: string
  capture: Capture
}

async function readMoment(database: TestDatabase): Promise<Moment> {
  let transactions = ''
  const capture = await captureDatabase(new HashingSink(), {
    database: await addressOf(database.url),
    selection: WHOLE_DATABASE,
    inspect: async (exporter) => {
      transactions = await readTransactions(exporter)
    },
  })
  return { transactions, capture }
}

/** Names of tables without their schema. */
async function unchangedSince(database: TestDatabase, moment: Moment): Promise<string[]> {
  const session = await openSession(await addressOf(database.url))
  try {
    const { tables } = moment.capture.tree
    const found = await findUnchangedRows(session, moment.transactions, tables)
    return [...found.keys()].map((name) => name.replace(/^.*\./, '').replaceAll('"', '')).sort()
  } finally {
    await session.close()
  }
}

const CASES: [name: string, sql: string, changed: string[]][] = [
  ['nothing', 'SELECT 1', []],
  ['rows are inserted', 'INSERT INTO plain VALUES (501, NULL)', ['plain']],
  ['the first row of a table is inserted', 'INSERT INTO empty VALUES (1)', ['empty']],
  ['a row is deleted', 'DELETE FROM plain WHERE id = 250', ['plain']],
  ['all rows are deleted', 'DELETE FROM moods', ['moods']],
  ['a row is updated', `UPDATE plain SET word = '' WHERE id = 7`, ['plain']],
  ['a row is updated to what it was', 'UPDATE plain SET id = id WHERE id = 7', ['plain']],
  ['a value is updated that is stored out of line', `UPDATE wide SET text = text || '.'`, ['wide']],
  [
    'as many rows are inserted as are deleted',
    `DELETE FROM plain WHERE id <= 3; INSERT INTO plain VALUES (1, 'row 1'), (2, 'row 2'), (3, 'row 3')`,
    ['plain'],
  ],
  [
    'a row moves to another partition',
    'UPDATE parts SET id = 150 WHERE id = 50',
    ['parts_high', 'parts_low'],
  ],
  ['a child gets a row', `INSERT INTO child VALUES (3, 'three')`, ['child']],
  ['rows come and go again', `INSERT INTO plain SELECT 600; DELETE FROM plain WHERE id = 600`, []],
  ['writing is taken back', `BEGIN; UPDATE plain SET word = 'x'; DELETE FROM moods; ROLLBACK`, []],
  ['rows are locked', 'BEGIN; SELECT * FROM plain FOR UPDATE; COMMIT', []],
  ['a table is analyzed', 'ANALYZE', []],
  ['a table is vacuumed and frozen', 'VACUUM (FREEZE) plain', []],
  ['a table is written anew', 'VACUUM (FULL, FREEZE) plain', []],
  ['a table is emptied', 'TRUNCATE plain', ['plain']],
  ['an empty table is emptied', 'TRUNCATE empty', []],
  [
    'a table is emptied and filled with frozen rows',
    `BEGIN; TRUNCATE empty; COPY empty FROM PROGRAM 'echo 1' (FREEZE); COMMIT`,
    ['empty'],
  ],
  ['a neighbour writes', 'CREATE TEMP TABLE other AS SELECT 1 AS x', []],
]

test('what has happened to tables is told apart, on the newest PostgreSQL', async () => {
  const database = await createDatabase(allMajors.at(-1)!)
  for (const [name, sql, changed] of CASES) {
    await database.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${TABLES}`)
    await untilOldTransactionsAreOver(database)
    const moment = await readMoment(database)
    for (const statement of sql.startsWith('BEGIN') ? [sql] : sql.split('; ')) {
      await database.query(statement)
    }
    const expected = SUITED.filter((table) => !changed.includes(table))
    expect(await unchangedSince(database, moment), name).toEqual(expected)
  }
})

oldestAndNewestMajor((major) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createDatabase(major)
    await database.query(TABLES)
    await untilOldTransactionsAreOver(database)
  })
  afterEach(() => database.drop())

  test('what was being written at the moment is not taken for old', async () => {
    await database.withClient(async (writer) => {
      await writer.query(`
        BEGIN; UPDATE ONLY parent SET id = 7;
        SAVEPOINT a; UPDATE moods SET mood = 'bad'; RELEASE a;
        SAVEPOINT b; UPDATE plain SET word = '' WHERE id = 7; RELEASE b`)
      // Later ids that are over by then, so that the snapshot ends beyond those of the writer.
      await database.query('CREATE TABLE elsewhere ()')
      await database.query('DROP TABLE elsewhere')
      const moment = await readMoment(database)
      expect(moment.transactions).not.toMatch(/:$/)
      await writer.query('COMMIT')
      const expected = SUITED.filter((table) => !['moods', 'parent', 'plain'].includes(table))
      expect(await unchangedSince(database, moment)).toEqual(expected)
    })
  })

  test('what a prepared transaction had written is not taken for old', async () => {
    await database.query(
      `BEGIN; DELETE FROM plain WHERE id = 1; PREPARE TRANSACTION 'unchanged_rows'`,
    )
    const moment = await readMoment(database)
    await database.query(`COMMIT PREPARED 'unchanged_rows'`)
    expect(await unchangedSince(database, moment)).not.toContain('plain')
  })

  test('whatever is written, rows that are said to be the same are the same', async () => {
    const id = fc.integer({ min: 1, max: 30 })
    const write = fc.oneof(
      id.map((n) => `INSERT INTO %t VALUES (${n})`),
      id.map((n) => `DELETE FROM %t WHERE id = ${n}`),
      id.map((n) => `UPDATE %t SET id = ${n} WHERE id % 3 = ${n % 3}`),
      fc.constantFrom(
        'VACUUM %t',
        'VACUUM FULL %t',
        'TRUNCATE %t',
        'ANALYZE %t',
        'VACUUM FREEZE %t',
      ),
    )
    const table = fc.constantFrom('a', 'b')
    const step = fc.tuple(write, table, fc.constantFrom('alone', 'rolledBack', 'inSubtransaction'))
    await database.query('CREATE TABLE a (id integer); CREATE TABLE b (id integer)')
    const rowsOf = ({ capture }: Moment, name: string) =>
      capture.tree.tables.find((entry) => entry.name === name)?.rows?.rowCount
    const contents = async () =>
      database.query(`SELECT 'a' AS t, id FROM a UNION ALL SELECT 'b', id FROM b ORDER BY 1, 2`)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const moment = await readMoment(database)
        const before = await contents()
        for (const [template, name, how] of steps) {
          const sql = template.replaceAll('%t', name)
          if (/VACUUM/.test(sql) || how === 'alone') await database.query(sql)
          else if (how === 'rolledBack') await database.query(`BEGIN; ${sql}; ROLLBACK`)
          else await database.query(`BEGIN; SAVEPOINT s; ${sql}; RELEASE s; COMMIT`)
        }
        const unchanged = await unchangedSince(database, moment)
        const after = await contents()
        for (const name of ['a', 'b']) {
          const of = (rows: { t?: string }[]) => rows.filter(({ t }) => t === name)
          if (unchanged.includes(name)) expect(of(after)).toEqual(of(before))
          expect(rowsOf(moment, name)).toBe(of(before).length)
        }
      }),
      { numRuns: 25 },
    )
  })
})
