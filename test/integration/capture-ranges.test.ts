/**
 * A large table is read by ranges of its blocks, over several connections: the chunks are those of
 * one scan of all of it.
 */
import { expect, test } from 'vitest'
import {
  cutIntoRanges,
  RANGE_BLOCKS,
  RANGE_SCAN_SETTINGS,
  rangeCondition,
} from '../../src/capture/block-ranges.ts'
import { type CaptureOptions, captureDatabase } from '../../src/capture/capture-database.ts'
import { captureStream } from '../../src/capture/capture-stream.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import { pinSettings } from '../../src/postgres/pinned-settings.ts'
import { openSession } from '../../src/postgres/session.ts'
import {
  allMajors,
  createDatabase,
  eachMajor,
  oldestAndNewestMajor,
  type TestDatabase,
} from '../support/postgres.ts'
import { addressOf } from '../support/session.ts'

/** Few rows fill many blocks. */
const TABLES = `
  CREATE TABLE plain (id integer, more text) WITH (fillfactor = 10, autovacuum_enabled = off);
  INSERT INTO plain SELECT g, repeat('x', 80) FROM generate_series(1, 20000) g;
  CREATE TABLE gaps (LIKE plain) WITH (fillfactor = 10, autovacuum_enabled = off);
  INSERT INTO gaps SELECT * FROM plain;
  DELETE FROM gaps WHERE id BETWEEN 3000 AND 13000 OR id % 3 = 0;
  UPDATE gaps SET more = 'moved' WHERE id % 5 = 0;
  CREATE TABLE shrunk (LIKE plain) WITH (fillfactor = 10, autovacuum_enabled = off);
  INSERT INTO shrunk SELECT * FROM plain;
  DELETE FROM shrunk WHERE id > 16000;
  CREATE TABLE wide (id integer, filler text, text text, more text GENERATED ALWAYS AS (filler) STORED)
    WITH (fillfactor = 10, autovacuum_enabled = off);
  ALTER TABLE wide ALTER text SET STORAGE EXTERNAL;
  INSERT INTO wide SELECT g, repeat('y', 300), CASE WHEN g % 9 = 0 THEN repeat(md5(g::text), 200) END FROM generate_series(1, 7000) g;
  INSERT INTO wide SELECT 0, '', string_agg(md5(g::text), '') FROM generate_series(1, 40000) g;
  CREATE TABLE bare () WITH (autovacuum_enabled = off);
  INSERT INTO bare SELECT FROM generate_series(1, 480000);
  CREATE TABLE small (id integer); INSERT INTO small VALUES (1)`

/** What one COPY of each table gives. */
async function scanEach({ url, query }: TestDatabase): Promise<Record<string, string>> {
  const session = await openSession(await addressOf(url))
  try {
    await pinSettings(session)
    const roots: Record<string, string> = {}
    const tables = await query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    )
    for (const { name } of tables) {
      const rows = session.copyOut(`COPY public.${name} TO STDOUT`)
      roots[name] = (await captureStream(rows, new HashingSink())).rootId
    }
    return roots
  } finally {
    await session.close()
  }
}

async function capture({ url }: TestDatabase, options: Partial<CaptureOptions>) {
  const database = await addressOf(url)
  return captureDatabase(new HashingSink(), { database, selection: WHOLE_DATABASE, ...options })
}

async function captureEach(database: TestDatabase, options: Partial<CaptureOptions>) {
  const { tree } = await capture(database, options)
  return Object.fromEntries(tree.tables.map(({ name, rows }) => [name, rows!.rootId]))
}

async function createTables(major: number): Promise<TestDatabase> {
  const database = await createDatabase(major)
  await database.query(TABLES)
  await database.query('VACUUM shrunk')
  const sizes = await database.query<{ name: string; blocks: number }>(
    `SELECT relname AS name, (pg_relation_size(oid) / 8192)::int AS blocks FROM pg_class
      WHERE relname IN ('plain', 'gaps', 'shrunk', 'wide', 'bare')`,
  )
  for (const { name, blocks } of sizes) {
    expect({ name, isLarge: blocks > 3 * RANGE_BLOCKS }).toEqual({ name, isLarge: true })
  }
  return database
}

oldestAndNewestMajor((major) => {
  test('the chunks of a table are those of one scan, whatever the number of connections', async () => {
    const database = await createTables(major)
    const expected = await scanEach(database)
    for (const jobs of [1, 2, 4]) {
      expect(await captureEach(database, { jobs })).toEqual(expected)
    }

    // What others write and lock while it is read is not in the snapshot.
    const locker = await openSession(await addressOf(database.url))
    const inspect = async () => {
      await locker.execute(`
        BEGIN; SELECT FROM plain WHERE id % 7 = 0 FOR UPDATE; UPDATE plain SET more = '' WHERE id % 11 = 0`)
      await database.query(`
        UPDATE gaps SET more = 'changed' WHERE id % 2 = 0; DELETE FROM wide WHERE id % 4 = 0;
        INSERT INTO shrunk SELECT g, repeat('z', 80) FROM generate_series(1, 6000) g`)
    }
    try {
      expect(await captureEach(database, { jobs: 3, inspect })).toEqual(expected)
    } finally {
      await locker.close()
    }
  })

  test('a lost connection, or an abort, ends the reading by all of them', async () => {
    const database = await createTables(major)
    const isReader = `datname = current_database() AND application_name = 'snap'`
    const causes: [code: RegExp, cause: (controller: AbortController) => Promise<unknown>][] = [
      [
        /^POSTGRES_/,
        () =>
          database.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${isReader} AND query LIKE 'COPY (SELECT%'`,
          ),
      ],
      [/^ABORTED$/, async (controller) => controller.abort()],
    ]
    for (const [code, cause] of causes) {
      const controller = new AbortController()
      let caused: Promise<unknown> | undefined
      const broken = capture(database, {
        jobs: 4,
        signal: controller.signal,
        reporter: (event) => {
          if (event.kind === 'tableProgress') caused ??= cause(controller)
        },
      })
      await expect(broken).rejects.toMatchObject({ code: expect.stringMatching(code) })
      await caused
      // The server ends a session a moment after its connection.
      for (let left = 1; left > 0; ) {
        left = (await database.query(`SELECT FROM pg_stat_activity WHERE ${isReader}`)).length
      }
    }
  })
})

eachMajor((major) => {
  test('a range is read from its own blocks alone', async () => {
    const database = await createDatabase(major)
    await database.query(`
      CREATE TABLE t (id integer PRIMARY KEY, more text) WITH (fillfactor = 10);
      INSERT INTO t SELECT g, repeat('x', 80) FROM generate_series(1, 20000) g; ANALYZE t`)
    const [size] = await database.query<{ blocks: number }>(
      `SELECT (pg_relation_size('t') / 8192)::int AS blocks`,
    )
    const session = await openSession(await addressOf(database.url))
    try {
      await session.execute(`SET enable_tidscan = off; BEGIN; ${RANGE_SCAN_SETTINGS}`)
      const ranges = cutIntoRanges(size!.blocks)
      expect(ranges.length).toBeGreaterThan(3)
      for (const columns of ['id, more', 'id', '']) {
        for (const range of [...ranges, { fromBlock: 0, toBlock: null }]) {
          const sql = `EXPLAIN (FORMAT JSON) SELECT ${columns} FROM ONLY t WHERE ${rangeCondition(range)}`
          const [row] = await session.query<{ 'QUERY PLAN': { Plan: object }[] }>(sql)
          expect(row!['QUERY PLAN'][0]!.Plan).toMatchObject({ 'Node Type': 'Tid Range Scan' })
        }
      }
    } finally {
      await session.close()
    }
  })
})

test('a role that may not read where rows are reads the table by one scan', async () => {
  // The right to change a table is enough to lock it, since PostgreSQL 16.
  const database = await createTables(allMajors.at(-1)!)
  const role = `reader_${database.name}`
  await database.query(`
    CREATE ROLE ${role} LOGIN; GRANT SELECT ON wide, gaps, shrunk, bare, small TO ${role};
    GRANT UPDATE, SELECT (id, more) ON plain TO ${role}`)
  try {
    const expected = await scanEach(database)
    const url = database.url.replace(/user=[^&]+/, `user=${role}`)
    expect(await captureEach({ ...database, url }, { jobs: 2 })).toEqual(expected)
  } finally {
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})
