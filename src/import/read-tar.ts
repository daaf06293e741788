/**
 * Reads a tar file as pg_dump writes it (ustar: POSIX.1, "ustar Interchange Format").
 *
 * Pulled, a member at a time: npm's parsers push, and leave whoever waits for
 * the bytes of a member waiting when the file ends within it.
 */
import type { ByteReader } from './byte-reader.ts'
import { unreadable } from './dump-error.ts'

const BLOCK_BYTES = 512
const PIECE_BYTES = 1 << 16

export interface TarMember {
  name: string
  /** What is not read of it is skipped. */
  bytes: AsyncIterable<Uint8Array>
}

/**
 * Yields the files of a tar file, up to the block of zeros that ends it.
 *
 * @throws DUMP_UNREADABLE  it is damaged, cut off, or holds what pg_dump does not write
 */
export async function* readTar(reader: ByteReader, file: string): AsyncGenerator<TarMember> {
  for (;;) {
    const header = await reader.read(BLOCK_BYTES)
    if (header.every((byte) => byte === 0)) return
    const { name, sizeBytes } = readHeader(header, file)
    let left = sizeBytes
    const bytes = async function* () {
      while (left > 0) {
        const piece = await reader.read(Math.min(PIECE_BYTES, left))
        left -= piece.length
        yield piece
      }
    }
    yield { name, bytes: bytes() }
    await reader.skip(left + ((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES))
  }
}

function readHeader(header: Buffer, file: string): { name: string; sizeBytes: number } {
  const text = (start: number, end: number) => header.toString('latin1', start, end).split('\0')[0]!
  const sum = header.reduce(
    (total, byte, at) => total + (at >= CHECKSUM_AT && at < CHECKSUM_AT + 8 ? 0x20 : byte),
    0,
  )
  if (Number.parseInt(text(CHECKSUM_AT, CHECKSUM_AT + 8), 8) !== sum) {
    throw unreadable(file, 'it is damaged: a header in the tar file is')
  }
  const kind = text(156, 157)
  if (kind !== '' && kind !== '0') {
    throw unreadable(file, 'it is no tar file of pg_dump', 'unpack it, and import what is in it')
  }
  // From 8 GiB on the size is a binary number, marked by its first bit.
  const isBinary = (header[124]! & 0x80) !== 0
  const sizeBytes = isBinary ? header.readUIntBE(130, 6) : Number.parseInt(text(124, 136), 8)
  if (!Number.isSafeInteger(sizeBytes)) throw unreadable(file, 'it is damaged: a size in it is')
  return { name: text(0, 100), sizeBytes }
}

const CHECKSUM_AT = 148
