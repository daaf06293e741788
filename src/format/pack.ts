import { createHash } from 'node:crypto'
import { SnapError } from '../errors.ts'
import { MAX_PACK_BYTES } from './limits.ts'
import { isObjectId, OBJECT_ID_BYTES, objectIdFromBytes } from './object-id.ts'
import {
  type EntryHeader,
  type EntryKind,
  entryKindAt,
  entrySizeBytes,
  isDeltaEntryAt,
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

/** Version 2 says of each entry what it is like and what it builds on; it is written where something is to be said. */
export type PackVersion = 1 | 2
const PACK_END = Buffer.from('SNAPPEND', 'latin1')
const SALT_BYTES = 16
const INDEX_LINE_BYTES = OBJECT_ID_BYTES + 1 + 1 + 4 + 4 + 4
const OFFSET_IN_LINE_BYTES = INDEX_LINE_BYTES - 4
const SKETCH_BYTES = 12
/** A line of version 2: one of version 1, then the lineage. Twice as long, see `decodePackTrailer`. */
const LINEAGE_BYTES = SKETCH_BYTES + 2 + OBJECT_ID_BYTES
const LINE_BYTES: Record<PackVersion, number> = {
  1: INDEX_LINE_BYTES,
  2: INDEX_LINE_BYTES + LINEAGE_BYTES,
}
const GENERATION_IN_LINE_BYTES = INDEX_LINE_BYTES + SKETCH_BYTES
const BASE_IN_LINE_BYTES = GENERATION_IN_LINE_BYTES + 2
/** Generations beyond are not told apart. */
export const MAX_GENERATION = 0xffff

/** Salt, entry count, offset of the pack index, version, end mark. */
export const PACK_TRAILER_BYTES = SALT_BYTES + 4 + 4 + 4 + 8

/**
 * Three hashes that chunks with much in common mostly share; 0 stands for none. How they are made is
 * the writer's choice, and a wrong one costs space and nothing else.
 */
export type Sketch = readonly [number, number, number]

/** What a chunk is like and what it came from, for finding a base for the next one like it. */
export interface Lineage {
  sketch: Sketch
  /** How many chunks, each like the one before, led to this one; 0 to MAX_GENERATION. */
  generation: number
}

/** One line of a pack index: an entry's header and where the entry begins in the pack. */
export interface PackIndexEntry extends EntryHeader {
  offsetBytes: number
  /** The object without which a delta cannot be decoded; undefined of all other entries. */
  baseId?: ObjectId | undefined
  /** Absent in packs of version 1. */
  lineage?: Lineage | undefined
}

/** The checked index of one pack. Lines stay in their encoded form, because there may be 10^7 of them. */
export interface PackIndex {
  version: PackVersion
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
  const version = entries.some(({ lineage, baseId }) => (lineage ?? baseId) !== undefined) ? 2 : 1
  const lineBytes = LINE_BYTES[version]
  const end = Buffer.alloc(sorted.length * lineBytes + PACK_TRAILER_BYTES)
  let offset = 0
  for (const entry of sorted) {
    writeEntryFields(end, offset, entry)
    end.writeUInt32BE(entry.offsetBytes, offset + OFFSET_IN_LINE_BYTES)
    if (version === 2) writeLineage(end, offset, entry)
    offset += lineBytes
  }
  const lines = end.subarray(0, offset)
  const indexOffsetBytes = sorted.reduce(
    (total, entry) => total + entrySizeBytes(entry),
    PACK_HEAD.length,
  )
  end.set(salt, offset)
  end.writeUInt32BE((sorted.length * lineBytes) / INDEX_LINE_BYTES, offset + SALT_BYTES)
  end.writeUInt32BE(indexOffsetBytes, offset + SALT_BYTES + 4)
  end.writeUInt32BE(version, offset + SALT_BYTES + 8)
  end.set(PACK_END, offset + SALT_BYTES + 12)
  const packId = packIdOf(end)
  const index: PackIndex = {
    version,
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
 * The trailer counts the index in pieces of 46 bytes, the lines of version 1. So a reader that
 * knows only that version finds the index, checks it against the name, and then refuses the pack
 * for its version instead of calling it damaged.
 *
 * @param trailer  the last `PACK_TRAILER_BYTES` bytes of the pack
 * @throws PACK_CORRUPT  the trailer does not fit a pack of this size
 */
export function decodePackTrailer(
  trailer: Uint8Array,
  pack: { packKey: string; packSizeBytes: number },
): { indexOffsetBytes: number } {
  if (trailer.length !== PACK_TRAILER_BYTES) {
    throw corruptPack(pack.packKey, 'a trailer', `${trailer.length} bytes`)
  }
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength)
  if (Buffer.compare(trailer.subarray(-PACK_END.length), PACK_END) !== 0) {
    throw corruptPack(pack.packKey, 'the end mark SNAPPEND', 'other bytes')
  }
  const pieceCount = view.getUint32(SALT_BYTES)
  const indexOffsetBytes = view.getUint32(SALT_BYTES + 4)
  const expected = indexOffsetBytes + pieceCount * INDEX_LINE_BYTES + PACK_TRAILER_BYTES
  if (expected !== pack.packSizeBytes || expected > MAX_PACK_BYTES) {
    throw corruptPack(pack.packKey, `${expected} bytes`, `${pack.packSizeBytes} bytes`)
  }
  return { indexOffsetBytes }
}

/**
 * Decodes the end of a pack (index and trailer) and checks it against the pack's name.
 *
 * The returned index keeps a view of `end`.
 *
 * @throws PACK_CORRUPT        the name differs, ids do not ascend, entries do not tile the pack, or a
 *   line names a base where there must be none, or none where there must be one
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
  const version = versionOf(trailer, packKey)
  const { indexOffsetBytes } = decodePackTrailer(trailer, pack)
  const lines = end.subarray(0, end.length - PACK_TRAILER_BYTES)
  const entryCount = lines.length / LINE_BYTES[version]
  if (!Number.isInteger(entryCount)) {
    throw corruptPack(packKey, 'an index of whole lines', `${lines.length} bytes`)
  }
  const index = { version, packKey, packSizeBytes, entryCount, lines }
  assertIdsAscend(index)
  assertBasesAreNamed(index)
  assertEntriesTile(index, indexOffsetBytes)
  return index
}

/** Decodes line `position` (0-based) of a pack index. */
export function indexEntryAt(index: PackIndex, position: number): PackIndexEntry {
  const offset = position * LINE_BYTES[index.version]
  const header = readEntryFields(index.lines, offset)
  const offsetBytes = readUint32(index.lines, offset + OFFSET_IN_LINE_BYTES)
  if (index.version === 1) return { ...header, offsetBytes }
  return {
    ...header,
    offsetBytes,
    baseId: indexBaseIdAt(index, position),
    lineage: indexLineageAt(index, position),
  }
}

/** Returns the base of the delta in line `position`; undefined where it is none. */
export function indexBaseIdAt(index: PackIndex, position: number): ObjectId | undefined {
  if (!isDeltaAt(index, position)) return undefined
  return objectIdFromBytes(index.lines, position * LINE_BYTES[2] + BASE_IN_LINE_BYTES)
}

/** Tells whether the entry in line `position` is a delta, without decoding the rest. */
export function isDeltaAt(index: PackIndex, position: number): boolean {
  if (index.version === 1) return false
  return isDeltaEntryAt(index.lines, position * LINE_BYTES[2])
}

/** Returns what line `position` says its object is like; undefined in packs of version 1. */
export function indexLineageAt(index: PackIndex, position: number): Lineage | undefined {
  if (index.version === 1) return undefined
  const offset = position * LINE_BYTES[2]
  return {
    sketch: [
      readUint32(index.lines, offset + INDEX_LINE_BYTES),
      readUint32(index.lines, offset + INDEX_LINE_BYTES + 4),
      readUint32(index.lines, offset + INDEX_LINE_BYTES + 8),
    ],
    generation: readUint16(index.lines, offset + GENERATION_IN_LINE_BYTES),
  }
}

/** Returns how many bytes each line of a pack's index takes. */
export function indexLineBytes({ version }: Pick<PackIndex, 'version'>): number {
  return LINE_BYTES[version]
}

/** Returns the id in line `position` of a pack index without decoding the rest. */
export function indexIdAt(index: PackIndex, position: number): ObjectId {
  return objectIdFromBytes(index.lines, position * LINE_BYTES[index.version])
}

/** Returns the first four bytes of the id in line `position`, as a number: a uniform hash for free. */
export function indexIdHashAt(index: PackIndex, position: number): number {
  return readUint32(index.lines, position * LINE_BYTES[index.version])
}

/** Returns kind and stored size from line `position` of a pack index without decoding the rest. */
export function indexFieldsAt(
  index: PackIndex,
  position: number,
): { kind: EntryKind; storedSizeBytes: number } {
  const offset = position * LINE_BYTES[index.version]
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
  const lineBytes = LINE_BYTES[index.version]
  const offsetAt = (position: number) =>
    readUint32(index.lines, position * lineBytes + OFFSET_IN_LINE_BYTES)
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
    const start = position * LINE_BYTES[index.version]
    heads.set(index.lines.subarray(start, start + INDEX_LINE_BYTES), i * INDEX_LINE_BYTES)
  }
  return heads
}

/** Compares the id in line `position` with 32 bytes of an id, as `Buffer.compare` does. */
export function compareIndexIdAt(index: PackIndex, position: number, idBytes: Uint8Array): number {
  const offset = position * LINE_BYTES[index.version]
  for (let i = 0; i < OBJECT_ID_BYTES; i++) {
    const difference = index.lines[offset + i]! - idBytes[i]!
    if (difference !== 0) return difference
  }
  return 0
}

function packIdOf(end: Uint8Array): ObjectId {
  return createHash('sha256').update(PACK_HEAD).update(end).digest('hex') as ObjectId
}

function writeLineage(line: Buffer, offset: number, { lineage, baseId }: PackIndexEntry): void {
  if (lineage !== undefined) {
    for (const [i, feature] of lineage.sketch.entries()) {
      line.writeUInt32BE(feature, offset + INDEX_LINE_BYTES + 4 * i)
    }
    line.writeUInt16BE(lineage.generation, offset + GENERATION_IN_LINE_BYTES)
  }
  if (baseId !== undefined) line.write(baseId, offset + BASE_IN_LINE_BYTES, 'hex')
}

function versionOf(trailer: Uint8Array, packKey: string): PackVersion {
  const packVersion = readUint32(trailer, SALT_BYTES + 8)
  if (packVersion === 1 || packVersion === 2) return packVersion
  throw new SnapError(
    'FORMAT_UNSUPPORTED',
    `cannot read pack '${packKey}' of version ${packVersion}`,
    { expected: 'pack 1 or 2', found: `pack ${packVersion}` },
    { hint: 'update snap' },
  )
}

function assertIdsAscend(index: PackIndex): void {
  for (let position = 1; position < index.entryCount; position++) {
    const id = index.lines.subarray(position * LINE_BYTES[index.version])
    if (compareIndexIdAt(index, position - 1, id) >= 0) {
      throw corruptPack(index.packKey, 'ascending ids in its index', indexIdAt(index, position))
    }
  }
}

const NO_BASE = new Uint8Array(OBJECT_ID_BYTES)

function assertBasesAreNamed(index: PackIndex): void {
  for (let position = 0; position < index.entryCount; position++) {
    const offset = position * LINE_BYTES[index.version]
    const isDelta = isDeltaEntryAt(index.lines, offset)
    if (index.version === 1) {
      if (isDelta) throw corruptPack(index.packKey, 'no delta in a pack of version 1', 'one')
      continue
    }
    const base = index.lines.subarray(offset + BASE_IN_LINE_BYTES, offset + LINE_BYTES[2])
    const isNamed = Buffer.compare(base, NO_BASE) !== 0
    const isItself = compareIndexIdAt(index, position, base) === 0
    if (isNamed === isDelta && !isItself) continue
    throw corruptPack(
      index.packKey,
      isDelta ? 'another object as the base of a delta' : 'a base of deltas only',
      objectIdFromBytes(base, 0),
    )
  }
}

/** Entries begin right after the head, follow each other without gap or overlap, and end at the index. */
function assertEntriesTile(index: PackIndex, indexOffsetBytes: number): void {
  const offsets = new Uint32Array(index.entryCount)
  const sizes = new Map<number, number>()
  for (let position = 0; position < index.entryCount; position++) {
    const start = position * LINE_BYTES[index.version]
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

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
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
