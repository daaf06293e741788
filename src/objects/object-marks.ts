import { InvariantError } from '../errors.ts'
import { indexEntryAt, indexFieldsAt, indexLineBytes, type PackIndex } from '../format/pack.ts'
import { type EntryKind, entrySizeBytes } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import type { ObjectIndex, StoredObject } from './object-index.ts'

const MARKED = 1
const SPARE = 2

/** By the number that stands for it. `spare`: marked, and another copy of the object was chosen. */
const NAMES = ['none', 'marked', 'spare'] as const
type Mark = (typeof NAMES)[number]

/** One line of a pack, with what is known of it. */
export interface MarkedEntry extends StoredObject {
  mark: Mark
}

export interface MarkCounts {
  hasMetadata: boolean
  markedCount: number
  /** Of entries with their heads and their lines in the index, by mark. */
  sizeBytes: Record<Mark, number>
}

/**
 * Marks over stored objects: one byte for each line of the packs' indexes, so
 * that 10^7 objects take 10 MB.
 *
 * Valid while no pack is removed from the index. Packs added later are not
 * marked and not listed.
 */
export class ObjectMarks {
  readonly #index: ObjectIndex
  readonly #numbering: number
  readonly #packs: ReadonlyMap<string, { pack: PackIndex; firstLineNumber: number }>
  readonly #marks: Uint8Array
  /** Line numbers of the copies of objects that have several. */
  readonly #copies: number[][] = []

  constructor(index: ObjectIndex) {
    this.#index = index
    this.#numbering = index.numbering
    this.#packs = new Map([...index.packs()].map((place) => [place.pack.packKey, place]))
    this.#marks = new Uint8Array(index.objectCount)
  }

  /**
   * Marks every copy of an object, and what is needed to decode one of them: where all are deltas,
   * their bases, and the bases of those.
   *
   * @returns  `absent`: none that can be decoded is stored as that kind
   */
  mark(id: ObjectId, kind: EntryKind): 'new' | 'known' | 'absent' {
    this.#assertValid()
    const lineNumbers = this.#linesOf(id, kind)
    const [first] = lineNumbers
    if (first === undefined) return 'absent'
    if (this.#marks[first] !== 0) return 'known'
    for (const lineNumber of lineNumbers) this.#marks[lineNumber] = MARKED
    if (lineNumbers.length > 1) this.#copies.push(lineNumbers)
    const baseIds = lineNumbers.map((lineNumber) => this.#index.baseIdOf(lineNumber))
    if (!baseIds.includes(undefined)) {
      for (const baseId of baseIds) if (baseId !== undefined) this.mark(baseId, 'chunk')
    }
    return baseIds.some((baseId) => this.#index.isWhole({ id, baseId })) ? 'new' : 'absent'
  }

  /**
   * Marks the bases of what lies in a pack and is not needed: while the pack stays, whoever finds it
   * there may use it again.
   *
   * @returns  whether any of them was not marked before
   */
  markBasesIn(packKey: string): boolean {
    let hasChanged = false
    for (const { baseId } of this.entriesOf(packKey)) {
      if (baseId !== undefined && this.mark(baseId, 'chunk') === 'new') hasChanged = true
    }
    return hasChanged
  }

  /**
   * Of each object that is marked in several packs, keeps the first by `order` and makes the others
   * spare. A copy that is no delta goes before all that are, and of deltas all are kept: so what is
   * kept is not built on itself in a circle.
   */
  chooseCopies(order: (a: StoredObject, b: StoredObject) => number): void {
    this.#assertValid()
    for (const lineNumbers of this.#copies) {
      const copies = lineNumbers.map((lineNumber) => ({
        lineNumber,
        object: this.#index.storedObjectOf(lineNumber),
      }))
      const [chosen] = copies
        .filter(({ object }) => object.baseId === undefined)
        .sort((a, b) => order(a.object, b.object))
      for (const { lineNumber } of copies) {
        const isKept = chosen === undefined || lineNumber === chosen.lineNumber
        this.#marks[lineNumber] = isKept ? MARKED : SPARE
      }
    }
  }

  #linesOf(id: ObjectId, kind: EntryKind): number[] {
    return this.#index
      .findLineNumbers(id, kind)
      .filter((lineNumber) => lineNumber < this.#marks.length)
  }

  /** The packs there were when marking began, in no particular order. */
  packs(): PackIndex[] {
    return [...this.#packs.values()].map(({ pack }) => pack)
  }

  /** Adds up a pack's entries by their marks. */
  countEntries(packKey: string): MarkCounts {
    const { pack, firstLineNumber } = this.#packOf(packKey)
    const counts = {
      hasMetadata: false,
      markedCount: 0,
      sizeBytes: { none: 0, marked: 0, spare: 0 },
    }
    for (let position = 0; position < pack.entryCount; position++) {
      const fields = indexFieldsAt(pack, position)
      const mark = NAMES[this.#marks[firstLineNumber + position]!]!
      if (fields.kind === 'metadata') counts.hasMetadata = true
      if (mark === 'marked') counts.markedCount++
      counts.sizeBytes[mark] += entrySizeBytes(fields) + indexLineBytes(pack)
    }
    return counts
  }

  /** Yields every line of a pack, ascending by id. */
  *entriesOf(packKey: string): Iterable<MarkedEntry> {
    const { pack, firstLineNumber } = this.#packOf(packKey)
    const { packSizeBytes } = pack
    for (let position = 0; position < pack.entryCount; position++) {
      const mark = NAMES[this.#marks[firstLineNumber + position]!]!
      yield { ...indexEntryAt(pack, position), packKey, packSizeBytes, mark }
    }
  }

  #packOf(packKey: string): { pack: PackIndex; firstLineNumber: number } {
    this.#assertValid()
    const found = this.#packs.get(packKey)
    if (found === undefined) throw new InvariantError(`'${packKey}' has no marks`)
    return found
  }

  #assertValid(): void {
    if (this.#index.numbering !== this.#numbering) {
      throw new InvariantError('a pack was removed while objects were marked')
    }
  }
}
