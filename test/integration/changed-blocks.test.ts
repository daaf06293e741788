/**
 * Of a large table, what has not changed since an earlier commit is taken from it unread, by ranges of
 * blocks, because the server's WAL summaries name none of these blocks.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { RANGE_BLOCKS } from '../../src/capture/block-ranges.ts'
import { captureDatabase } from '../../src/capture/capture-database.ts'
import type { CommitOptions, CommitResult } from '../../src/capture/commit.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import { captureLiveState } from '../../src/diff/database-state.ts'
import { checkTableRanges } from '../../src/format/stream-entries.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
import { readJsonStream } from '../../src/objects/read-json-stream.ts'
import { readRows, walkChunks } from '../../src/objects/walk-manifest.ts'
import { withScratchDirectory } from '../../src/objects/with-scratch-directory.ts'
import { openStore, type Store } from '../../src/store.ts'
import {
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  putAtHead,
} from '../support/session.ts'
import { SummarizingServer, summarizingMajors } from '../support/summarizing-server.ts'

/**
 * A row a block, in five ranges; some have a value that is stored out of line. What later readers and
 * vacuums would set on all pages is set.
 */
const ROW_COUNT = 4 * RANGE_BLOCKS + 100
const createLarge = (name: string) => `
  CREATE TABLE ${name} (id integer, word text, text text) WITH (fillfactor = 10);
  ALTER TABLE ${name} ALTER text SET STORAGE EXTERNAL;
  INSERT INTO ${name} SELECT g, repeat('x', 700), CASE WHEN g % 20 = 0 THEN repeat(md5(g::text), 100) END
    FROM generate_series(1, ${ROW_COUNT}) g;
  VACUUM (FREEZE) ${name}; VACUUM ${name}`

/** What is done to the large table `%t`, and how much of it is then read. */
const CASES: [name: string, sql: string, isRead: 'not' | 'partly' | 'whole'][] = [
  ['nothing', 'SELECT 1', 'not'],
  ['a row is updated', `UPDATE %t SET word = '' WHERE id = 700`, 'partly'],
  [
    'a row is updated, and takes its place in another block',
    `UPDATE %t SET word = repeat('y', 6000) WHERE id = 700`,
    'partly',
  ],
  ['a row is locked', 'BEGIN; SELECT FROM %t WHERE id = 1500 FOR UPDATE; COMMIT', 'partly'],
  [
    'a value stored out of line is updated',
    `UPDATE %t SET text = repeat('z', 5000) WHERE id = 1000`,
    'partly',
  ],
  [
    'values are deleted, and swept where they were stored',
    'DELETE FROM %t WHERE id BETWEEN 600 AND 900; VACUUM %t',
    'partly',
  ],
  [
    'ranges are added',
    `INSERT INTO %t SELECT g, repeat('x', 700) FROM generate_series(1, 700) g`,
    'partly',
  ],
  [
    'a range is cut off',
    `DELETE FROM %t WHERE id > ${3 * RANGE_BLOCKS + 200}; VACUUM %t`,
    'partly',
  ],
  [
    'a range is cut off and made again',
    `DELETE FROM %t WHERE id > ${3 * RANGE_BLOCKS + 200}; VACUUM %t; INSERT INTO %t SELECT g, repeat('x', 700) FROM generate_series(1, 400) g`,
    'partly',
  ],
  ['writing is taken back', `BEGIN; UPDATE %t SET word = '' WHERE id < 10; ROLLBACK`, 'partly'],
  ['most blocks are written', `UPDATE %t SET word = '' WHERE id % 400 = 0`, 'whole'],
  [
    'so much is cut off that it is no large table',
    'DELETE FROM %t WHERE id > 700; VACUUM %t',
    'whole',
  ],
  ['it is written anew', 'VACUUM FULL %t', 'whole'],
  ['it is emptied', 'TRUNCATE %t', 'whole'],
  ['a column is added', 'ALTER TABLE %t ADD COLUMN more integer DEFAULT 7', 'whole'],
]

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

  /** Commits, and compares with a capture that reads every table. */
  async function commitAndCompare(options: Partial<CommitOptions> = {}): Promise<CommitResult> {
    const made = await commitDatabase(store, server.url(), options)
    const { treeId } = await captureDatabase(new HashingSink(), {
      database: await addressOf(server.url()),
      selection: WHOLE_DATABASE,
      jobs: 1,
    })
    expect(made.commit.treeId).toBe(treeId)
    return made
  }

  test('what has happened to a large table decides how much of it is read', async () => {
    for (const [position] of CASES.entries()) await server.run(createLarge(`case_${position}`))
    await commitDatabase(store, server.url())
    for (const [position, [, sql]] of CASES.entries()) {
      await server.run(sql.replaceAll('%t', `case_${position}`))
    }
    const { reading } = await commitAndCompare()
    const found = CASES.map(([name], position) => {
      const table = `public.case_${position}`
      if (reading.unreadTables.includes(table)) return [name, 'not']
      return [name, reading.partlyReadTables.includes(table) ? 'partly' : 'whole']
    })
    expect(found).toEqual(CASES.map(([name, , isRead]) => [name, isRead]))

    // What was taken over is noted for the next commit, and right.
    await server.query(
      `UPDATE case_0 SET word = '' WHERE id = 1; UPDATE case_1 SET word = '' WHERE id = 2000`,
    )
    const next = await commitAndCompare()
    expect(next.reading.partlyReadTables).toEqual(
      expect.arrayContaining(['public.case_0', 'public.case_1']),
    )
    expect((await commitAndCompare({ reading: 'verified' })).reading.mismatches).toEqual([])
    expect(await fsck(store.backend)).toMatchObject({ findings: [] })
  })

  if (major !== summarizingMajors.at(-1)) return

  test('what a transaction wrote before a commit and committed after it is read', async () => {
    await server.run(createLarge('large'))
    await commitDatabase(store, server.url())
    const writer = await server.connect()
    await writer.query(`BEGIN; SAVEPOINT a; UPDATE large SET word = '' WHERE id = 700; RELEASE a`)
    const during = await commitAndCompare()
    expect(during.reading.partlyReadTables).toEqual(['public.large'])
    await writer.query('COMMIT')
    await writer.end()
    const after = await commitAndCompare()
    expect(after.commit.treeId).not.toBe(during.commit.treeId)
    expect(after.reading.partlyReadTables).toEqual(['public.large'])
  })

  test('comparisons and checkouts go by what has changed, too', async () => {
    await server.run(createLarge('large'))
    const { tree } = await commitDatabase(store, server.url())
    await server.query(`UPDATE large SET word = '' WHERE id IN (1, 700)`)
    const database = await addressOf(server.url())
    await withScratchDirectory(async (scratchDirectory) => {
      const selection = WHOLE_DATABASE
      const live = await captureLiveState(store, { database, selection, scratchDirectory })
      const whole = await captureDatabase(new HashingSink(), { database, selection })
      expect(live.treeId).toBe(whole.treeId)
      const rows = live.tree.tables[0]!.rows!
      let sizeBytes = 0
      for await (const bytes of readRows(live.objects, rows)) sizeBytes += bytes.length
      expect(sizeBytes).toBe(rows.sizeBytes)
    })
    const { result } = await checkoutDatabase(store, server.url(), 'HEAD')
    const safety = await store.objects.readCommit(result.safetyCommitId!)
    const { tables } = await store.objects.readTree(safety.treeId)
    expect(tables[0]!.rows!.sizeBytes).toBe(tree.tables[0]!.rows!.sizeBytes - 2 * 700)
    const words = await server.query('SELECT DISTINCT length(word) AS length FROM large')
    expect(words).toEqual([{ length: 700 }])
    await commitAndCompare()
    expect(await fsck(store.backend)).toMatchObject({ findings: [] })
  })

  test('verifying finds what the log was wrongly trusted with, and keeps what was read', async () => {
    await server.run(createLarge('large'))
    const { commit: first, commitId } = await commitDatabase(store, server.url())
    // The first reader sets bits on pages of rows that were written, which is logged.
    await server.run(
      `UPDATE large SET word = '' WHERE id = 700; SELECT count(*) FROM large; CHECKPOINT`,
    )
    const [now] = await server.query<{ lsn: string }>(
      'SELECT pg_current_wal_insert_lsn()::text AS lsn',
    )
    const walBase = { ...first.walBase!, settledLsn: now!.lsn }
    await putAtHead(store, { ...first, walBase, parentIds: [commitId] })
    await server.query(`UPDATE large SET word = '' WHERE id = 2000`)
    const { reading } = await commitAndCompare({ reading: 'verified' })
    expect(reading).toMatchObject({ mismatches: ['public.large'], partlyReadTables: [] })
  })

  test('a base that does not say what lay where is good for whole tables', async () => {
    await server.run(createLarge('large'))
    await server.run(createLarge('quiet'))
    const { commit: first, commitId } = await commitDatabase(store, server.url())
    const { ranges, ...walBase } = first.walBase!
    const lines = await readJsonStream(store.objects, ranges!, checkTableRanges)
    expect(lines.map(({ name, sizesBytes }) => [name, sizesBytes.length])).toEqual([
      ['large', 5],
      ['quiet', 5],
    ])
    await putAtHead(store, { ...first, walBase, parentIds: [commitId] })
    await server.query(`UPDATE large SET word = '' WHERE id = 700`)
    const { reading } = await commitAndCompare()
    expect(reading).toMatchObject({ partlyReadTables: [], unreadTables: ['public.quiet'] })
  })

  test('where a chunk that is wanted from the store is damaged, the table is read whole', async () => {
    await server.run(createLarge('large'))
    const { tree } = await commitDatabase(store, server.url())
    const { backend } = store
    for await (const { id } of walkChunks(store.objects, tree.tables[0]!.rows!)) {
      const entry = (await store.objects.findEntry(id, 'chunk'))!
      const pack = await backend.read(entry.packKey)
      const middle = entry.offsetBytes + (entry.storedSizeBytes >> 1)
      pack[middle] = pack[middle]! ^ 0xff
      await backend.remove(entry.packKey)
      await backend.create(entry.packKey, [pack])
    }
    store = await openStore(backend)
    await server.query(`UPDATE large SET word = '' WHERE id IN (700, 2000)`)
    const { reading } = await commitAndCompare()
    expect(reading).toMatchObject({ partlyReadTables: [], unreadTables: [] })
  })
})
