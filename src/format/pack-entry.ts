import { crc32 } from 'node:zlib'
import { SnapError } from '../errors.ts'
import { MAX_DELTA_OBJECT_BYTES, MAX_OBJECT_BYTES } from './limits.ts'
import { OBJECT_ID_BYTES, objectIdFromBytes } from './object-id.ts'
import type { ObjectId } from './values.ts'

/**
 * One object in a pack: a header that describes itself, a CRC-32, the stored bytes.
 *
 * The CRC covers header and stored bytes, because bits of a compressed frame can
 * change without changing what it decompresses to, and every byte of a store is
 * to be covered. It does not replace the id: who decodes an entry still hashes.
 *
 * @see store-format.md §4.2 "Pack entry"
 */
export type EntryKind = 'chunk' | 'metadata'

/**
 * How the stored bytes hold the object: as they are, as one zstd frame, or as one whose dictionary
 * is another object, the base.
 */
export type EntryEncoding = 'raw' | 'zstd' | 'delta'

/** What an entry's header says. */
export interface EntryHeader {
  id: ObjectId
  kind: EntryKind
  encoding: EntryEncoding
  /** Length of the stored bytes. */
  storedSizeBytes: number
  /** Length of the object, uncompressed. */
  sizeBytes: number
}

/** Header and CRC, before the stored bytes. */
export const ENTRY_HEAD_BYTES = OBJECT_ID_BYTES + 1 + 1 + 4 + 4 + 4

const CRC_OFFSET_BYTES = ENTRY_HEAD_BYTES - 4
const KIND_CODES: Record<EntryKind, number> = { chunk: 1, metadata: 2 }
const KINDS = new Map(Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as EntryKind]))
const ENCODING_CODES: Record<EntryEncoding, number> = { raw: 1, zstd: 2, delta: 3 }
const ENCODINGS = new Map(
  Object.entries(ENCODING_CODES).map(([name, code]) => [code, name as EntryEncoding]),
)

/** Returns how many bytes of the pack an entry takes. */
export function entrySizeBytes(header: Pick<EntryHeader, 'storedSizeBytes'>): number {
  return ENTRY_HEAD_BYTES + header.storedSizeBytes
}

/** Encodes what stands before the stored bytes of an entry. `stored` is not copied. */
export function encodeEntryHead(header: EntryHeader, stored: Uint8Array): Uint8Array {
  const head = Buffer.alloc(ENTRY_HEAD_BYTES)
  writeEntryFields(head, 0, header)
  head.writeUInt32BE(crcOf(head.subarray(0, CRC_OFFSET_BYTES), stored), CRC_OFFSET_BYTES)
  return head
}

/**
 * Decodes the entry that begins at `offsetBytes` and checks its CRC.
 *
 * `stored` is a view of `bytes`. The object in it is not decompressed and not hashed here.
 *
 * @throws OBJECT_CORRUPT      the bytes end early, the CRC differs, or a field is out of range
 * @throws FORMAT_UNSUPPORTED  the CRC is right and the kind or encoding is not known
 */
export function decodeEntry(
  bytes: Uint8Array,
  offsetBytes = 0,
): { header: EntryHeader; stored: Uint8Array } {
  if (bytes.length - offsetBytes < ENTRY_HEAD_BYTES) {
    throw corruptEntry(
      `an entry head of ${ENTRY_HEAD_BYTES} bytes`,
      `${bytes.length - offsetBytes}`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offsetBytes, ENTRY_HEAD_BYTES)
  const start = offsetBytes + ENTRY_HEAD_BYTES
  const storedSizeBytes = view.getUint32(34)
  if (bytes.length - start < storedSizeBytes) {
    throw corruptEntry(`${storedSizeBytes} stored bytes`, `${bytes.length - start}`)
  }
  const stored = bytes.subarray(start, start + storedSizeBytes)
  const found = crcOf(bytes.subarray(offsetBytes, offsetBytes + CRC_OFFSET_BYTES), stored)
  const expected = view.getUint32(CRC_OFFSET_BYTES)
  if (found !== expected) throw corruptEntry(`CRC ${hex(expected)}`, hex(found))
  return { header: readEntryFields(bytes, offsetBytes), stored }
}

/** Writes the 42 bytes that an entry's head and its line in the pack index share. */
export function writeEntryFields(bytes: Buffer, offsetBytes: number, header: EntryHeader): void {
  bytes.write(header.id, offsetBytes, 'hex')
  bytes.writeUInt8(KIND_CODES[header.kind], offsetBytes + 32)
  bytes.writeUInt8(ENCODING_CODES[header.encoding], offsetBytes + 33)
  bytes.writeUInt32BE(header.storedSizeBytes, offsetBytes + 34)
  bytes.writeUInt32BE(header.sizeBytes, offsetBytes + 38)
}

/** Reads only the kind from fields that `readEntryFields` has accepted. */
export function entryKindAt(bytes: Uint8Array, offsetBytes: number): EntryKind {
  return bytes[offsetBytes + 32] === KIND_CODES.chunk ? 'chunk' : 'metadata'
}

/** Reads only whether an entry is a delta, from its fields. */
export function isDeltaEntryAt(bytes: Uint8Array, offsetBytes: number): boolean {
  return bytes[offsetBytes + 33] === ENCODING_CODES.delta
}

/**
 * Reads the 42 bytes that an entry's head and its line in the pack index share.
 *
 * @throws FORMAT_UNSUPPORTED  unknown kind or encoding
 * @throws OBJECT_CORRUPT      a length is out of range, or metadata is a delta
 */
export function readEntryFields(bytes: Uint8Array, offsetBytes: number): EntryHeader {
  return { id: objectIdFromBytes(bytes, offsetBytes), ...readFieldsAfterId(bytes, offsetBytes) }
}

/** As `readEntryFields`, without the text of an id that nobody asks for. */
export function readFieldsAfterId(bytes: Uint8Array, offsetBytes: number): Omit<EntryHeader, 'id'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offsetBytes, ENTRY_HEAD_BYTES - 4)
  const kind = KINDS.get(view.getUint8(32))
  const encoding = ENCODINGS.get(view.getUint8(33))
  if (kind === undefined || encoding === undefined) {
    const found = `kind ${view.getUint8(32)}, encoding ${view.getUint8(33)}`
    throw new SnapError(
      'FORMAT_UNSUPPORTED',
      `cannot read a pack entry of ${found}`,
      { expected: 'kind 1 or 2, encoding 1 to 3', found },
      { hint: 'update snap' },
    )
  }
  const storedSizeBytes = view.getUint32(34)
  const sizeBytes = view.getUint32(38)
  if (sizeBytes > MAX_OBJECT_BYTES) {
    throw corruptEntry(`an object of ${MAX_OBJECT_BYTES} bytes or fewer`, `${sizeBytes}`)
  }
  if (encoding === 'delta' && (kind !== 'chunk' || sizeBytes > MAX_DELTA_OBJECT_BYTES)) {
    const found = `${kind} of ${sizeBytes} bytes`
    throw corruptEntry(`only chunks of ${MAX_DELTA_OBJECT_BYTES} bytes or fewer as deltas`, found)
  }
  if (encoding === 'raw' ? storedSizeBytes !== sizeBytes : storedSizeBytes >= sizeBytes) {
    throw corruptEntry('stored bytes as long as raw or shorter', `${storedSizeBytes}`)
  }
  return { kind, encoding, storedSizeBytes, sizeBytes }
}

function crcOf(fields: Uint8Array, stored: Uint8Array): number {
  const crc = crc32(fields)
  // Node 20's crc32 forgets the value it is to go on from when it is given no bytes.
  return stored.length === 0 ? crc : crc32(stored, crc)
}

function corruptEntry(expected: string, found: string): SnapError {
  return new SnapError('OBJECT_CORRUPT', `cannot accept a pack entry: expected ${expected}`, {
    expected,
    found,
  })
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
