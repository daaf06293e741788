/**
 * Tables that are read several at a time: what each gives must be what it gives by itself, and one
 * that cannot be had must not keep the others from being read.
 */
import { expect, test } from 'vitest'
import { type CaptureOptions, captureDatabase } from '../../src/capture/capture-database.ts'
import { captureStream } from '../../src/capture/capture-stream.ts'
import { copyOutStatement } from '../../src/capture/copy-out-statement.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import type { SnapEvent } from '../../src/events.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import { pinSettings } from '../../src/postgres/pinned-settings.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../support/postgres.ts'
import { addressOf, PATIENCE_MS, withSession } from './postgres/sessions.ts'

const SMALL_TABLES = 100

/** Tables of all sizes, some with statistics and some without. */
async function manyTables(major: number): Promise<TestDatabase> {
  const database = await createDatabase(major)
  const small = Array.from(
    { length: SMALL_TABLES },
    (_, i) => `CREATE TABLE small_${i} (id int PRIMARY KEY, t text);
      INSERT INTO small_${i} SELECT g, 'row ' || g || ' of ${i}' FROM generate_series(1, ${i * 2}) g;`,
  )
  await database.query(`${small.join('\n')}
    ANALYZE;
    CREATE TABLE large (id int, t text); INSERT INTO large SELECT g, md5(g::text) FROM generate_series(1, 30000) g;
    CREATE TABLE wide (t text); ALTER TABLE wide ALTER t SET STORAGE EXTERNAL;
    INSERT INTO wide SELECT repeat(g::text, 400000) FROM generate_series(1, 5) g;
    CREATE TABLE columnless (); INSERT INTO columnless SELECT FROM generate_series(1, 3);
    CREATE TABLE "in ""quotes""; --" ("a ""b" int, doubled int GENERATED ALWAYS AS (2) STORED);
    INSERT INTO "in ""quotes""; --" VALUES (1), (2);
    CREATE TABLE parent (x int) PARTITION BY LIST (x); CREATE TABLE child PARTITION OF parent FOR VALUES IN (1);
    INSERT INTO parent VALUES (1), (1)`)
  return database
}

async function capture(database: TestDatabase, options: Partial<CaptureOptions> = {}) {
  return captureDatabase(new HashingSink(), {
    database: await addressOf(database.url),
    selection: WHOLE_DATABASE,
    ...options,
  })
}

oldestAndNewestMajor((major) => {
  test('tables read together give what each gives by itself, whatever the number of jobs', async () => {
    const database = await manyTables(major)
    const { treeId, tree } = await capture(database, { jobs: 1 })
    for (const jobs of [2, 5]) expect((await capture(database, { jobs })).treeId).toBe(treeId)

    const { tables } = tree
    expect(tables).toHaveLength(SMALL_TABLES + 5)
    const byThemselves = await withSession(database.url, async (session) => {
      await pinSettings(session)
      const manifests: unknown[] = []
      for (const table of tables) {
        const rows = session.copyOut(copyOutStatement(table))
        manifests.push({ name: table.name, rows: await captureStream(rows, new HashingSink()) })
      }
      return manifests
    })
    expect(tables.map(({ name, rows }) => ({ name, rows }))).toEqual(byThemselves)
  })

  test('a table that somebody waits for is read all the same, and so are those beside it', async () => {
    const database = await manyTables(major)
    const { treeId } = await capture(database)
    const contended = ['large', 'small_70', 'small_71']
    const events: SnapEvent[] = []
    const migrations: Promise<unknown>[] = []
    const isWaiting = () =>
      database.query(`SELECT FROM pg_locks WHERE NOT granted AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())`)

    const read = await capture(database, {
      jobs: 2,
      // All tables are locked by now, and no worker has begun.
      inspect: async () => {
        for (const table of contended) migrations.push(database.query(`TRUNCATE ${table}`))
        await expect.poll(isWaiting, { timeout: PATIENCE_MS }).toHaveLength(contended.length)
      },
      reporter: (event) => events.push(event),
    })
    await Promise.all(migrations)

    expect(read.treeId).toBe(treeId)
    const done = events.flatMap((event) =>
      event.kind === 'tableProgress' && event.isDone ? [event.table] : [],
    )
    expect(done.toSorted()).toEqual([...new Set(done)].toSorted())
    expect(done).toHaveLength(SMALL_TABLES + 5)
    // What no worker could have was left to the end.
    expect(done.slice(-3)).toEqual(contended.map((table) => `public.${table}`))
  })

  test('a failure names the table whose rows cannot be read', async () => {
    const database = await manyTables(major)
    await database.query(`
      CREATE TYPE unreadable;
      CREATE FUNCTION unreadable_in(cstring) RETURNS unreadable LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
      CREATE FUNCTION unreadable_out(unreadable) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'trigger_out';
      CREATE TYPE unreadable (INPUT = unreadable_in, OUTPUT = unreadable_out, LIKE = int4);
      ALTER TABLE small_90 ADD c unreadable; UPDATE small_90 SET c = '1' WHERE id = 50`)

    await expect(capture(database, { jobs: 2 })).rejects.toMatchObject({
      code: 'POSTGRES_REFUSED',
      message: expect.stringMatching(/^cannot read table 'public\.small_90': cannot display/),
      data: { sqlState: '0A000', table: 'public.small_90' },
    })
  })
})
