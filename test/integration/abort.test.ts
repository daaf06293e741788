/**
 * Whatever may take long stops when it is asked to, and leaves nothing behind.
 *
 * Each operation runs twice: with a signal that was aborted before it began, and with
 * one that is aborted as soon as it has read or written anything, or told of anything.
 * Then the store has the refs and no more locks than before, the database no sessions
 * and the same rows, and the scratch directory no files.
 */
import { deepEqual, rejects } from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { beforeAll, describe, test } from 'vitest'
import type { Backend } from '../../src/backend/backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import * as library from '../../src/index.ts'
import { capture } from '../support/file-sources.ts'
import { allMajors, createDatabase, serverOf, type TestDatabase } from '../support/postgres.ts'
import { AUTHOR, addressOf } from '../support/session.ts'

const newestMajor = allMajors.at(-1)!
const server = serverOf(newestMajor)
const author = AUTHOR

/** What an operation is run with. */
interface World {
  store: library.Store
  database: library.DatabaseAddress
  commitId: library.ObjectId
  before: library.DatabaseState
  after: library.DatabaseState
  scratchDirectory: string
  /** Files beside the database, as a commit holds them. */
  files: library.CommittedFiles
  signal: AbortSignal
  reporter: library.Reporter
  /** Says that what comes next is what is to be aborted; all of it where nobody says so. */
  arm(): void
}

/** Marks an operation that needs something made first. */
const PREPARES = new Set([
  'formatTransition',
  'applyCheckout',
  'applyWipe',
  'applyPrune',
  'loadRows',
])

const drain = async (pieces: AsyncIterable<unknown>) => {
  for await (const _ of pieces);
}
const exported = async ({ store, commitId }: World) => {
  const commit = await store.objects.readCommit(commitId)
  return { commitId, commit, tree: await store.objects.readTree(commit.treeId) }
}
const DUMP = { withOwners: true, withPrivileges: true, rows: () => 'inline' as const }

/** Every public function that may take long, and how it is called. */
const OPERATIONS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  commit: ({ store, ...options }) => library.commit(store, { ...options, author, message: 'x' }),
  captureLiveState: async ({ store, commitId, ...options }) => {
    const { selection } = await store.objects.readCommit(commitId)
    return library.captureLiveState(store, { ...options, selection })
  },
  readStatus: ({ store, ...options }) => library.readStatus(store, options),
  diffStates: ({ before, after, ...options }) => library.diffStates(before, after, options),
  diffTableRows: ({ before, after, ...options }) => {
    const [pair] = library.listChangedTables(before, after)
    return drain(library.diffTableRows(before, after, pair!, options))
  },
  planTransition: ({ before, after, ...options }) => library.planTransition(before, after, options),
  formatTransition: async ({ before, after, scratchDirectory, signal, arm }) => {
    const transition = await library.planTransition(before, after, { scratchDirectory })
    const options = { scratchDirectory, signal }
    arm()
    return drain(library.formatTransition(transition, { before, after }, options))
  },
  planCheckout: ({ store, ...options }) =>
    library.planCheckout(store, { ...options, author, revision: 'HEAD' }),
  applyCheckout: async ({ store, arm, database, reporter, signal }) => {
    const options = { database, author }
    const planned = await library.planCheckout(store, { ...options, revision: 'HEAD' })
    arm()
    return library.applyCheckout(store, planned, { ...options, reporter, signal })
  },
  planUndo: ({ store, ...options }) => library.planUndo(store, { ...options, author }),
  planReturn: ({ store, commitId, ...options }) =>
    library.planReturn(store, {
      ...options,
      author,
      revision: 'the state before',
      kept: { commitId, head: { targetRef: 'refs/heads/main', id: commitId } },
    }),
  planWipe: ({ store, ...options }) =>
    library.planWipe(store, { ...options, author, scope: 'rows' }),
  applyWipe: async ({ store, arm, ...options }) => {
    const wipe = { database: options.database, author }
    const planned = await library.planWipe(store, { ...wipe, scope: 'rows' })
    arm()
    return library.applyWipe(store, planned, { ...options, author })
  },
  fsck: ({ store, ...options }) => library.fsck(store.backend, options),
  collectGarbage: ({ store, ...options }) => library.collectGarbage(store, options),
  planGarbageCollection: ({ store, ...options }) => library.planGarbageCollection(store, options),
  previewPrune: ({ store, ...options }) => library.previewPrune(store, { keepLast: 1 }, options),
  applyPrune: async ({ store, arm, ...options }) => {
    const { plan: planned } = await library.previewPrune(store, { keepLast: 1 })
    arm()
    return library.applyPrune(store, planned, { ...options, author })
  },
  readStoreStats: ({ store, ...options }) => library.readStoreStats(store, options),
  examineStore: ({ store, signal }) => library.examineStore(store, new Date(), { signal }),
  resolveRevision: ({ store, signal }) =>
    library.resolveRevision(store, 'migration:0000', { signal }),
  examineScripts: async ({ signal }) => {
    const scripts = [1, 2, 3].map((n) => ({ file: `${n}.sql`, source: 'DROP TABLE orders' }))
    return library.examineScripts(scripts, { state: null, isSequence: true, signal })
  },
  listSourceFiles: ({ store, files, signal }) =>
    drain(library.listSourceFiles(store.objects, files, 'a/b', { signal })),
  exportSources: ({ store, files, scratchDirectory, signal }) => {
    const directory = join(scratchDirectory, 'exported')
    return library.exportSources(store.objects, [files], { directory, signal })
  },
  walkCommits: ({ store, commitId, signal }) =>
    drain(library.walkCommits(store, [commitId], { signal })),
  findNewestCommit: ({ store, signal }) =>
    library.findNewestCommit(store, { purposes: ['safety'], signal }),
  formatPlainDump: async (world) =>
    drain(
      library.formatPlainDump(world.store.objects, await exported(world), {
        ...DUMP,
        signal: world.signal,
      }),
    ),
  formatTableRows: async (world) => {
    const { tree } = await exported(world)
    const { signal } = world
    return drain(library.formatTableRows(world.store.objects, tree.tables[0]!, 'csv', { signal }))
  },
  listExportFiles: async (world) => {
    const options = { ...DUMP, signal: world.signal }
    for (const { pieces } of library.listExportFiles(
      world.store.objects,
      await exported(world),
      options,
    )) {
      await drain(pieces)
    }
  },
  openSession: ({ database, signal }) => library.openSession(database, { signal }),
  inspectDatabase: ({ database, signal }) => library.inspectDatabase(database, { signal }),
  estimateFirstCommit: ({ database, signal }) => library.estimateFirstCommit(database, { signal }),
  readServerFacts: ({ database, signal }) => library.readServerFacts(database, { signal }),
  isDatabaseStillAt: async ({ database, signal }) =>
    library.isDatabaseStillAt(
      database,
      { transactions: '', sequences: [], sequenceRows: NO_ROWS },
      signal,
    ),
  prepareLoad: ({ database, signal }) =>
    library.prepareLoad(database, { columns: ['id'] }, { ...LOAD, signal }),
  loadRows: async ({ database, signal, arm }) => {
    const records = await library.readRecords(fileOf('id,total\n9001,1\n9002,2\n'), 'csv', CSV)
    const planned = await library.prepareLoad(database, records, LOAD)
    arm()
    return library.loadRows(database, records, planned, { ...LOAD, signal })
  },
  openMigrationRun: async ({ database, signal }) => {
    const run = await library.openMigrationRun(database, {
      history: { schema: 'public', table: 'snap_migrations' },
      signal,
    })
    await run.close()
  },
  findNearAddresses: ({ signal }) =>
    library.findNearAddresses({
      environment: {},
      homeDirectory: '/nonexistent',
      userName: server.user,
      socketDirectories: [server.host],
      signal,
    }),
  readMigrationHeads: ({ database, signal }) => library.readMigrationHeads(database, { signal }),
}

const LOAD = {
  table: 'orders',
  timeZone: 'UTC',
  isDryRun: false,
  allowsRejected: false,
  map: [],
  ignore: [],
  key: undefined,
  skipsExisting: false,
}
const CSV = { delimiter: ',', encoding: 'utf-8', nulls: [''] }
const NO_ROWS = {
  rootId: '0'.repeat(64) as library.ObjectId,
  sizeBytes: 0,
  rowCount: 0,
  chunkCount: 0,
}

const fileOf = (text: string): library.RowSource => ({
  path: 'orders.csv',
  async *open() {
    yield Buffer.from(text)
  },
})

/** Public functions without a signal, by why they need none. */
const BRIEF = new Set([
  // A few small reads or writes.
  ...['findOperationState', 'findStoreDirectory', 'initStore', 'openStore', 'moveHead', 'readHead'],
  ...['nameCommit', 'pinCommit', 'unpinCommit', 'listPins', 'readLastChange'],
  ...['inspectDump', 'inspectExport', 'inspectExportDirectory', 'readRecords'],
  ...['parseDatabaseAddress', 'resolveDatabaseAddress', 'readMigrations'],
  // A schema, or a page of rows.
  ...['readCommittedState', 'readSchemaEntries', 'readTablePage'],
  // The work inside is the caller's.
  ...['withScratchDirectory', 'withSoleOperation'],
  // Looks at one record, and is `planReturn` from there on.
  'planRollback',
])

test('every public function that may take long is here', () => {
  const missing = Object.entries(library)
    .filter(([, value]) => /^Async/.test(value?.constructor.name ?? ''))
    .map(([name]) => name)
    .filter((name) => OPERATIONS[name] === undefined && !BRIEF.has(name))
  deepEqual(missing, [])
})

/** Tells of each call, before it is made. */
class WatchedBackend extends MemoryBackend {
  onCall: () => void = () => {}

  override create(...call: Parameters<Backend['create']>) {
    this.onCall()
    return super.create(...call)
  }
  override read(...call: Parameters<Backend['read']>) {
    this.onCall()
    return super.read(...call)
  }
}

let database: TestDatabase
let backend: WatchedBackend
let world: Omit<World, 'signal' | 'reporter' | 'arm'>
let temporary: string
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'snap-abort-'))
  database = await createDatabase(newestMajor)
  await database.query(`
    CREATE TABLE orders (id int PRIMARY KEY, total numeric);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 30000) AS n;
    CREATE TABLE notes (id int PRIMARY KEY, text text);
    INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 1000) AS n`)
  backend = new WatchedBackend()
  const store = await library.initStore(backend, { author })
  const address = await addressOf(database.url)
  const options = { database: address, author }
  await library.commit(store, { ...options, message: 'one' })
  await database.query('UPDATE orders SET total = 0 WHERE id % 3 = 0')
  const { commitId } = await library.commit(store, { ...options, message: 'two' })
  await library.applyCheckout(
    store,
    await library.planCheckout(store, { ...options, revision: 'HEAD~1' }),
    options,
  )
  await database.query('UPDATE notes SET text = text || id; DELETE FROM orders WHERE id > 20000')
  const { selection } = await store.objects.readCommit(commitId)
  const rootPath = join(temporary, 'uploads')
  await mkdir(join(rootPath, 'a'), { recursive: true })
  for (let n = 0; n < 20; n++) await writeFile(join(rootPath, 'a', `${n}`), `file ${n}`)
  const uploads = { kind: 'files', name: 'uploads', root: 'uploads', rootPath } as const
  const { committed: files } = await capture(store, {
    ...uploads,
    patterns: ['**'],
    exclude: [],
    storePath: null,
  })
  const liveDirectory = await mkdtemp(join(temporary, 'live-'))
  world = {
    store,
    database: address,
    commitId,
    before: await library.readCommittedState(store, commitId),
    after: await library.captureLiveState(store, {
      database: address,
      selection,
      scratchDirectory: liveDirectory,
    }),
    scratchDirectory: temporary,
    files,
  }
  return async () => {
    await rm(temporary, { recursive: true })
  }
})

/** All that an operation could leave behind. */
async function remains() {
  const keys: string[] = []
  for await (const { key } of backend.list('')) if (!key.startsWith('packs/')) keys.push(key)
  const [rows] = await database.query(`
    SELECT md5(string_agg(o::text, ',' ORDER BY id)) AS orders,
      (SELECT md5(string_agg(n::text, ',' ORDER BY id)) FROM notes AS n) AS notes,
      (SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public') AS tables
    FROM orders AS o`)
  return { keys, rows, files: await readdir(temporary) }
}

/** A server ends a session some time after its client has gone. */
async function sessionsAreGone(): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const [row] = await database.query<{ count: number }>(`
      SELECT count(*)::int FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`)
    if (row!.count === 0) return
    await setTimeout(25)
  }
  throw new Error('a session was left behind')
}

describe.each(Object.entries(OPERATIONS))('%s', (name, operate) => {
  const MOMENTS = {
    'before it begins': (stop: AbortController) => stop.abort(),
    'as soon as it has begun': (stop: AbortController) => {
      backend.onCall = () => stop.abort()
      setImmediate(() => stop.abort())
    },
  }
  test.each(Object.entries(MOMENTS))(
    'stops when aborted %s, and leaves nothing',
    async (_when, arrange) => {
      const before = await remains()
      const stop = new AbortController()
      let isArmed = false
      const arm = () => {
        isArmed = true
        arrange(stop)
      }
      const reporter = () => {
        if (isArmed) stop.abort()
      }
      if (!PREPARES.has(name)) arm()
      try {
        await rejects(async () => operate({ ...world, signal: stop.signal, reporter, arm }), {
          code: 'ABORTED',
        })
      } finally {
        backend.onCall = () => {}
      }
      deepEqual(await remains(), before)
      await sessionsAreGone()
    },
  )
})
