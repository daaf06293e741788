/**
 * Reads the table of contents of a pg_dump archive in custom format.
 *
 * An archive says of every object what no SQL text says: its identity, its
 * DDL and drop statement apart, and what it depends on. The layout is that of
 * pg_backup_archiver.c (ReadHead, ReadToc): version 1.14 (PostgreSQL 12) added
 * access methods, 1.15 (PostgreSQL 16) a byte for the compression, 1.16
 * (PostgreSQL 17) kinds of relations.
 *
 * Any bytes may be given: what does not parse is refused, nothing is read past the end.
 */
import { SnapError } from '../errors.ts'
import { findTextDecoder, type TextDecode } from './server-encoding.ts'

export interface TocEntry {
  dumpId: number
  /** OID of the system catalog that describes the object; 0 for what has no row of its own. */
  classOid: number
  oid: number
  /** `TABLE`, `FK CONSTRAINT`, `ACL`, …. */
  kind: string
  tag: string
  namespace: string | null
  owner: string | null
  tableAccessMethod: string | null
  tablespace: string | null
  /** `pg_class.relkind` of a table-like object; null for others, and in archives before 1.16. */
  relationKind: string | null
  section: 'none' | 'preData' | 'data' | 'postData'
  definition: string | null
  dropStatement: string | null
  /** Dump ids of the entries it depends on, as pg_dump lists them. */
  dependencies: number[]
}

export interface Archive {
  /** Version of the pg_dump that wrote it: `18.3`. */
  pgDumpVersion: string
  /** Version of the server it was read from. */
  serverVersion: string
  entries: TocEntry[]
}

/** An entry with what leads to its rows. */
export interface TocEntryWithData extends TocEntry {
  /** Null for what has no rows, and for rows that are written as INSERT. */
  copyStatement: string | null
  /** In directory and tar format, the file that holds the rows; null when there are none. */
  dataFile: string | null
}

/** All that header and table of contents say. */
export interface ArchiveContents extends Archive {
  /** A tar file has a table of contents like that of a directory, in which nothing says that it is one. */
  format: 'custom' | 'directory'
  compression: 'none' | 'gzip' | 'lz4' | 'zstd'
  /** PostgreSQL's name of what names, definitions and rows are written in: `UTF8`. */
  encoding: string
  integerSizeBytes: number
  /** By the clock of the machine that made the archive, whose time zone is not told: taken for ours. */
  createdAt: Date
  databaseName: string
  entries: TocEntryWithData[]
  /** Where what follows the table of contents begins. */
  endOffsetBytes: number
}

/**
 * Parses header and table of contents.
 *
 * @throws SCHEMA_DUMP_FAILED  not a custom-format archive of version 1.13 to 1.16, or cut off
 */
export function parseArchive(bytes: Uint8Array): Archive {
  const { pgDumpVersion, serverVersion, entries } = readArchive(bytes)
  return {
    pgDumpVersion,
    serverVersion,
    entries: entries.map(({ copyStatement: _, dataFile: __, ...entry }) => entry),
  }
}

/**
 * As `parseArchive`, of custom format or the `toc.dat` of a directory, with all that is needed to restore it.
 *
 * @throws SCHEMA_DUMP_FAILED
 */
export function readArchive(bytes: Uint8Array): ArchiveContents {
  const reader = new ArchiveReader(bytes)
  for (const byte of MAGIC)
    if (reader.byte() !== byte) throw malformed('it does not begin with PGDMP')

  const version: ArchiveVersion = [reader.byte(), reader.byte()]
  reader.byte() // revision
  if (version[0] !== 1 || version[1] < 13 || version[1] > 16) {
    throw malformed(`its version is ${version.join('.')}`)
  }
  const integerSizeBytes = reader.byte()
  reader.setIntegerSize(integerSizeBytes)
  const offsetSizeBytes = reader.byte()
  const format = FORMATS[reader.byte()]
  if (format === undefined) throw malformed('it is neither in custom nor in directory format')
  const compression =
    version[1] >= 15 ? COMPRESSIONS[reader.byte()] : reader.integer() === 0 ? 'none' : 'gzip'
  if (compression === undefined) throw malformed('it is compressed in a way that is not known')
  const [second, minute, hour, day, month, year] = CREATION_TIME_FIELDS.map(() => reader.integer())
  const createdAt = new Date(1900 + year!, month!, day!, hour!, minute!, second!)
  const databaseNameBytes = reader.textBytes()
  const serverVersion = reader.text() ?? ''
  const pgDumpVersion = reader.text() ?? ''

  const entryCount = reader.integer()
  const entries: TocEntryWithData[] = []
  for (let position = 0; position < entryCount; position++) {
    const entry = readEntry(reader, version, { format, offsetSizeBytes })
    entries.push(entry)
    // pg_dump writes it before any entry that has a name of its own.
    if (entry.kind === 'ENCODING') reader.setEncoding(encodingSetBy(entry.definition))
  }
  return {
    pgDumpVersion,
    serverVersion,
    entries,
    format,
    compression,
    encoding: reader.encoding,
    integerSizeBytes,
    createdAt,
    databaseName: databaseNameBytes === null ? '' : reader.decode(databaseNameBytes),
    endOffsetBytes: reader.offsetBytes,
  }
}

/** Parses the table of contents alone; see `parseArchive`. */
export function parseToc(archive: Uint8Array): TocEntry[] {
  return parseArchive(archive).entries
}

type ArchiveVersion = [major: number, minor: number]

const MAGIC = Buffer.from('PGDMP')
/** Of `ArchiveFormat` (pg_backup.h); a directory's table of contents says that it is of a tar file. */
const FORMATS: Readonly<Record<number, ArchiveContents['format']>> = { 1: 'custom', 3: 'directory' }
/** `pg_compress_algorithm` of compression.h. */
const COMPRESSIONS: readonly ArchiveContents['compression'][] = ['none', 'gzip', 'lz4', 'zstd']
/** Seconds, minutes, hours, day, month, year, daylight saving: a `struct tm`. */
const CREATION_TIME_FIELDS = ['s', 'min', 'h', 'day', 'month', 'year', 'dst']
/** `teSection` of pg_backup.h. */
const SECTIONS: Readonly<Record<number, TocEntry['section']>> = {
  1: 'none',
  2: 'preData',
  3: 'data',
  4: 'postData',
}

function encodingSetBy(definition: string | null): string {
  return /^SET client_encoding = '(.+)';/.exec(definition ?? '')?.[1] ?? 'UTF8'
}

function readEntry(
  reader: ArchiveReader,
  version: ArchiveVersion,
  { format, offsetSizeBytes }: { format: ArchiveContents['format']; offsetSizeBytes: number },
): TocEntryWithData {
  const dumpId = reader.integer()
  reader.integer() // whether rows follow
  const classOid = reader.decimal()
  const oid = reader.decimal()
  const tag = reader.text() ?? ''
  const kind = reader.text() ?? ''
  const sectionNumber = reader.integer()
  const section = SECTIONS[sectionNumber]
  if (section === undefined) throw malformed(`entry ${dumpId} has section ${sectionNumber}`)
  const definition = emptyAsNull(reader.text())
  const dropStatement = emptyAsNull(reader.text())
  const copyStatement = emptyAsNull(reader.text())
  const namespace = emptyAsNull(reader.text())
  const tablespace = emptyAsNull(reader.text())
  const tableAccessMethod = version[1] >= 14 ? emptyAsNull(reader.text()) : null
  const relationKind = version[1] >= 16 ? reader.integer() : 0
  const owner = emptyAsNull(reader.text())
  reader.text() // "WITH OIDS", long gone
  const dependencies: number[] = []
  for (;;) {
    const dependency = reader.text()
    if (dependency === null) break
    dependencies.push(toDecimal(dependency))
  }
  let dataFile: string | null = null
  if (format === 'directory') dataFile = emptyAsNull(reader.text())
  else reader.skip(1 + offsetSizeBytes) // where the rows are
  return {
    dumpId,
    classOid,
    oid,
    kind,
    tag,
    namespace,
    owner,
    tableAccessMethod,
    tablespace,
    relationKind: relationKind === 0 ? null : String.fromCharCode(relationKind),
    section,
    definition,
    dropStatement,
    dependencies,
    copyStatement,
    dataFile,
  }
}

function emptyAsNull(text: string | null): string | null {
  return text === '' ? null : text
}

function toDecimal(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw malformed('a number is not written in digits')
  return Number(text)
}

function malformed(reason: string): SnapError {
  return new SnapError('SCHEMA_DUMP_FAILED', `cannot read the pg_dump archive: ${reason}`, {
    stderr: '',
  })
}

/** Reads the archive's primitive types in order; never past the end. */
class ArchiveReader {
  readonly #bytes: Buffer
  #offset = 0
  #integerSizeBytes = 4
  #encoding = 'UTF8'
  #decode: TextDecode = findTextDecoder('UTF8')!

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get offsetBytes(): number {
    return this.#offset
  }

  setIntegerSize(sizeBytes: number): void {
    if (sizeBytes < 1 || sizeBytes > 6) throw malformed(`its integers have ${sizeBytes} bytes`)
    this.#integerSizeBytes = sizeBytes
  }

  byte(): number {
    return this.#bytes[this.skip(1)]!
  }

  /** A sign byte, then the magnitude, least significant byte first. */
  integer(): number {
    const isNegative = this.byte() !== 0
    const magnitude = this.#bytes.readUIntLE(
      this.skip(this.#integerSizeBytes),
      this.#integerSizeBytes,
    )
    return isNegative ? -magnitude : magnitude
  }

  get encoding(): string {
    return this.#encoding
  }

  /** Of all texts that follow; of one that is not known, what is UTF-8 is read all the same. */
  setEncoding(encoding: string): void {
    this.#encoding = encoding
    this.#decode = findTextDecoder(encoding) ?? this.#decode
  }

  /** A length and that many bytes; length -1 is null. */
  text(): string | null {
    const bytes = this.textBytes()
    return bytes === null ? null : this.decode(bytes)
  }

  textBytes(): Uint8Array | null {
    const sizeBytes = this.integer()
    if (sizeBytes < 0) return null
    const start = this.skip(sizeBytes)
    return this.#bytes.subarray(start, this.#offset)
  }

  decode(bytes: Uint8Array): string {
    try {
      return this.#decode(bytes)
    } catch {
      // A database in SQL_ASCII may hold names in any encoding, or in several.
      throw malformed(
        `a name or definition in it is not valid ${this.#encoding === 'UTF8' ? 'UTF-8' : this.#encoding}`,
      )
    }
  }

  decimal(): number {
    return toDecimal(this.text() ?? '')
  }

  /** Moves on and returns where it was. */
  skip(sizeBytes: number): number {
    const start = this.#offset
    if (sizeBytes > this.#bytes.length - start) throw malformed('it ends too early')
    this.#offset = start + sizeBytes
    return start
  }
}
