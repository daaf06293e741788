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
import {
  flushLog,
  readWalMark,
  readWalMoment,
  type WalMoment,
} from '../../src/capture/wal-moment.ts'
import { readModifiedFiles } from '../../src/capture/wal-summaries.ts'
import { captureLiveState } from '../../src/diff/database-state.ts'
import type { Reporter } from '../../src/events.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import { walkChunks } from '../../src/objects/walk-manifest.ts'
import { withScratchDirectory } from '../../src/objects/with-scratch-directory.ts'
import { openSession } from '../../src/postgres/session.ts'
import { openStore, type Store } from '../../src/store.ts'
import {
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  putAtHead,
} from '../support/session.ts'
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

  /** Two tables without more to their story. */
  async function createTwo(): Promise<void> {
    for (const name of ['touched', 'quiet']) {
      await server.query(`CREATE TABLE ${name} AS SELECT g AS id FROM generate_series(1, 300) g`)
      await server.query(`VACUUM (FREEZE) ${name}`)
    }
  }

  test('what a transaction wrote before a commit and committed after it is read', async () => {
    await createTwo()
    await commit()
    const writer = await server.connect()
    await writer.query(`
      BEGIN; INSERT INTO touched VALUES (1001);
      SAVEPOINT a; UPDATE touched SET id = 1002 WHERE id = 2; RELEASE a`)
    // Its id is the newest, so that the snapshot of the next commit shows no transaction running.
    const second = await commitAndCompare()
    expect(second.commit.walBase?.settledLsn).toBeDefined()
    await writer.query('SAVEPOINT b; DELETE FROM touched WHERE id = 3; RELEASE b')
    const third = await commitAndCompare()
    await server.query('CHECKPOINT')
    await writer.query('COMMIT')
    await writer.end()
    // Sets the bits that the next reader would otherwise set, once the commit has been flushed.
    await server.query('CHECKPOINT')
    await server.query('SELECT count(*) FROM touched')
    const fourth = await commitAndCompare()
    expect(fourth.commit.treeId).not.toBe(third.commit.treeId)
    expect(fourth.reading.unreadTables).toEqual(['public.quiet'])
    const fifth = await commitAndCompare()
    expect(fifth.reading.unreadTables).toEqual(['public.quiet', 'public.touched'])
  })

  test('without an earlier position, a commit beside an open transaction notes none', async () => {
    await createTwo()
    const writer = await server.connect()
    await writer.query('BEGIN; INSERT INTO touched VALUES (1001)')
    const first = await commit()
    expect(first.commit.walBase).toBeUndefined()
    await writer.query('COMMIT')
    await writer.end()
    const second = await commitAndCompare()
    expect(second.reading).toMatchObject({ reason: 'noBase', unreadTables: [] })
  })

  test('what a prepared transaction wrote before a commit is read after it', async () => {
    await createTwo()
    await commit()
    await server.query(`BEGIN; DELETE FROM touched WHERE id = 1; PREPARE TRANSACTION 'unread'`)
    await commitAndCompare()
    await commitAndCompare()
    await server.query(`COMMIT PREPARED 'unread'`)
    const { reading } = await commitAndCompare()
    expect(reading.unreadTables).toEqual(['public.quiet'])
  })

  test('after a crash of a backend the log still tells what has changed', async () => {
    await createTwo()
    await commit()
    await server.query('SET synchronous_commit = on; INSERT INTO touched VALUES (1001)')
    await server.crash()
    const { reading } = await commitAndCompare()
    expect(reading).toMatchObject({ reason: null, unreadTables: ['public.quiet'] })
  })

  test('what a commit has seen outlives a crash, when it is a base', async () => {
    await createTwo()
    const [walWriter] = await server.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'`,
    )
    process.kill(walWriter!.pid, 'SIGSTOP')
    try {
      await server.query('SET synchronous_commit = off; INSERT INTO touched VALUES (1001)')
      const session = await openSession(await addressOf(server.url()))
      await flushLog(session, await momentOf(server))
      await session.close()
      await server.query('SET synchronous_commit = off; INSERT INTO touched VALUES (1002)')
    } finally {
      await server.crash(() => process.kill(walWriter!.pid, 'SIGCONT'))
    }
    const rows = await server.query('SELECT id FROM touched WHERE id > 1000')
    expect(rows).toEqual([{ id: 1001 }])
  })

  const createReader = () =>
    server.query(`
      DO $$ BEGIN
        IF to_regrole('reader') IS NULL THEN CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; END IF;
      END $$;
      REVOKE pg_checkpoint FROM reader`)

  test('a role that may not have checkpoints made reads everything, until it may', async () => {
    await createTwo()
    await createReader()
    const url = server.url('postgres', 'reader')
    await commitDatabase(store, url)
    await server.query('INSERT INTO touched VALUES (1001)')
    const { reading, commit: second } = await commitDatabase(store, url)
    expect(reading).toMatchObject({ reason: 'mayNotCheckpoint', unreadTables: [] })
    expect(second.walBase).toBeUndefined()
    await server.query('GRANT pg_checkpoint TO reader')
    await commitDatabase(store, url)
    const last = await commitDatabase(store, url)
    expect(last.reading).toMatchObject({
      reason: null,
      unreadTables: ['public.quiet', 'public.touched'],
    })
  })

  test('where summaries are missing, late or switched off, everything is read', async () => {
    await createTwo()
    await commit()
    await server.query('INSERT INTO touched VALUES (1001)')
    const summaries = join(server.dataDirectory, 'pg_wal/summaries')
    await server.query('CHECKPOINT')
    const [before] = await server.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn')
    for (let isPast = false; !isPast; ) {
      const [state] = await server.query<{ is_past: boolean }>(
        `SELECT summarized_lsn > '${before!.lsn}'::pg_lsn - 1000 AS is_past FROM pg_get_wal_summarizer_state()`,
      )
      isPast = state!.is_past
    }
    for (const name of await readdir(summaries)) await rm(join(summaries, name))
    expect((await commitAndCompare()).reading.reason).toBe('summariesMissing')
    expect((await commitAndCompare()).reading.reason).toBeNull()

    const moment = { since: '0/1', until: await momentOf(server) }
    const [summarizer] = await server.query<{ pid: number }>(
      'SELECT summarizer_pid AS pid FROM pg_get_wal_summarizer_state()',
    )
    process.kill(summarizer!.pid, 'SIGSTOP')
    const session = await openSession(await addressOf(server.url()))
    try {
      const told = await readModifiedFiles(session, moment, { timeoutMs: 200 })
      expect(told).toBe('summarizerBehind')
    } finally {
      process.kill(summarizer!.pid, 'SIGCONT')
      await session.close()
    }

    await server.set('summarize_wal', 'off')
    await server.query('INSERT INTO touched VALUES (1002)')
    const off = await commitAndCompare()
    expect(off.reading.reason).toBe('summariesOff')
    expect(off.commit.walBase).toBeUndefined()
    await server.query('INSERT INTO touched VALUES (1003)')
    await server.set('summarize_wal', 'on')
    await commitAndCompare()
    await server.query('INSERT INTO touched VALUES (1004)')
    expect((await commitAndCompare()).reading.unreadTables).not.toContain('public.touched')
  })

  test('a commit of another database is no base, though it is a copy', async () => {
    await createTwo()
    await commit()
    await server.query('CREATE DATABASE copy TEMPLATE postgres')
    const { reading } = await commitDatabase(store, server.url('copy'))
    expect(reading).toMatchObject({ reason: 'otherServer', unreadTables: [] })
    await server.query('DROP DATABASE copy')
  })

  test('rows that the store has lost are read again', async () => {
    await createTwo()
    const { tree } = await commit()
    const quiet = tree.tables.find(({ name }) => name === 'quiet')!
    const { backend } = store
    for await (const { id } of walkChunks(store.objects, quiet.rows!)) {
      const entry = await store.objects.findEntry(id, 'chunk')
      await backend.remove(entry!.packKey)
    }
    store = await openStore(backend)
    await commitAndCompare()
    expect(await fsck(store.backend)).toMatchObject({ findings: [] })
  })

  test('verifying finds what the log was wrongly trusted with, and keeps what was read', async () => {
    await createTwo()
    const { commit: first, commitId } = await commit()
    expect((await commit({ reading: 'verified' })).reading).toMatchObject({
      reason: 'asked',
      mismatches: [],
    })
    await server.query('INSERT INTO touched VALUES (1001)')
    const { lsn } = await momentOf(server)
    const walBase = { ...first.walBase!, settledLsn: lsn }
    const wrong = await putAtHead(store, { ...first, walBase, parentIds: [commitId] })
    await server.query('CHECKPOINT')
    const verified = await commitAndCompare({ reading: 'verified' })
    expect(verified.commit.parentIds).toEqual([wrong])
    expect(verified.reading.mismatches).toEqual(['public.touched'])
  })

  test('comparisons and checkouts read no more than a commit', async () => {
    await createTwo()
    await commit()
    await server.query('INSERT INTO touched VALUES (1001)')
    const planned: number[] = []
    const reporter: Reporter = (event) => {
      if (event.kind === 'tablesPlanned') planned.push(event.tableCount)
    }
    const database = await addressOf(server.url())
    await withScratchDirectory(async (scratchDirectory) => {
      const live = await captureLiveState(store, {
        database,
        selection: WHOLE_DATABASE,
        scratchDirectory,
        reporter,
      })
      expect(live.treeId).toBe(await treeOfAll(server.url()))
    })
    expect(planned).toEqual([1])

    const { result } = await checkoutDatabase(store, server.url(), 'HEAD', { reporter })
    expect(planned.slice(0, 2)).toEqual([1, 1])
    expect(await server.query('SELECT count(*)::int AS count FROM touched')).toEqual([
      { count: 300 },
    ])
    // The state before the checkout is the newer base: the table that it wrote is all that has changed.
    const { reading } = await commitAndCompare()
    expect(reading).toMatchObject({
      baseId: result.safetyCommitId,
      unreadTables: ['public.quiet'],
    })
  })
})

/** Where the log of a server is now. */
async function momentOf(server: SummarizingServer): Promise<WalMoment> {
  const session = await openSession(await addressOf(server.url()))
  try {
    const mark = await readWalMark(session, { isPatient: false, isSharp: false })
    if (typeof mark === 'string') throw new Error(mark)
    return await readWalMoment(session, mark)
  } finally {
    await session.close()
  }
}
