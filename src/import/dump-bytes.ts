/** The bytes of a dump's files, decompressed where they are compressed. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { DecompressStream } from 'zstd-napi'
import { isSnapError } from '../errors.ts'
import { unreadable } from './dump-error.ts'
import { decompressLz4Frames } from './lz4-frame.ts'

export type Compression = 'none' | 'gzip' | 'lz4' | 'zstd'

const MAGICS: readonly [Exclude<Compression, 'none'>, Buffer][] = [
  ['gzip', Buffer.from('1f8b', 'hex')],
  ['lz4', Buffer.from('04224d18', 'hex')],
  ['zstd', Buffer.from('28b52ffd', 'hex')],
]

/** Tells how a file is compressed, by its first bytes. */
export async function detectCompression(path: string): Promise<Compression> {
  const handle = await open(path)
  try {
    const head = Buffer.alloc(4)
    await handle.read(head, 0, head.length, 0)
    const found = MAGICS.find(([, magic]) => head.subarray(0, magic.length).equals(magic))
    return found?.[0] ?? 'none'
  } finally {
    await handle.close()
  }
}

/**
 * Reads a file to its end; a loop that is left early closes it.
 *
 * @throws DUMP_UNREADABLE  it cannot be read, or what is compressed is damaged or cut off
 */
export function readDumpFile(
  path: string,
  compression: Compression,
  file: string,
): AsyncGenerator<Uint8Array> {
  return decompress(createReadStream(path), compression, file)
}

/** As `readDumpFile`, of bytes that stand elsewhere. */
export async function* decompress(
  source: Readable,
  compression: Compression,
  file: string,
): AsyncGenerator<Uint8Array> {
  if (compression === 'gzip') yield* through(source, createGunzip(), file)
  else if (compression === 'zstd') yield* through(source, new DecompressStream(), file)
  else yield* blamingFile(compression === 'lz4' ? decompressLz4Frames(source) : source, file)
}

/** What a stream makes of another. */
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
  yield* blamingFile(output, file)
  await done.catch((error) => {
    throw toUnreadable(error, file)
  })
}

/** A damaged stream is the file's fault. */
async function* blamingFile(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw toUnreadable(error, file)
  }
}

function toUnreadable(error: unknown, file: string): unknown {
  if (isSnapError(error)) return error
  if (error instanceof Error && 'syscall' in error) {
    return unreadable(file, (error as NodeJS.ErrnoException).code!, undefined, error)
  }
  const reason = error instanceof Error ? error.message : String(error)
  return unreadable(file, `it is damaged: ${reason}`, undefined, error)
}
