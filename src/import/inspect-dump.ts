/** What a dump of pg_dump is, by its first bytes. */
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArchiveContents } from '../schema/toc.ts'
import { type Compression, detectCompression, readDumpFile } from './dump-bytes.ts'
import { unreadable } from './dump-error.ts'
import { readContents } from './restore-archive.ts'

export interface Dump {
  kind: 'dump'
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
  const compression = await detectCompression(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(file, cause.code ?? cause.message, undefined, cause)
  })
  const head = await readHead(path, compression, file)
  if (head.subarray(0, 5).equals(MAGIC)) return inspectArchive('custom', compression)
  if (head.subarray(257, 262).toString() === 'ustar') return inspectArchive('tar', compression)
  if (head.length === 0) throw unreadable(file, 'it is empty')
  if (/^(?:fffe|feff)/.test(head.subarray(0, 2).toString('hex'))) {
    throw unreadable(
      file,
      'it is UTF-16, as the > of PowerShell writes it',
      'write dumps with pg_dump --file, or convert this one: iconv -f utf-16 -t utf-8',
    )
  }
  const text = head.toString('latin1')
  if (!/^(?:--|\\restrict|SET |BEGIN)/m.test(text)) {
    throw unreadable(
      file,
      'it is no dump of pg_dump',
      'files of rows are told by their names: .csv, .tsv, .json, .jsonl',
    )
  }
  const createdAt = findStart(text) ?? found.mtime
  return {
    kind: 'dump',
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
    return {
      kind: 'dump',
      file,
      path,
      format,
      createdAt,
      databaseName,
      versions,
      compression,
      contents,
    }
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
