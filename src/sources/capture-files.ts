/**
 * Reads the files of a source into objects.
 *
 * No file is held that was written while it was read: it is read again, and
 * after that refused. Different files are of different moments, between
 * `startedAt` and `endedAt`; only an SQLite database is of one moment with its
 * write-ahead log, because neither means anything without the other.
 *
 * A file is noticed to change by its size and times, so a write through shared
 * memory that reaches neither before it has been read is not noticed.
 */
import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { SnapError, throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { formatFileName } from '../format/file-name.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import { objectIdOf } from '../format/object-id.ts'
import type {
  ChunkRef,
  CommittedFiles,
  FileEntry,
  NotCaptured,
  ObjectId,
} from '../format/values.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import {
  type FileIdentity,
  findIdentity,
  findStats,
  identityOf,
  isAbsent,
  pathBelow,
} from './file-identity.ts'
import { listFiles, unreadable } from './list-files.ts'
import type { FilesSource } from './source.ts'
import { StreamWriter } from './stream-writer.ts'

export interface CapturedFiles {
  committed: CommittedFiles
  notCaptured: NotCaptured[]
}

/** Where a source's objects are put; to compare, contents need not be kept. */
export interface SourceSinks {
  entries: ObjectSink
  contents: ObjectSink
}

export interface CaptureFilesOptions {
  /** Called before the first entry, and once more when all of the source is read again. */
  onStart?: (() => void) | undefined
  /** Called with each entry, in order. */
  onEntry?: ((entry: FileEntry, stats: BigIntStats) => void) | undefined
  /** A root that is not there counts as empty; otherwise it is refused. */
  mayBeMissing?: boolean | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now: () => Date
}

/** Files shorter than this are in memory while they wait for those before them, and share chunks. */
const SMALL_FILE_BYTES = 16 * 1024
/** Hides the latency of opening one file behind others. */
const FILES_IN_FLIGHT = 24
const MAX_TRIES = 4
const RETRY_AFTER_MS = 40
/** File systems date writes no finer than the kernel's clock ticks, at most 10 ms. */
const TICK_MS = 20

/**
 * @throws SOURCE_UNREADABLE  a file or directory cannot be read
 * @throws SOURCE_CHANGED     a file was written each time it was read
 * @throws ABORTED
 */
export async function captureFiles(
  source: FilesSource,
  sinks: SourceSinks,
  options: CaptureFilesOptions,
): Promise<CapturedFiles> {
  for (let tryNumber = 1; ; tryNumber++) {
    const { captured, databases } = await readFiles(source, sinks, options)
    const changed = await listChanged(databases)
    if (changed.length === 0) return captured
    if (tryNumber === MAX_TRIES) throw keepsChanging(source, changed)
    await sleep(RETRY_AFTER_MS * tryNumber)
  }
}

async function readFiles(
  source: FilesSource,
  sinks: SourceSinks,
  { onStart, onEntry, mayBeMissing = false, reporter, signal, now }: CaptureFilesOptions,
): Promise<{ captured: CapturedFiles; databases: WatchedDatabase[] }> {
  onStart?.()
  const startedAt = now().toISOString()
  const { rootPath, paths } = await listFiles(source, mayBeMissing)
  const entries = new StreamWriter(sinks.entries)
  const contents = new StreamWriter(sinks.contents)
  const notCaptured: NotCaptured[] = []
  const databases: WatchedDatabase[] = []
  const directories = new Set([''])
  const totals = { fileCount: 0, sizeBytes: 0 }

  for await (const { path, found } of readAhead(paths, (each) => look(source, rootPath, each))) {
    throwIfAborted(signal, 'reading files')
    if (found === undefined) continue
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (!directories.has(parent)) {
      // A pattern may name what is behind a link; a restore must never write through one.
      const reason = 'it is behind a symbolic link, or its directory has gone'
      notCaptured.push({ kind: 'FILE', name: `${source.name}/${path}`, reason })
      continue
    }
    if ('special' in found) {
      notCaptured.push({ kind: 'FILE', name: `${source.name}/${path}`, reason: found.special })
      continue
    }
    let { entry, stats } = found
    if (entry.kind === 'file') {
      if (found.bytes !== undefined) {
        await contents.write(found.bytes)
      } else {
        const large = await readLargeFile(source, rootPath, path, contents)
        if (large === undefined) continue
        await contents.add(large.chunks)
        ;({ entry, stats } = large)
      }
      totals.fileCount++
      totals.sizeBytes += Number(stats.size)
      if (found.isDatabase) databases.push(await watchDatabase(rootPath, path, identityOf(stats)))
    }
    if (entry.kind === 'directory') directories.add(path)
    onEntry?.(entry, stats)
    await entries.write(encodeJsonLine(entry))
    emit(reporter, { kind: 'sourceProgress', source: source.name, ...totals, isDone: false })
  }
  emit(reporter, { kind: 'sourceProgress', source: source.name, ...totals, isDone: true })
  const { name, root, patterns, exclude } = source
  const committed: CommittedFiles = {
    kind: 'files',
    name,
    root,
    patterns: [...patterns],
    exclude: [...exclude],
    startedAt,
    endedAt: now().toISOString(),
    entries: await entries.finish(),
    contents: await contents.finish(),
  }
  return { captured: { committed, notCaptured }, databases }
}

type Found =
  | { special: string }
  | { entry: FileEntry; stats: BigIntStats; bytes?: Uint8Array; isDatabase?: boolean }

/** Looks at each in turn, some ahead of the one that is used. */
async function* readAhead<T>(
  paths: readonly string[],
  read: (path: string) => Promise<T>,
): AsyncGenerator<{ path: string; found: T }> {
  const ahead: Promise<T>[] = []
  for (let next = 0, at = 0; at < paths.length; at++) {
    for (; next < paths.length && ahead.length < FILES_IN_FLIGHT; next++) {
      const found = read(paths[next]!)
      // One that fails before it leaves this one unawaited.
      found.catch(() => {})
      ahead.push(found)
    }
    yield { path: paths[at]!, found: await ahead.shift()! }
  }
}

/** Reads one small file, or what there is to say of anything else; undefined when it is gone. */
async function look(
  source: FilesSource,
  rootPath: string,
  path: string,
): Promise<Found | undefined> {
  const absolute = pathBelow(rootPath, path)
  try {
    const stats = await findStats(absolute)
    if (stats === undefined) return undefined
    if (stats.isDirectory())
      return { stats, entry: { kind: 'directory', path, ...attributes(stats) } }
    if (stats.isSymbolicLink()) {
      const target = formatFileName(await readlink(absolute, { encoding: 'buffer' }))
      return { stats, entry: { kind: 'symlink', path, target } }
    }
    if (!stats.isFile()) return { special: describeSpecial(stats) }
    const isDatabase = /-(wal|journal)$/.test(path)
    if (stats.size >= SMALL_FILE_BYTES) {
      return {
        stats,
        entry: fileEntry(path, stats, NO_ID),
        isDatabase: isDatabase || (await isSqlite(absolute)),
      }
    }
    return await readSmallFile(source, absolute, path, isDatabase)
  } catch (error) {
    if (isAbsent(error)) return undefined
    if (error instanceof SnapError) throw error
    throw unreadable(source.name, path, error)
  }
}

async function readSmallFile(
  source: FilesSource,
  absolute: Buffer,
  path: string,
  isDatabase: boolean,
): Promise<Found> {
  return retryTorn(source, path, () =>
    withOpenFile(absolute, async (file, before) => {
      // Whether there is more behind that, the size it has afterwards tells.
      const buffer = Buffer.allocUnsafe(Number(before.size))
      let sizeBytes = 0
      while (sizeBytes < buffer.length) {
        const { bytesRead } = await file.read(buffer, sizeBytes, buffer.length - sizeBytes)
        if (bytesRead === 0) break
        sizeBytes += bytesRead
      }
      const bytes = buffer.subarray(0, sizeBytes)
      if (BigInt(sizeBytes) !== before.size) return undefined
      const isSqliteFile = bytes.subarray(0, SQLITE_HEADER.length).equals(SQLITE_HEADER)
      return {
        stats: before,
        entry: fileEntry(path, before, objectIdOf(bytes)),
        bytes,
        isDatabase: isDatabase || isSqliteFile,
      }
    }),
  )
}

/** Undefined when it is gone. */
async function readLargeFile(
  source: FilesSource,
  rootPath: string,
  path: string,
  contents: StreamWriter,
): Promise<
  { entry: FileEntry & { kind: 'file' }; stats: BigIntStats; chunks: ChunkRef[] } | undefined
> {
  try {
    return await retryTorn(source, path, () =>
      withOpenFile(pathBelow(rootPath, path), async (file, stats) => {
        const hash = createHash('sha256')
        let sizeBytes = 0n
        const chunks = await contents.putApart(
          (async function* () {
            const buffer = Buffer.allocUnsafe(READ_BYTES)
            for (;;) {
              const { bytesRead } = await file.read(buffer, 0, buffer.length)
              if (bytesRead === 0) return
              const bytes = buffer.subarray(0, bytesRead)
              hash.update(bytes)
              sizeBytes += BigInt(bytesRead)
              // A file that grows as fast as it is read has no end.
              if (sizeBytes > stats.size) return
              yield bytes
            }
          })(),
        )
        if (sizeBytes !== stats.size) return undefined
        return { entry: fileEntry(path, stats, hash.digest('hex') as ObjectId), stats, chunks }
      }),
    )
  } catch (error) {
    if (isAbsent(error)) return undefined
    if (error instanceof SnapError) throw error
    throw unreadable(source.name, path, error)
  }
}

const READ_BYTES = 256 * 1024

/** Reads until a reading is of one state; `undefined` says that it was not. */
async function retryTorn<T>(
  source: FilesSource,
  path: string,
  read: () => Promise<T | undefined>,
): Promise<T> {
  for (let tryNumber = 1; tryNumber <= MAX_TRIES; tryNumber++) {
    const found = await read()
    if (found !== undefined) return found
    await sleep(RETRY_AFTER_MS * tryNumber)
  }
  throw keepsChanging(source, [path])
}

/**
 * Reads an open file, and returns undefined when it was written meanwhile.
 *
 * A write in the same tick of the clock as the last one before leaves the times as they are; so a
 * file that has been written just now is left alone for that long first.
 */
async function withOpenFile<T>(
  absolute: Buffer,
  read: (file: FileHandle, stats: BigIntStats) => Promise<T | undefined>,
): Promise<T | undefined> {
  // O_NONBLOCK: what has become a named pipe since would wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(absolute, flags)
  try {
    let before = await file.stat({ bigint: true })
    for (let waits = 0; Math.abs(Date.now() - Number(before.ctimeMs)) < TICK_MS; waits++) {
      if (waits === MAX_TRIES) return undefined
      await sleep(TICK_MS)
      before = await file.stat({ bigint: true })
    }
    if (!before.isFile()) return undefined
    const found = await read(file, before)
    const after = await file.stat({ bigint: true })
    return identityOf(before) === identityOf(after) ? found : undefined
  } finally {
    await file.close()
  }
}

/** An SQLite file, or one of the logs beside it, with what stood beside it when it had been read. */
type WatchedDatabase = { path: string; absolute: Buffer; identity: FileIdentity | undefined }[]

async function watchDatabase(
  rootPath: string,
  path: string,
  identity: FileIdentity,
): Promise<WatchedDatabase> {
  const watched: WatchedDatabase = [{ path, absolute: pathBelow(rootPath, path), identity }]
  for (const suffix of ['-wal', '-journal']) {
    const beside = `${path}${suffix}`
    const absolute = pathBelow(rootPath, beside)
    watched.push({ path: beside, absolute, identity: await findIdentity(absolute) })
  }
  return watched
}

async function listChanged(databases: readonly WatchedDatabase[]): Promise<string[]> {
  const changed = new Set<string>()
  for (const { path, absolute, identity } of databases.flat()) {
    if ((await findIdentity(absolute)) !== identity) changed.add(path)
  }
  return [...changed]
}

const SQLITE_HEADER = Buffer.from('SQLite format 3\0', 'latin1')

async function isSqlite(absolute: Buffer): Promise<boolean> {
  const found = await withOpenFile(absolute, async (file) => {
    const { buffer } = await file.read(
      Buffer.alloc(SQLITE_HEADER.length),
      0,
      SQLITE_HEADER.length,
      0,
    )
    return buffer.equals(SQLITE_HEADER)
  })
  // One that was written just now may be anything: watching it costs little.
  return found ?? true
}

const NO_ID = objectIdOf(new Uint8Array())

function fileEntry(
  path: string,
  stats: BigIntStats,
  contentId: ObjectId,
): FileEntry & { kind: 'file' } {
  return { kind: 'file', path, ...attributes(stats), sizeBytes: Number(stats.size), contentId }
}

function attributes(stats: BigIntStats): { mode: number; modifiedAtUs: number } {
  return { mode: Number(stats.mode & 0o7777n), modifiedAtUs: Number(stats.mtimeNs / 1000n) }
}

function describeSpecial(stats: BigIntStats): string {
  if (stats.isSocket()) return 'a socket holds no data'
  if (stats.isFIFO()) return 'a named pipe holds no data'
  return 'a device is not a file'
}

function keepsChanging({ name }: FilesSource, paths: string[]): SnapError {
  return new SnapError(
    'SOURCE_CHANGED',
    `cannot read '${paths[0]}' of source '${name}': it was written each time it was read`,
    { source: name, paths },
    { hint: 'stop what writes it, or leave it out with exclude in snap.config.json' },
  )
}
