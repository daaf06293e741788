/**
 * Turns dumps of pg_dump into commits, in the order of their time.
 *
 * Each is restored into a database of its own, which is captured like any other
 * and dropped. The branch moves once, when all of them are commits: an import
 * that fails leaves objects that nothing names, and no trace otherwise.
 */
import { randomBytes } from 'node:crypto'
import { access, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
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
import { type Compression, detectCompression, readDumpFile } from './dump-bytes.ts'
import { unreadable } from './dump-error.ts'
import { describeImported } from './imported-database.ts'
import { readContents, restoreArchive } from './restore-archive.ts'
import { restorePlain } from './restore-plain.ts'

export interface Dump {
  /** How messages name it. */
  file: string
  path: string
  format: 'plain' | 'custom' | 'directory' | 'tar'
  /** When it was made: what its header says, or when the file was written last. */
  createdAt: Date
  /** Null where it does not say. */
  databaseName: string | null
  /** Of the server it was made of, and of pg_dump; null where it does not say. */
  versions: { server: string; pgDump: string } | null
  /** Of the file as a whole; what an archive has compressed of itself is its own affair. */
  compression: Compression
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
    await access(join(path, 'toc.dat')).catch((cause) => {
      throw unreadable(file, 'it is a directory without toc.dat, and so no dump', undefined, cause)
    })
    return inspectArchive('directory', 'none')
  }
  const compression = await detectCompression(path)
  const head = await readHead(path, compression, file)
  if (head.subarray(0, 5).equals(MAGIC)) return inspectArchive('custom', compression)
  if (head.subarray(257, 262).toString() === 'ustar') return inspectArchive('tar', compression)
  const text = head.toString('latin1')
  if (!/^(?:--|\\restrict|SET |BEGIN)/m.test(text)) {
    throw unreadable(file, 'it is no dump of pg_dump', "for rows of a table, see 'snap help load'")
  }
  const createdAt = findStart(text) ?? found.mtime
  return {
    file,
    path,
    format: 'plain',
    createdAt,
    databaseName: findDatabaseName(text),
    versions: findVersions(text),
    compression,
    contents: null,
  }

  async function inspectArchive(
    format: 'custom' | 'directory' | 'tar',
    compression: Compression,
  ): Promise<Dump> {
    const contents = await readContents({ path, format, compression, file })
    const { createdAt, databaseName, serverVersion: server, pgDumpVersion: pgDump } = contents
    const versions = { server, pgDump }
    return { file, path, format, createdAt, databaseName, versions, compression, contents }
  }
}

const MAGIC = Buffer.from('PGDMP')
/** What pg_dump writes before the first object fits, comments of the database included. */
const HEAD_BYTES = 1 << 14

async function readHead(path: string, compression: Compression, file: string): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of readDumpFile(path, compression, file)) {
    pieces.push(piece)
    sizeBytes += piece.length
    if (sizeBytes >= HEAD_BYTES) break
  }
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES)
}

/** Of a dump with --verbose: by the clock of the machine that made it, whose zone is told by its letters alone. */
function findStart(text: string): Date | null {
  const [, day, time, zone] =
    /^-- Started on (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?: (\w+))?/m.exec(text) ?? []
  if (day === undefined) return null
  return new Date(`${day}T${time}${zone === 'UTC' || zone === 'GMT' ? 'Z' : ''}`)
}

function findVersions(text: string): Dump['versions'] {
  const server = /^-- Dumped from database version (.+)$/m.exec(text)?.[1]
  const pgDump = /^-- Dumped by pg_dump version (.+)$/m.exec(text)?.[1]
  return server === undefined || pgDump === undefined ? null : { server, pgDump }
}

/** Of a dump with --create. */
function findDatabaseName(text: string): string | null {
  const [, quoted, plain] = /^CREATE DATABASE (?:"((?:[^"]|"")+)"|([^\s";]+))/m.exec(text) ?? []
  return quoted?.replaceAll('""', '"') ?? plain ?? null
}

export interface ImportOptions {
  /** A server that may make a database; the address names one to begin at. */
  scratch: DatabaseAddress
  /** The server is thrown away afterwards: roles that are missing there are made. */
  isThrowaway: boolean
  branch: string
  /** Of dumps that do not say of which database they are. */
  databaseName: string
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
  const { author, databaseName, jobs, reporter, signal } = options
  throwIfAborted(signal, 'importing')
  return withScratchDatabase(options, async (database) => {
    const leftOut = await restore(database, dump, options)
    const writer = store.objects.newWriter()
    try {
      const selection = completeSelection(undefined)
      const capture = await captureDatabase(writer, { database, selection, jobs, reporter, signal })
      const facts = { name: dump.databaseName ?? databaseName, dumpedAt: dump.createdAt }
      const described = { ...capture, database: describeImported(capture.database, facts) }
      const { commitId, commit } = await putCommit(writer, described, {
        parentIds: parentId === null ? [] : [parentId],
        purpose: 'user',
        message: `import ${basename(dump.file)}${describeOrigin(dump)}`,
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

/** The commit itself tells of the server that restored it. */
function describeOrigin({ versions }: Dump): string {
  if (versions === null) return ''
  return `\n\nDumped from PostgreSQL ${versions.server} by pg_dump ${versions.pgDump}.`
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
  const { file, path, format, compression, contents } = dump
  const shared = { file, makesRoles: isThrowaway, signal }
  try {
    if (contents !== null && format !== 'plain') {
      const archive = { path, format, compression, file }
      const currentUser = database.user
      await restoreArchive(session, archive, contents, { ...shared, currentUser })
      return []
    }
    const source = readDumpFile(path, compression, file)
    return await restorePlain(session, source, shared)
  } finally {
    await session.close()
  }
}
