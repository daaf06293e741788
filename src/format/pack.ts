import { createHash } from 'node:crypto'
import { SnapError } from '../errors.ts'
import { MAX_PACK_BYTES } from './limits.ts'
import { isObjectId, OBJECT_ID_BYTES, objectIdFromBytes } from './object-id.ts'
import {
  type EntryHeader,
  type EntryKind,
  entryKindAt,
  entrySizeBytes,
  readEntryFields,
  readFieldsAfterId,
  writeEntryFields,
} from './pack-entry.ts'
import type { ObjectId } from './values.ts'

/**
 * A pack: fixed head, entries, pack index sorted by id, trailer.
 *
 * Its name is the SHA-256 of head, pack index and trailer. So whoever has read
 * the end of a pack, and knows its name, knows that its index is right; the
 * entries are covered one by one by their CRC and their id.
 *
 * @see store-format.md §4 "Packs"
 */
export const PACK_HEAD = Uint8Array.from(Buffer.from('SNAPPACK\0\0\0\x01', 'latin1'))

const PACK_VERSION = 1
const PACK_END = Buffer.from('SNAPPEND', 'latin1')
const SALT_BYTES = 16
const INDEX_LINE_BYTES = OBJECT_ID_BYTES + 1 + 1 + 4 + 4 + 4
const OFFSET_IN_LINE_BYTES = INDEX_LINE_BYTES - 4

/** Salt, entry count, offset of the pack index, version, end mark. */
export const PACK_TRAILER_BYTES = SALT_BYTES + 4 + 4 + 4 + 8

/** One line of a pack index: an entry's header and where the entry begins in the pack. */
export interface PackIndexEntry extends EntryHeader {
  offsetBytes: number
}

/** The checked index of one pack. Lines stay in their encoded form, because there may be 10^7 of them. */
export interface PackIndex {
  packKey: string
  packSizeBytes: number
  entryCount: number
  /** `entryCount` lines, ascending by id. */
  lines: Uint8Array
}

/** Returns the backend key of a pack. */
export function packKeyOf(packId: ObjectId): string {
  return `packs/${packId.slice(0, 2)}/${packId}.pack`
}

/** Returns the id in a pack's key, or `undefined` when the key is not that of a pack. */
export function findPackId(key: string): ObjectId | undefined {
  const id = key.slice('packs/xx/'.length, -'.pack'.length)
  return isObjectId(id) && packKeyOf(id) === key ? id : undefined
}

/**
 * Encodes what follows the entries of a pack, and names the pack.
 *
 * @param entries  in any order; together they tile the pack from its head to here
 * @param salt     16 random bytes: a pack written again must not take the name of one that was damaged
 */
export function encodePackEnd(
  entries: readonly PackIndexEntry[],
  salt: Uint8Array,
): { packId: ObjectId; end: Uint8Array; index: PackIndex } {
  const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const end = Buffer.alloc(sorted.length * INDEX_LINE_BYTES + PACK_TRAILER_BYTES)
  let offset = 0
  for (const entry of sorted) {
    writeEntryFields(end, offset, entry)
    end.writeUInt32BE(entry.offsetBytes, offset + OFFSET_IN_LINE_BYTES)
    offset += INDEX_LINE_BYTES
  }
  const lines = end.subarray(0, offset)
  const indexOffsetBytes = sorted.reduce(
    (total, entry) => total + entrySizeBytes(entry),
    PACK_HEAD.length,
  )
  end.set(salt, offset)
  end.writeUInt32BE(sorted.length, offset + SALT_BYTES)
  end.writeUInt32BE(indexOffsetBytes, offset + SALT_BYTES + 4)
  end.writeUInt32BE(PACK_VERSION, offset + SALT_BYTES + 8)
  end.set(PACK_END, offset + SALT_BYTES + 12)
  const packId = packIdOf(end)
  const index = {
    packKey: packKeyOf(packId),
    packSizeBytes: indexOffsetBytes + end.length,
    entryCount: sorted.length,
    lines,
  }
  return { packId, end, index }
}

/**
 * Reads from a pack's trailer where its index begins. Not yet checked against the pack's name.
 *
 * @param trailer  the last `PACK_TRAILER_BYTES` bytes of the pack
 * @throws PACK_CORRUPT  the trailer does not fit a pack of this size
 */
export function decodePackTrailer(
  trailer: Uint8Array,
  pack: { packKey: string; packSizeBytes: number },
): { entryCount: number; indexOffsetBytes: number } {
  if (trailer.length !== PACK_TRAILER_BYTES) {
    throw corruptPack(pack.packKey, 'a trailer', `${trailer.length} bytes`)
  }
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
  if (Buffer.compare(trailer.subarray(-PACK_END.length), PACK_END) !== 0) {
    throw corruptPack(pack.packKey, 'the end mark SNAPPEND', 'other bytes')
  }
  const entryCount = view.getUint32(SALT_BYTES)
  const indexOffsetBytes = view.getUint32(SALT_BYTES + 4)
  const expected = indexOffsetBytes + entryCount * INDEX_LINE_BYTES + PACK_TRAILER_BYTES
  if (expected !== pack.packSizeBytes || expected > MAX_PACK_BYTES) {
    throw corruptPack(pack.packKey, `${expected} bytes`, `${pack.packSizeBytes} bytes`)
  }
  return { entryCount, indexOffsetBytes }
}

/**
 * Decodes the end of a pack (index and trailer) and checks it against the pack's name.
 *
 * The returned index keeps a view of `end`.
 *
 * @throws PACK_CORRUPT        the name differs, ids do not ascend, or entries do not tile the pack
 * @throws FORMAT_UNSUPPORTED  the pack, an entry kind or an encoding is of an unknown version
 */
export function decodePackEnd(
  end: Uint8Array,
  pack: { packKey: string; packSizeBytes: number },
): PackIndex {
  const { packKey, packSizeBytes } = pack
  if (end.length < PACK_TRAILER_BYTES) {
    throw corruptPack(packKey, `${PACK_TRAILER_BYTES} bytes or more`, `${end.length}`)
  }
  const trailer = end.subarray(end.length - PACK_TRAILER_BYTES)
  // The name before the version: a damaged trailer must be called damaged, not too new.
  const packId = packIdOf(end)
  if (packKeyOf(packId) !== packKey) throw corruptPack(packKey, packKey, packKeyOf(packId))
  assertVersionIsKnown(trailer, packKey)
  const { entryCount, indexOffsetBytes } = decodePackTrailer(trailer, pack)
  const index = {
    packKey,
    packSizeBytes,
    entryCount,
    lines: end.subarray(0, end.length - PACK_TRAILER_BYTES),
  }
  assertIdsAscend(index)
  assertEntriesTile(index, indexOffsetBytes)
  return index
}

/** Decodes line `position` (0-based) of a pack index. */
export function indexEntryAt(index: PackIndex, position: number): PackIndexEntry {
  const offset = position * INDEX_LINE_BYTES
  const header = readEntryFields(index.lines, offset)
  return { ...header, offsetBytes: readUint32(index.lines, offset + OFFSET_IN_LINE_BYTES) }
}

/** Returns the id in line `position` of a pack index without decoding the rest. */
export function indexIdAt(index: PackIndex, position: number): ObjectId {
  return objectIdFromBytes(index.lines, position * INDEX_LINE_BYTES)
}

/** Returns the first four bytes of the id in line `position`, as a number: a uniform hash for free. */
export function indexIdHashAt(index: PackIndex, position: number): number {
  return readUint32(index.lines, position * INDEX_LINE_BYTES)
}

/** Returns kind and stored size from line `position` of a pack index without decoding the rest. */
export function indexFieldsAt(
  index: PackIndex,
  position: number,
): { kind: EntryKind; storedSizeBytes: number } {
  const offset = position * INDEX_LINE_BYTES
  return {
    kind: entryKindAt(index.lines, offset),
    storedSizeBytes: readUint32(index.lines, offset + OBJECT_ID_BYTES + 2),
  }
}

/**
 * Yields a pack's entries in the order in which they lie in it, in stretches of about `stretchBytes`
 * that together cover all entries.
 *
 * A stretch holds one entry at least, however long that is. `positions` are those of its entries in
 * the index.
 */
export function* stretchesOf(
  index: PackIndex,
  stretchBytes: number,
): Iterable<{ offsetBytes: number; sizeBytes: number; positions: Uint32Array }> {
  const offsetAt = (position: number) =>
    readUint32(index.lines, position * INDEX_LINE_BYTES + OFFSET_IN_LINE_BYTES)
  const positions = Uint32Array.from({ length: index.entryCount }, (_, position) => position)
  positions.sort((a, b) => offsetAt(a) - offsetAt(b))
  let first = 0
  let sizeBytes = 0
  for (let i = 0; i < positions.length; i++) {
    sizeBytes += entrySizeBytes(indexFieldsAt(index, positions[i]!))
    if (sizeBytes < stretchBytes && i + 1 < positions.length) continue
    yield {
      offsetBytes: offsetAt(positions[first]!),
      sizeBytes,
      positions: positions.subarray(first, i + 1),
    }
    first = i + 1
    sizeBytes = 0
  }
}

/** Returns, of each line at `positions`, the 46 bytes that say where an entry is and how it begins. */
export function indexHeadsAt(index: PackIndex, positions: Uint32Array): Uint8Array {
  const heads = new Uint8Array(positions.length * INDEX_LINE_BYTES)
  for (const [i, position] of positions.entries()) {
    const start = position * INDEX_LINE_BYTES
    heads.set(index.lines.subarray(start, start + INDEX_LINE_BYTES), i * INDEX_LINE_BYTES)
  }
  return heads
}

/** Compares the id in line `position` with 32 bytes of an id, as `Buffer.compare` does. */
export function compareIndexIdAt(index: PackIndex, position: number, idBytes: Uint8Array): number {
  const offset = position * INDEX_LINE_BYTES
  for (let i = 0; i < OBJECT_ID_BYTES; i++) {
    const difference = index.lines[offset + i]! - idBytes[i]!
    if (difference !== 0) return difference
  }
  return 0
}

function packIdOf(end: Uint8Array): ObjectId {
  return createHash('sha256').update(PACK_HEAD).update(end).digest('hex') as ObjectId
}

function assertVersionIsKnown(trailer: Uint8Array, packKey: string): void {
  const packVersion = readUint32(trailer, SALT_BYTES + 8)
  if (packVersion === PACK_VERSION) return
  throw new SnapError(
    'FORMAT_UNSUPPORTED',
    `cannot read pack '${packKey}' of version ${packVersion}`,
    { expected: `pack ${PACK_VERSION}`, found: `pack ${packVersion}` },
    { hint: 'update snap' },
  )
}

function assertIdsAscend(index: PackIndex): void {
  for (let position = 1; position < index.entryCount; position++) {
    const id = index.lines.subarray(position * INDEX_LINE_BYTES)
    if (compareIndexIdAt(index, position - 1, id) >= 0) {
      throw corruptPack(index.packKey, 'ascending ids in its index', indexIdAt(index, position))
    }
  }
}

/** Entries begin right after the head, follow each other without gap or overlap, and end at the index. */
function assertEntriesTile(index: PackIndex, indexOffsetBytes: number): void {
  const offsets = new Uint32Array(index.entryCount)
  const sizes = new Map<number, number>()
  for (let position = 0; position < index.entryCount; position++) {
    const start = position * INDEX_LINE_BYTES
    const offsetBytes = readUint32(index.lines, start + OFFSET_IN_LINE_BYTES)
    offsets[position] = offsetBytes
    sizes.set(offsetBytes, entrySizeBytes(readFieldsAfterId(index.lines, start)))
  }
  let next = PACK_HEAD.length
  for (const offset of offsets.sort()) {
    if (offset !== next) throw corruptPack(index.packKey, `an entry at ${next}`, `one at ${offset}`)
    next = offset + sizes.get(offset)!
  }
  if (next !== indexOffsetBytes) {
    throw corruptPack(index.packKey, `entries up to ${indexOffsetBytes}`, `up to ${next}`)
  }
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) |
      (bytes[offset + 1]! << 16) |
      (bytes[offset + 2]! << 8) |
      bytes[offset + 3]!) >>>
    0
  )
}

function corruptPack(packKey: string, expected: string, found: string): SnapError {
  return new SnapError(
    'PACK_CORRUPT',
    `pack '${packKey}' is damaged: expected ${expected}, found ${found}`,
    { packKey, expected, found },
    { hint: "run 'snap fsck' to list what is affected" },
  )
}
