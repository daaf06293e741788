/**
 * Turns dumps of pg_dump into commits, in the order of their time.
 *
 * Each is restored into a database of its own, which is captured like any other
 * and dropped. The branch moves once, when all of them are commits: an import
 * that fails leaves objects that nothing names, and no trace otherwise.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { putCommit } from '../capture/build-commit.ts'
import { captureDatabase } from '../capture/capture-database.ts'
import { completeSelection } from '../capture/selection.ts'
import { throwIfAborted } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { Author } from '../format/ref-record.ts'
import type { Commit, ObjectId, Tree } from '../format/values.ts'
import { withStoreLock } from '../maintenance/with-store-lock.ts'
import { type DatabaseAddress, withDatabase } from '../postgres/address/database-address.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { openSession } from '../postgres/session.ts'
import { branchRefName } from '../refs/ref-name.ts'
import type { ArchiveContents } from '../schema/toc.ts'
import type { Store } from '../store.ts'
import { readContents, restoreArchive, through, unreadable } from './restore-archive.ts'
import { restorePlain } from './restore-plain.ts'

export interface Dump {
  /** How messages name it. */
  file: string
  path: string
  format: 'plain' | 'custom' | 'directory'
  /** When it was made: what its header says, or when the file was written last. */
  createdAt: Date
  /** Null where it does not say. */
  databaseName: string | null
  isCompressed: boolean
  contents: ArchiveContents | null
}

/**
 * Looks at what a dump is, by its first bytes.
 *
 * @throws DUMP_UNREADABLE  it is none that can be imported
 */
export async function inspectDump(path: string, file: string): Promise<Dump> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(file, cause.code ?? cause.message, undefined, cause)
  })
  if (found.isDirectory()) {
    const contents = await readContents(join(path, 'toc.dat'), file).catch((error) => {
      if (error.code !== 'ENOENT') throw error
      throw unreadable(file, 'it is a directory without toc.dat, and so no dump')
    })
    return archive('directory', contents)
  }
  const head = await readHead(path)
  if (head.subarray(0, 5).equals(MAGIC)) return archive('custom', await readContents(path, file))
  if (head.subarray(257, 262).toString() === 'ustar') {
    throw unreadable(file, 'it is a tar archive', `unpack it, and import the directory`)
  }
  const isCompressed = head[0] === 0x1f && head[1] === 0x8b
  const text = head.toString('latin1')
  if (!isCompressed && !/^(?:--|\\restrict|SET |BEGIN)/m.test(text)) {
    throw unreadable(file, 'it is no dump of pg_dump', "for rows of a table, see 'snap help load'")
  }
  const started = /^-- Started on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/m.exec(text)?.[1]
  const createdAt = started === undefined ? found.mtime : new Date(started.replace(' ', 'T'))
  const databaseName = null
  return { file, path, format: 'plain', createdAt, databaseName, isCompressed, contents: null }

  function archive(format: 'custom' | 'directory', contents: ArchiveContents): Dump {
    const { createdAt: at, databaseName: name } = contents
    return { file, path, format, createdAt: at, databaseName: name, isCompressed: false, contents }
  }
}

const MAGIC = Buffer.from('PGDMP')

async function readHead(path: string): Promise<Buffer> {
  const handle = await open(path)
  try {
    const bytes = Buffer.alloc(4096)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

export interface ImportOptions {
  /** A server that may make a database; the address names one to begin at. */
  scratch: DatabaseAddress
  /** The server is thrown away afterwards: roles that are missing there are made. */
  isThrowaway: boolean
  branch: string
  author: Author
  jobs?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
  onImported?: ((imported: ImportedDump) => void) | undefined
}

export interface ImportedDump {
  dump: Dump
  commitId: ObjectId
  commit: Commit
  tree: Tree
  storedSizeBytes: number
  /** Statements that name roles the server has not. */
  leftOut: string[]
}

/**
 * Imports dumps onto a branch, oldest first; the branch is made where it is not there.
 *
 * @throws DUMP_UNREADABLE  one cannot be read or restored; the branch is where it was
 * @throws REF_CONFLICT     somebody moved the branch meanwhile
 */
export function importDumps(
  store: Store,
  dumps: readonly Dump[],
  options: ImportOptions,
): Promise<ImportedDump[]> {
  const { branch, author, now = () => new Date() } = options
  const refName = branchRefName(branch)
  return withStoreLock(store, { operation: 'import', mode: 'shared', at: now() }, async () => {
    const expected = (await store.refs.find(refName)) ?? null
    const imported: ImportedDump[] = []
    let parentId = expected
    const ordered = [...dumps].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
    for (const dump of ordered) {
      const one = await importDump(store, dump, parentId, options)
      imported.push(one)
      parentId = one.commitId
      options.onImported?.(one)
    }
    if (parentId !== null && parentId !== expected) {
      const reason = { kind: 'commit', message: imported.at(-1)!.commit.message } as const
      const move = { name: refName, expected, next: parentId, reason, author, at: now() }
      await store.refs.move(move)
    }
    return imported
  })
}

async function importDump(
  store: Store,
  dump: Dump,
  parentId: ObjectId | null,
  options: ImportOptions,
): Promise<ImportedDump> {
  const { author, jobs, reporter, signal } = options
  throwIfAborted(signal, 'importing')
  return withScratchDatabase(options, async (database) => {
    const leftOut = await restore(database, dump, options)
    const writer = store.objects.newWriter()
    try {
      const selection = completeSelection(undefined)
      const capture = await captureDatabase(writer, { database, selection, jobs, reporter, signal })
      const name = dump.databaseName ?? basename(dump.file).replace(/\..*$/, '')
      const described = { ...capture, database: { ...capture.database, name } }
      const { commitId, commit } = await putCommit(writer, described, {
        parentIds: parentId === null ? [] : [parentId],
        purpose: 'user',
        message: `import ${basename(dump.file)}`,
        author,
        createdAt: dump.createdAt,
        selection,
        git: null,
      })
      await writer.flush()
      const { storedSizeBytes } = writer.totals
      return { dump, commitId, commit, tree: capture.tree, storedSizeBytes, leftOut }
    } finally {
      await writer.close()
    }
  })
}

async function withScratchDatabase<T>(
  { scratch, signal }: ImportOptions,
  work: (database: DatabaseAddress) => Promise<T>,
): Promise<T> {
  const name = `snap_import_${randomBytes(6).toString('hex')}`
  const run = async (sql: string) => {
    // Not stopped by an interruption: what was made is to go.
    const admin = await openSession(scratch)
    try {
      await admin.execute(sql)
    } finally {
      await admin.close()
    }
  }
  throwIfAborted(signal, 'importing')
  await run(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`)
  try {
    return await work(withDatabase(scratch, name))
  } finally {
    await run(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`)
  }
}

async function restore(
  database: DatabaseAddress,
  dump: Dump,
  { isThrowaway, signal }: ImportOptions,
): Promise<string[]> {
  const session = await openSession(database, signal === undefined ? {} : { signal })
  const { file, path, contents } = dump
  const shared = { file, makesRoles: isThrowaway, signal }
  try {
    if (contents !== null) {
      const currentUser = database.user
      await restoreArchive(session, path, contents, { ...shared, currentUser })
      return []
    }
    const bytes = createReadStream(path)
    const source = dump.isCompressed ? through(bytes, createGunzip(), file) : bytes
    return await restorePlain(session, source, shared)
  } finally {
    await session.close()
  }
}
