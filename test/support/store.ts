import type { Backend } from '../../src/backend/backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { encodeCommit } from '../../src/format/commit.ts'
import { encodeTree } from '../../src/format/tree.ts'
import type { Commit, ManifestRef, ObjectId } from '../../src/format/values.ts'
import { ManifestWriter } from '../../src/objects/manifest-writer.ts'
import type { ObjectWriter } from '../../src/objects/object-writer.ts'
import { initStore, type Store } from '../../src/store.ts'

export const ada = { name: 'Ada', email: 'ada@example.org' }
export const noon = new Date('2026-01-31T12:00:00.000Z')

/** A new store in memory. */
export async function memoryStore(): Promise<Store> {
  return initStore(new MemoryBackend(), { author: ada, at: noon })
}

/** The tables of a made-up database: by name, the COPY text of each chunk. */
export type SampleTables = Record<string, string[]>

/** Options of a sample commit; everything else in it is fixed. */
export interface SampleCommitOptions {
  parentIds?: ObjectId[]
  message?: string
  createdAt?: Date
  purpose?: Commit['purpose']
  migrations?: Commit['migrations']
  /** Of other datastores: by name, what a dump command wrote. */
  sources?: Record<string, string>
}

/** Writes a commit of made-up tables and everything it names; moves no ref. */
export async function writeCommit(
  store: Store,
  tables: SampleTables,
  options: SampleCommitOptions = {},
): Promise<ObjectId> {
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  try {
    const commitId = await putCommit(writer, tables, options)
    await writer.flush()
    return commitId
  } finally {
    await writer.close()
  }
}

/** As `writeCommit`, and moves `main` there from where it is. */
export async function commitToMain(
  store: Store,
  tables: SampleTables,
  options: SampleCommitOptions = {},
): Promise<ObjectId> {
  const expected = (await store.refs.find('refs/heads/main')) ?? null
  const parentIds = expected === null ? [] : [expected]
  const commitId = await writeCommit(store, tables, { parentIds, ...options })
  const { message = 'sample', createdAt = noon } = options
  const reason = { kind: 'commit', message } as const
  const move = { name: 'refs/heads/main', expected, next: commitId, reason }
  await store.refs.move({ ...move, author: ada, at: createdAt })
  return commitId
}

/** Puts a commit and everything it names into a writer. */
export async function putCommit(
  writer: ObjectWriter,
  tables: SampleTables,
  options: SampleCommitOptions = {},
): Promise<ObjectId> {
  const empty = await putRows(writer, [])
  const entries = []
  for (const [name, chunks] of Object.entries(tables).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rows = await putRows(writer, chunks)
    entries.push({ namespace: 'public', name, columns: ['id'], extension: null, rows })
  }
  const treeId = await writer.put(
    'metadata',
    encodeTree({
      schema: await putRows(writer, ['{"sample":true}\n']),
      tables: entries,
      materializedViews: [],
      sequences: empty,
      largeObjects: { metadata: empty, pages: empty },
    }),
  )
  const { parentIds = [], message = 'sample', createdAt = noon } = options
  const { purpose = 'user', migrations = [] } = options
  const named = { treeId, parentIds, message, purpose, migrations, catalog: empty }
  const commit: Omit<Commit, 'createdAt'> = { ...sampleCommit, ...named }
  if (options.sources !== undefined) {
    commit.database = { oid: 16384, ...commit.database }
    commit.sources = []
    for (const [name, text] of Object.entries(options.sources)) {
      const output = await putRows(writer, [text])
      const at = createdAt.toISOString()
      commit.sources.push({ kind: 'command', name, startedAt: at, endedAt: at, output })
    }
  }
  return writer.put('metadata', encodeCommit({ ...commit, createdAt: createdAt.toISOString() }))
}

/** Puts a row stream, one chunk for each text. */
export async function putRows(
  writer: ObjectWriter,
  chunks: readonly string[],
): Promise<ManifestRef> {
  const manifest = new ManifestWriter(writer)
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk)
    const rowCount = chunk.split('\n').length - 1
    const id = await writer.put('chunk', bytes)
    await manifest.add({ id, sizeBytes: bytes.length, rowCount })
  }
  return manifest.finish()
}

/** Everything of a commit that tests do not choose. */
export const sampleCommit: Omit<
  Commit,
  'treeId' | 'parentIds' | 'message' | 'createdAt' | 'catalog'
> = {
  purpose: 'user',
  author: ada,
  database: {
    name: 'shop',
    systemIdentifier: '7312345678901234567',
    serverVersion: '18.4',
    serverVersionNumber: 180004,
    encoding: 'UTF8',
    collate: 'C.UTF-8',
    ctype: 'C.UTF-8',
    lsn: '0/16B3748',
    snapshotAt: noon.toISOString(),
  },
  tools: { snap: '0.1.0', pgDump: '18.4' },
  selection: {
    tables: [],
    excludeTables: [],
    excludeTableData: [],
    schemas: [],
    excludeSchemas: [],
  },
  notCaptured: [],
  migrations: [],
  git: null,
}

/** Copies every key into a new backend in memory. */
export async function copyOf(backend: Backend): Promise<MemoryBackend> {
  const copy = new MemoryBackend()
  for await (const { key } of backend.list('')) await copy.create(key, [await backend.read(key)])
  return copy
}

/** Replaces a value by other bytes, as a failing disk would; no part of `snap` can. */
export async function damage(
  backend: Backend,
  key: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const bytes = await backend.read(key)
  await backend.remove(key)
  await backend.create(key, [change(bytes)])
}

/** Lists every key. */
export async function keysOf(backend: Backend, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of backend.list(prefix)) keys.push(key)
  return keys
}
