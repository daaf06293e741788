import { InvariantError } from '../errors.ts'
import { MAX_DELTA_CHAIN } from '../format/limits.ts'
import { objectIdToBytes } from '../format/object-id.ts'
import {
  compareIndexIdAt,
  indexBaseIdAt,
  indexEntryAt,
  indexFieldsAt,
  indexIdAt,
  indexIdHashAt,
  indexLineBytes,
  type PackIndex,
  type PackIndexEntry,
  type Sketch,
} from '../format/pack.ts'
import { type EntryKind, entrySizeBytes } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import { BaseIndex } from './base-index.ts'

/** Where one stored copy of an object lies. */
export interface StoredObject extends PackIndexEntry {
  packKey: string
  packSizeBytes: number
}

/**
 * Finds objects by id over all packs.
 *
 * A hash table of line numbers over the packs' indexes, which stay in their
 * encoded form: 46 or 92 bytes of index and 5 to 11 of table for each object, 0.6
 * to 1 GB for 10^7. Ids are uniform, so their first four bytes serve as the hash.
 *
 * A pack is added whole and removed whole. An id may be in several packs, or in
 * one as a chunk and in another as metadata; all copies are found.
 */
export class ObjectIndex {
  readonly #packs = new Map<string, PackIndex>()
  /** In the order of their line numbers; `#starts[i]` is the first number of `#order[i]`. */
  #order: PackIndex[] = []
  #starts: number[] = []
  #lineCount = 0
  #removalCount = 0
  /** Line number + 1, or 0 where empty. Its length is a power of two. */
  #slots = new Uint32Array(1024)
  /** Made when first asked for: who only reads has no use for it. */
  #bases: BaseIndex | undefined

  get packCount(): number {
    return this.#packs.size
  }

  get objectCount(): number {
    return this.#lineCount
  }

  /** Changes whenever line numbers do. */
  get numbering(): number {
    return this.#removalCount
  }

  /** Yields every pack with the number of its first line, in the order of their numbers. */
  *packs(): Iterable<{ pack: PackIndex; firstLineNumber: number }> {
    for (const [i, pack] of this.#order.entries()) {
      yield { pack, firstLineNumber: this.#starts[i]! }
    }
  }

  hasPack(packKey: string): boolean {
    return this.#packs.has(packKey)
  }

  packKeys(): string[] {
    return [...this.#packs.keys()]
  }

  addPack(pack: PackIndex): void {
    if (this.#packs.has(pack.packKey)) return
    this.#packs.set(pack.packKey, pack)
    this.#append(pack)
    this.#bases?.addPack(pack)
  }

  /** Forgets packs, for example because they are gone. Rebuilds the table, so take many at once. */
  removePacks(packKeys: readonly string[]): void {
    const removed = packKeys.filter((packKey) => this.#packs.delete(packKey))
    if (removed.length === 0) return
    this.#removalCount++
    this.#bases = undefined
    this.#order = []
    this.#starts = []
    this.#lineCount = 0
    this.#slots = new Uint32Array(1024)
    for (const pack of this.#packs.values()) this.#append(pack)
  }

  /** Yields every stored copy of an object, in the order in which packs were added. */
  *find(id: ObjectId): Iterable<StoredObject> {
    for (const { pack, position } of this.#findLines(id)) yield storedObjectAt(pack, position)
  }

  /** Returns the newest chunk that is like one with this sketch, and what its pack says of it. */
  findSimilar(sketch: Sketch): StoredObject | undefined {
    const line = this.#baseIndex().find(sketch)
    return line === undefined ? undefined : storedObjectAt(line.pack, line.position)
  }

  #baseIndex(): BaseIndex {
    if (this.#bases === undefined) {
      this.#bases = new BaseIndex()
      for (const pack of this.#packs.values()) this.#bases.addPack(pack)
    }
    return this.#bases
  }

  /**
   * Tells whether a copy can be decoded as far as the index knows: it is no delta, or its base has
   * such a copy. Copies that build on each other in a circle cannot.
   */
  isWhole({ id, baseId }: Pick<StoredObject, 'id' | 'baseId'>): boolean {
    return baseId === undefined || this.#hasWholeCopy(baseId, [id])
  }

  #hasWholeCopy(id: ObjectId, path: readonly ObjectId[]): boolean {
    if (path.length > MAX_DELTA_CHAIN || path.includes(id)) return false
    for (const { pack, position } of this.#findLines(id)) {
      if (indexFieldsAt(pack, position).kind !== 'chunk') continue
      const baseId = indexBaseIdAt(pack, position)
      if (baseId === undefined || this.#hasWholeCopy(baseId, [...path, id])) return true
    }
    return false
  }

  /** Returns the numbers of an object's lines: stable while no pack is removed, below `objectCount`. */
  findLineNumbers(id: ObjectId, kind?: EntryKind): number[] {
    const lineNumbers: number[] = []
    for (const { pack, position, lineNumber } of this.#findLines(id)) {
      if (kind !== undefined && indexFieldsAt(pack, position).kind !== kind) continue
      lineNumbers.push(lineNumber)
    }
    return lineNumbers
  }

  /** Returns the stored copy behind a line number. */
  storedObjectOf(lineNumber: number): StoredObject {
    const { pack, position } = this.#lineOf(lineNumber)
    return storedObjectAt(pack, position)
  }

  /** Returns the base of the copy behind a line number, if it is a delta, without decoding the rest. */
  baseIdOf(lineNumber: number): ObjectId | undefined {
    const { pack, position } = this.#lineOf(lineNumber)
    return indexBaseIdAt(pack, position)
  }

  /** Returns what the copy behind a line number takes in its pack: the entry, and its line in the index. */
  sizeBytesOf(lineNumber: number): number {
    const { pack, position } = this.#lineOf(lineNumber)
    return entrySizeBytes(indexFieldsAt(pack, position)) + indexLineBytes(pack)
  }

  /** Returns every id that begins with `prefix`, ascending, without repeats. Reads the whole index. */
  idsWithPrefix(prefix: string): ObjectId[] {
    const ids = new Set<ObjectId>()
    const least = objectIdToBytes(prefix.padEnd(64, '0') as ObjectId)
    for (const pack of this.#packs.values()) {
      let position = lowerBound(pack, least)
      for (; position < pack.entryCount; position++) {
        const id = indexIdAt(pack, position)
        if (!id.startsWith(prefix)) break
        ids.add(id)
      }
    }
    return [...ids].sort()
  }

  *#findLines(id: ObjectId): Iterable<{ pack: PackIndex; position: number; lineNumber: number }> {
    const idBytes = objectIdToBytes(id)
    const mask = this.#slots.length - 1
    const hash = Number.parseInt(id.slice(0, 8), 16)
    for (let slot = hash & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const lineNumber = this.#slots[slot]! - 1
      const { pack, position } = this.#lineOf(lineNumber)
      if (compareIndexIdAt(pack, position, idBytes) === 0) yield { pack, position, lineNumber }
    }
  }

  #append(pack: PackIndex): void {
    this.#order.push(pack)
    this.#starts.push(this.#lineCount)
    const lineCount = this.#lineCount + pack.entryCount
    if (lineCount > this.#slots.length * 0.6) {
      this.#grow(lineCount)
    }
    for (let position = 0; position < pack.entryCount; position++) {
      this.#insert(indexIdHashAt(pack, position), this.#lineCount + position)
    }
    this.#lineCount = lineCount
  }

  #grow(lineCount: number): void {
    let slotCount = this.#slots.length
    while (lineCount > slotCount * 0.6) slotCount *= 2
    this.#slots = new Uint32Array(slotCount)
    for (const [i, pack] of this.#order.entries()) {
      const start = this.#starts[i]!
      // The pack being appended has its start already, and is inserted by the caller.
      if (start === this.#lineCount) break
      for (let position = 0; position < pack.entryCount; position++) {
        this.#insert(indexIdHashAt(pack, position), start + position)
      }
    }
  }

  #insert(hash: number, lineNumber: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = lineNumber + 1
  }

  #lineOf(lineNumber: number): { pack: PackIndex; position: number } {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#starts[middle]! <= lineNumber) low = middle
      else high = middle - 1
    }
    const pack = this.#order[low]
    const start = this.#starts[low]
    if (pack === undefined || start === undefined) throw new InvariantError('no such index line')
    return { pack, position: lineNumber - start }
  }
}

/** Decodes line `position` (0-based) of a pack index, with where the pack is. */
export function storedObjectAt(pack: PackIndex, position: number): StoredObject {
  return {
    ...indexEntryAt(pack, position),
    packKey: pack.packKey,
    packSizeBytes: pack.packSizeBytes,
  }
}

/** Returns the first position whose id is not below `idBytes`. */
function lowerBound(pack: PackIndex, idBytes: Uint8Array): number {
  let low = 0
  let high = pack.entryCount
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareIndexIdAt(pack, middle, idBytes) < 0) low = middle + 1
    else high = middle
  }
  return low
}
