/**
 * Restores a dump of pg_dump in custom, directory or tar format, without pg_restore.
 *
 * Structure is created as a checkout creates it, in pg_restore's passes; rows
 * and large objects come in the order of the file.
 */
import { join } from 'node:path'
import { isSnapError, throwIfAborted } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { runRefreshes } from '../restore/run-refreshes.ts'
import { runStatements } from '../restore/statement.ts'
import { toSchemaEntries } from '../schema/schema-entries.ts'
import { findTextDecoder } from '../schema/server-encoding.ts'
import { type ArchiveContents, readArchive, type TocEntryWithData } from '../schema/toc.ts'
import { type ArchiveFile, readArchiveData, withTarMembers } from './archive-data.ts'
import {
  type ArchivedLargeObjects,
  isOfLargeObjects,
  planLargeObjects,
} from './archived-large-objects.ts'
import { byteLines, copyRows, withEncoding } from './byte-lines.ts'
import { readDumpFile } from './dump-bytes.ts'
import { makePlainHint, unreadable } from './dump-error.ts'
import { ensureRoles, rolesNamedIn } from './dump-roles.ts'
import { BEGIN_CREATION, planScratchCreation } from './plan-scratch-creation.ts'
import { EXTENSION_HINT, newerServerHint, restorePlain } from './restore-plain.ts'

const FIRST_READ_BYTES = 1 << 20
const MAX_CONTENTS_BYTES = 1 << 30
const LARGE_OBJECT_PIECE_BYTES = 1 << 20

/**
 * Reads what an archive holds, its rows and large objects excepted.
 *
 * @throws DUMP_UNREADABLE
 */
export async function readContents(archive: ArchiveFile): Promise<ArchiveContents> {
  const { path, compression, format, file } = archive
  if (format === 'directory') {
    const contents = readDumpFile(join(path, 'toc.dat'), 'none', join(file, 'toc.dat'))
    return parseContents(contents, file)
  }
  if (format === 'custom') return parseContents(readDumpFile(path, compression, file), file)
  return withTarMembers(archive, async (members) => {
    for await (const { name, bytes } of members) {
      if (name === 'toc.dat') return parseContents(bytes, file)
      break
    }
    throw unreadable(
      file,
      'it is a tar file, and none that pg_dump has made',
      'unpack it, and import what is in it',
    )
  })
}

async function parseContents(
  pieces: AsyncIterable<Uint8Array>,
  file: string,
): Promise<ArchiveContents> {
  const parse = (bytes: Uint8Array, isWhole: boolean) => {
    try {
      return readArchive(bytes)
    } catch (error) {
      if (!isSnapError(error, 'SCHEMA_DUMP_FAILED')) throw error
      if (!isWhole && sizeBytes <= MAX_CONTENTS_BYTES) return undefined
      const reason = error.message.replace(/^.*archive: /, '')
      throw unreadable(file, reason, makePlainHint(file), error)
    }
  }
  const gathered: Uint8Array[] = []
  let sizeBytes = 0
  let nextTryBytes = FIRST_READ_BYTES
  for await (const piece of pieces) {
    gathered.push(piece)
    sizeBytes += piece.length
    // The table of contents comes first; how long it is only it can tell.
    if (sizeBytes < nextTryBytes) continue
    nextTryBytes *= 4
    const contents = parse(Buffer.concat(gathered), false)
    if (contents !== undefined) return contents
  }
  return parse(Buffer.concat(gathered), true)!
}

export interface ArchiveRestoreOptions {
  file: string
  makesRoles: boolean
  currentUser: string
  /** Of the server that it was made of. */
  serverVersion?: string | undefined
  signal?: AbortSignal | undefined
}

/** @throws DUMP_UNREADABLE, RESTORE_FAILED */
export async function restoreArchive(
  session: Session,
  archive: ArchiveFile,
  contents: ArchiveContents,
  options: ArchiveRestoreOptions,
): Promise<void> {
  const { file, makesRoles, currentUser } = options
  const { encoding } = contents
  if (findTextDecoder(encoding) === undefined) {
    throw unreadable(file, `its encoding is ${encoding}`, makePlainHint(file))
  }
  const largeObjects = planLargeObjects(contents.entries.filter(isOfLargeObjects))
  const { entries } = toSchemaEntries(contents.entries.filter(isStructure))
  if (makesRoles) await ensureRolesOf(session, contents.entries)
  const creation = planScratchCreation(entries, session, { currentUser, makesRoles })
  try {
    await session.execute(BEGIN_CREATION)
    await runStatements(session, creation.beforeRows)
    await loadData(session, archive, contents, largeObjects, options)
    for (const { kind, definition } of contents.entries) {
      if (kind === 'SEQUENCE SET' && definition !== null) await session.execute(definition)
    }
    await runStatements(session, creation.afterRows)
    await runStatements(session, creation.privileges)
    await describeLargeObjects(session, largeObjects, makesRoles)
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
    const hint = error.hint ?? newerServerHint(session, options.serverVersion) ?? EXTENSION_HINT
    throw unreadable(file, error.message, hint, error)
  }
}

const isRefresh = ({ kind }: TocEntryWithData) => kind === 'MATERIALIZED VIEW DATA'

/** The planner's statistics are none of a commit. */
const isStructure = (entry: TocEntryWithData) =>
  entry.section !== 'data' &&
  entry.kind !== 'STATISTICS DATA' &&
  !isRefresh(entry) &&
  !isOfLargeObjects(entry)

async function ensureRolesOf(
  session: Session,
  entries: readonly TocEntryWithData[],
): Promise<void> {
  const owners = entries.flatMap(({ owner }) => (owner === null || owner === '' ? [] : [owner]))
  await ensureRoles(session, owners)
  for (const { section, definition } of entries) {
    if (section === 'data' || definition === null) continue
    if (!/\b(?:TO|FROM|FOR)\b/i.test(definition)) continue
    await ensureRoles(session, await rolesNamedIn(definition))
  }
}

async function loadData(
  session: Session,
  archive: ArchiveFile,
  contents: ArchiveContents,
  { oids }: ArchivedLargeObjects,
  options: ArchiveRestoreOptions,
): Promise<void> {
  for (const oid of oids) await session.query('SELECT pg_catalog.lo_create($1)', [oid])
  await readArchiveData(archive, contents, {
    rows: (entry, text) => loadRows(session, entry, text, contents, options),
    largeObject: (oid, bytes) => loadLargeObject(session, oid, bytes, options),
  })
}

async function loadRows(
  session: Session,
  entry: TocEntryWithData,
  text: AsyncIterable<Uint8Array>,
  { encoding }: ArchiveContents,
  options: ArchiveRestoreOptions,
): Promise<void> {
  throwIfAborted(options.signal, 'importing')
  if (entry.copyStatement === null) {
    // Of a dump with --inserts.
    await restorePlain(session, text, { ...options, encoding })
    return
  }
  const lines = byteLines(text)
  const rows = copyRows(lines, () => {
    throw unreadable(options.file, `the rows of '${entry.tag}' end too early`)
  })
  await session.copyIn(withEncoding(entry.copyStatement, encoding), rows)
  // Two empty lines follow; a stream that is not read to its end is not checked to its end.
  for await (const _ of lines);
}

async function loadLargeObject(
  session: Session,
  oid: number,
  bytes: AsyncIterable<Uint8Array>,
  { signal }: ArchiveRestoreOptions,
): Promise<void> {
  let offsetBytes = 0
  let gathered: Uint8Array[] = []
  let sizeBytes = 0
  const put = async () => {
    if (sizeBytes === 0) return
    throwIfAborted(signal, 'importing')
    const piece = Buffer.concat(gathered)
    await session.query('SELECT pg_catalog.lo_put($1, $2, $3)', [oid, offsetBytes, piece])
    offsetBytes += sizeBytes
    gathered = []
    sizeBytes = 0
  }
  for await (const piece of bytes) {
    gathered.push(piece)
    sizeBytes += piece.length
    if (sizeBytes >= LARGE_OBJECT_PIECE_BYTES) await put()
  }
  await put()
}

async function describeLargeObjects(
  session: Session,
  { owners, comments, privileges }: ArchivedLargeObjects,
  withRoles: boolean,
): Promise<void> {
  const statements = withRoles ? [...owners, ...comments, ...privileges] : comments
  await runStatements(
    session,
    statements.map((sql) => ({ subject: 'large objects', sql: sql.trim().replace(/;$/, '') })),
  )
}
