import { InvariantError } from '../errors.ts'
import { indexEntryAt, indexFieldsAt, type PackIndex } from '../format/pack.ts'
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
  /** Of entries with their heads, by mark. */
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

  /** Marks every copy of an object. `absent`: none is stored as that kind. */
  mark(id: ObjectId, kind: EntryKind): 'new' | 'known' | 'absent' {
    this.#assertValid()
    const lineNumbers = this.#index
      .findLineNumbers(id, kind)
      .filter((lineNumber) => lineNumber < this.#marks.length)
    const [first] = lineNumbers
    if (first === undefined) return 'absent'
    if (this.#marks[first] !== 0) return 'known'
    for (const lineNumber of lineNumbers) this.#marks[lineNumber] = MARKED
    if (lineNumbers.length > 1) this.#copies.push(lineNumbers)
    return 'new'
  }

  /** Of each object that is marked in several packs, keeps the first by `order` and makes the others spare. */
  chooseCopies(order: (a: StoredObject, b: StoredObject) => number): void {
    this.#assertValid()
    for (const lineNumbers of this.#copies) {
      const [chosen] = lineNumbers.toSorted((a, b) =>
        order(this.#index.storedObjectOf(a), this.#index.storedObjectOf(b)),
      )
      for (const lineNumber of lineNumbers) {
        this.#marks[lineNumber] = lineNumber === chosen ? MARKED : SPARE
      }
    }
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
      counts.sizeBytes[mark] += entrySizeBytes(fields)
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
