/**
 * Restores a dump of pg_dump in custom or directory format, without pg_restore.
 *
 * Structure is created as a checkout creates it, in pg_restore's passes. The
 * rows come in the order of the file (pg_backup_custom.c, pg_backup_directory.c).
 */
import { createReadStream } from 'node:fs'
import { access, open } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createInflate } from 'node:zlib'
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { planCreation } from '../restore/plan-creation.ts'
import { runRefreshes } from '../restore/run-refreshes.ts'
import { runStatements } from '../restore/statement.ts'
import { toSchemaEntries } from '../schema/schema-entries.ts'
import { type ArchiveContents, readArchive, type TocEntryWithData } from '../schema/toc.ts'
import { byteLines, copyRows } from './byte-lines.ts'
import { ensureRoles, rolesNamedIn } from './dump-roles.ts'
import { EXTENSION_HINT, restorePlain } from './restore-plain.ts'

const FIRST_READ_BYTES = 1 << 20
const MAX_CONTENTS_BYTES = 1 << 30

/**
 * Reads what an archive holds, its rows excepted.
 *
 * @param path  of the file, or of a directory's `toc.dat`
 * @throws DUMP_UNREADABLE
 */
export async function readContents(path: string, file: string): Promise<ArchiveContents> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    // The table of contents comes first; how long it is only it can tell.
    for (let wanted = FIRST_READ_BYTES; ; wanted *= 4) {
      const bytes = Buffer.alloc(Math.min(wanted, size))
      await handle.read(bytes, 0, bytes.length, 0)
      try {
        return readArchive(bytes)
      } catch (error) {
        const isWhole = bytes.length === size || wanted > MAX_CONTENTS_BYTES
        if (!isWhole && isSnapError(error, 'SCHEMA_DUMP_FAILED')) continue
        if (isSnapError(error)) throw unreadable(file, error.message, undefined, error)
        throw error
      }
    }
  } finally {
    await handle.close()
  }
}

export interface ArchiveRestoreOptions {
  file: string
  makesRoles: boolean
  currentUser: string
  signal?: AbortSignal | undefined
}

/** @throws DUMP_UNREADABLE, RESTORE_FAILED */
export async function restoreArchive(
  session: Session,
  path: string,
  contents: ArchiveContents,
  options: ArchiveRestoreOptions,
): Promise<void> {
  const { file, makesRoles, currentUser } = options
  refuseUnknown(contents, file)
  const isRefresh = ({ kind }: TocEntryWithData) => kind === 'MATERIALIZED VIEW DATA'
  const structure = contents.entries.filter((each) => each.section !== 'data' && !isRefresh(each))
  const { entries } = toSchemaEntries(structure)
  if (makesRoles) {
    const owners = entries.flatMap(({ owner }) => (owner === null || owner === '' ? [] : [owner]))
    await ensureRoles(session, owners)
    for (const { definition } of entries) {
      if (definition === null || !/\b(?:TO|FROM|FOR)\b/i.test(definition)) continue
      await ensureRoles(session, await rolesNamedIn(definition))
    }
  }
  const creation = planCreation(entries, {
    serverVersionNumber: session.serverVersionNumber,
    currentUser,
    withOwners: makesRoles,
    withPrivileges: makesRoles,
    standing: ({ kind, name }) =>
      kind === 'SCHEMA' && name === 'public' ? { statements: [], setsOwner: true } : undefined,
  })
  try {
    await session.execute(
      "BEGIN; SET LOCAL search_path TO ''; SET LOCAL check_function_bodies = off",
    )
    await runStatements(session, creation.beforeRows)
    if (contents.format === 'custom') await loadCustom(session, path, contents, options)
    else await loadDirectory(session, path, contents, options)
    for (const { kind, definition } of contents.entries) {
      if (kind === 'SEQUENCE SET' && definition !== null) await session.execute(definition)
    }
    await runStatements(session, creation.afterRows)
    await runStatements(session, creation.privileges)
    const refreshes = contents.entries.filter(isRefresh).flatMap(({ tag, definition }) => {
      const sql = definition?.trim().replace(/;$/, '') ?? ''
      return sql === '' ? [] : [{ sql, subject: `materialized view ${tag}` }]
    })
    await runRefreshes(session, refreshes)
    await runStatements(session, creation.eventTriggers)
    await session.execute('COMMIT')
  } catch (error) {
    if (!isSnapError(error) || isSnapError(error, 'ABORTED')) throw error
    if (isSnapError(error, 'DUMP_UNREADABLE')) throw error
    throw unreadable(file, error.message, error.hint ?? EXTENSION_HINT, error)
  }
}

function refuseUnknown({ compression, entries }: ArchiveContents, file: string): void {
  const hint = `make a plain dump of it: pg_restore --file=dump.sql '${file}', and import that`
  if (compression === 'lz4' || compression === 'zstd') {
    throw unreadable(file, `it is compressed with ${compression}`, hint)
  }
  if (entries.some(({ kind }) => kind.startsWith('BLOB'))) {
    throw unreadable(file, 'it holds large objects', hint)
  }
  const encoding = entries.find(({ kind }) => kind === 'ENCODING')?.definition ?? ''
  if (encoding !== '' && !encoding.includes("'UTF8'")) {
    throw unreadable(file, `its encoding is not UTF8: ${encoding.trim()}`, hint)
  }
}

async function loadRows(
  session: Session,
  entry: TocEntryWithData,
  text: AsyncIterable<Uint8Array>,
  options: ArchiveRestoreOptions,
): Promise<void> {
  throwIfAborted(options.signal, 'importing')
  if (entry.copyStatement === null) {
    // Of a dump with --inserts.
    await restorePlain(session, text, options)
    return
  }
  const lines = byteLines(text)
  const rows = copyRows(lines, () => {
    throw unreadable(options.file, `the rows of '${entry.tag}' end too early`)
  })
  await session.copyIn(entry.copyStatement.trim().replace(/;$/, ''), rows)
  // Two empty lines follow; a stream that is not read to its end is not checked to its end.
  for await (const _ of lines);
}

async function loadDirectory(
  session: Session,
  path: string,
  { entries, compression }: ArchiveContents,
  options: ArchiveRestoreOptions,
): Promise<void> {
  for (const entry of entries) {
    if (entry.kind !== 'TABLE DATA' || entry.dataFile === null) continue
    // A name out of a file must not lead out of the directory.
    if (/[/\\]/.test(entry.dataFile)) throw unreadable(options.file, 'a file name in it is a path')
    const plain = join(path, entry.dataFile)
    const isCompressed =
      compression !== 'none' &&
      (await access(plain).then(
        () => false,
        () => true,
      ))
    const source = createReadStream(isCompressed ? `${plain}.gz` : plain)
    const text = isCompressed ? through(source, createGunzip(), options.file) : source
    await loadRows(session, entry, text, options)
  }
}

/** Blocks of rows, each with the id of its entry, in pieces with their lengths; in one zlib stream a block. */
async function loadCustom(
  session: Session,
  path: string,
  { entries, compression, integerSizeBytes, endOffsetBytes }: ArchiveContents,
  options: ArchiveRestoreOptions,
): Promise<void> {
  const { file } = options
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]))
  const reader = new ByteReader(createReadStream(path, { start: endOffsetBytes }), file)
  const integer = async () => {
    const bytes = await reader.read(1 + integerSizeBytes)
    const magnitude = bytes.readUIntLE(1, integerSizeBytes)
    return bytes[0] === 0 ? magnitude : -magnitude
  }
  const pieces = async function* () {
    for (let size = await integer(); size > 0; size = await integer()) yield await reader.read(size)
  }
  const waiting = new Set(
    entries.filter(({ kind }) => kind === 'TABLE DATA').map(({ dumpId }) => dumpId),
  )
  while (!(await reader.isAtEnd())) {
    const [kind] = await reader.read(1)
    const entry = byId.get(await integer())
    if (kind !== DATA_BLOCK || entry === undefined) throw unreadable(file, 'it is damaged')
    const source = Readable.from(pieces())
    const text = compression === 'none' ? source : through(source, createInflate(), file)
    await loadRows(session, entry, text, options)
    waiting.delete(entry.dumpId)
  }
  const missing = entries.find(({ dumpId }) => waiting.has(dumpId))
  if (missing !== undefined) throw unreadable(file, `it ends before the rows of '${missing.tag}'`)
}

const DATA_BLOCK = 1

/** A damaged stream is the file's fault. */
export async function* through(
  source: Readable,
  transform: NodeJS.ReadWriteStream,
  file: string,
): AsyncGenerator<Uint8Array> {
  const output = new PassThrough()
  const done = pipeline(source, transform, output)
  done.catch(() => {
    // Thrown below, where the output ends.
  })
  try {
    yield* output as AsyncIterable<Uint8Array>
    await done
  } catch (error) {
    if (isSnapError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw unreadable(file, `it is damaged: ${reason}`, undefined, error)
  }
}

class ByteReader {
  readonly #pieces: AsyncIterator<Buffer>
  readonly #file: string
  #buffer: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>, file: string) {
    this.#pieces = source[Symbol.asyncIterator]()
    this.#file = file
  }

  async isAtEnd(): Promise<boolean> {
    return this.#buffer.length === 0 && !(await this.#readMore())
  }

  async read(sizeBytes: number): Promise<Buffer> {
    while (this.#buffer.length < sizeBytes) {
      if (!(await this.#readMore())) throw unreadable(this.#file, 'it ends too early')
    }
    const bytes = this.#buffer.subarray(0, sizeBytes)
    this.#buffer = this.#buffer.subarray(sizeBytes)
    return bytes
  }

  async #readMore(): Promise<boolean> {
    const { value, done } = await this.#pieces.next()
    if (done) return false
    this.#buffer = this.#buffer.length === 0 ? value : Buffer.concat([this.#buffer, value])
    return true
  }
}

export function unreadable(
  file: string,
  reason: string,
  hint?: string,
  cause?: unknown,
): SnapError {
  return new SnapError(
    'DUMP_UNREADABLE',
    `cannot import '${file}': ${reason}`,
    { path: file, reason },
    { cause, ...(hint === undefined ? {} : { hint }) },
  )
}
