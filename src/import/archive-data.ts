/**
 * Reads rows and large objects out of an archive, in the order of the file.
 *
 * The layouts are those of pg_backup_custom.c, pg_backup_directory.c and
 * pg_backup_tar.c. All that the table of contents announces has to come.
 */
import { access } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { createInflate } from 'node:zlib'
import type { ArchiveContents, TocEntryWithData } from '../schema/toc.ts'
import { byteLines } from './byte-lines.ts'
import { ByteReader } from './byte-reader.ts'
import { type Compression, decompress, readDumpFile, through } from './dump-bytes.ts'
import { unreadable } from './dump-error.ts'
import { readTar, type TarMember } from './read-tar.ts'

/** Where an archive is. */
export interface ArchiveFile {
  /** A directory for one in directory format. */
  path: string
  format: 'custom' | 'directory' | 'tar'
  /** Of the file as a whole, by whoever packed it away; a directory has none. */
  compression: Compression
  /** How messages name it. */
  file: string
}

/** What to do with the data; each reads its bytes to the end. */
export interface DataSink {
  rows(entry: TocEntryWithData, text: AsyncIterable<Uint8Array>): Promise<void>
  largeObject(oid: number, bytes: AsyncIterable<Uint8Array>): Promise<void>
}

/** @throws DUMP_UNREADABLE */
export async function readArchiveData(
  archive: ArchiveFile,
  contents: ArchiveContents,
  sink: DataSink,
): Promise<void> {
  if (archive.format === 'custom') await readCustom(archive, contents, sink)
  else if (archive.format === 'tar') await readTarData(archive, contents, sink)
  else await readDirectory(archive, contents, sink)
}

const hasData = ({ kind }: TocEntryWithData) => kind === 'TABLE DATA' || kind === 'BLOBS'

/** Blocks, each with the id of its entry; the bytes in pieces with their lengths, in one compressed stream a table or object. */
async function readCustom(
  { path, compression: wrapping, file }: ArchiveFile,
  { entries, compression, integerSizeBytes, endOffsetBytes }: ArchiveContents,
  sink: DataSink,
): Promise<void> {
  const byId = new Map(entries.map((entry) => [entry.dumpId, entry]))
  const reader = new ByteReader(readDumpFile(path, wrapping, file), file)
  const integer = async () => {
    const bytes = await reader.read(1 + integerSizeBytes)
    const magnitude = bytes.readUIntLE(1, integerSizeBytes)
    return bytes[0] === 0 ? magnitude : -magnitude
  }
  const pieces = async function* () {
    for (let size = await integer(); size > 0; size = await integer()) yield await reader.read(size)
  }
  const stream = () =>
    compression === 'gzip'
      ? through(Readable.from(pieces()), createInflate(), file)
      : decompress(Readable.from(pieces()), compression, file)
  const waiting = new Map(entries.filter(hasData).map((entry) => [entry.dumpId, entry]))
  try {
    await reader.skip(endOffsetBytes)
    while (!(await reader.isAtEnd())) {
      const [kind] = await reader.read(1)
      const entry = byId.get(await integer())
      if (entry === undefined) throw unreadable(file, 'it is damaged')
      if (kind === ROWS_BLOCK) {
        await sink.rows(entry, stream())
      } else if (kind === LARGE_OBJECTS_BLOCK) {
        for (let oid = await integer(); oid !== 0; oid = await integer()) {
          await sink.largeObject(oid, stream())
        }
      } else {
        throw unreadable(file, 'it is damaged')
      }
      waiting.delete(entry.dumpId)
    }
  } finally {
    await reader.close()
  }
  for (const { tag } of waiting.values()) {
    throw unreadable(file, `it ends before the rows of '${tag}'`)
  }
}

const ROWS_BLOCK = 1
const LARGE_OBJECTS_BLOCK = 3

/** A file for each table and each large object; files that list the large objects. */
async function readDirectory(
  { path, file }: ArchiveFile,
  { entries, compression }: ArchiveContents,
  sink: DataSink,
): Promise<void> {
  const read = async function* (name: string) {
    // A name out of a file must not lead out of the directory.
    if (/[/\\]/.test(name)) throw unreadable(file, 'a file name in it is a path')
    const plain = join(path, name)
    const isPlain = compression === 'none' || (await isThere(plain))
    const found = isPlain ? plain : `${plain}${SUFFIXES[compression]}`
    yield* readDumpFile(found, isPlain ? 'none' : compression, join(file, basename(found)))
  }
  for (const entry of entries) {
    if (!hasData(entry) || entry.dataFile === null) continue
    if (entry.kind === 'TABLE DATA') {
      await sink.rows(entry, read(entry.dataFile))
      continue
    }
    for await (const [oid, name] of listLargeObjects(read(entry.dataFile), file)) {
      await sink.largeObject(oid, read(name))
    }
  }
}

const SUFFIXES: Readonly<Record<Compression, string>> = {
  none: '',
  gzip: '.gz',
  lz4: '.lz4',
  zstd: '.zst',
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

async function* listLargeObjects(
  list: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<[oid: number, name: string]> {
  for await (const line of byteLines(list)) {
    const [, oid, name] = /^(\d{1,10}) (\S+)\n$/.exec(line.toString('latin1')) ?? []
    if (name === undefined) throw unreadable(file, 'its list of large objects is damaged')
    yield [Number(oid), name]
  }
}

/** The files of a directory, one after the other in the order of the dump; nothing in it is compressed. */
async function readTarData(
  archive: ArchiveFile,
  { entries }: ArchiveContents,
  sink: DataSink,
): Promise<void> {
  const { file } = archive
  const tables = new Map<string, TocEntryWithData>()
  for (const entry of entries) {
    if (entry.kind === 'TABLE DATA' && entry.dataFile !== null) tables.set(entry.dataFile, entry)
  }
  await withTarMembers(archive, async (members) => {
    for await (const { name, bytes } of members) {
      const entry = tables.get(name)
      const oid = /^blob_(\d{1,10})\.dat$/.exec(name)?.[1]
      if (entry !== undefined) await sink.rows(entry, bytes)
      else if (oid !== undefined) await sink.largeObject(Number(oid), bytes)
      tables.delete(name)
    }
  })
  for (const { tag } of tables.values()) {
    throw unreadable(file, `it ends before the rows of '${tag}'`)
  }
}

/** @throws DUMP_UNREADABLE */
export async function withTarMembers<T>(
  { path, compression, file }: ArchiveFile,
  work: (members: AsyncIterable<TarMember>) => Promise<T>,
): Promise<T> {
  const reader = new ByteReader(readDumpFile(path, compression, file), file)
  try {
    return await work(readTar(reader, file))
  } finally {
    await reader.close()
  }
}
