import { InvariantError } from '../errors.ts'
import { indexEntryAt, type PackIndex } from '../format/pack.ts'
import type { EntryKind } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import type { ObjectIndex, StoredObject } from './object-index.ts'

const MARKED = 1
const SPARE = 2

/** One line of a pack, with what is known of it. */
export interface MarkedEntry extends StoredObject {
  /** `spare`: marked, and another copy of the object was chosen. */
  mark: 'none' | 'marked' | 'spare'
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
      .findLineNumbers(id)
      .filter((n) => n < this.#marks.length && this.#index.storedObjectOf(n).kind === kind)
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

  /** Yields every line of a pack, ascending by id. */
  *entriesOf(packKey: string): Iterable<MarkedEntry> {
    this.#assertValid()
    const found = this.#packs.get(packKey)
    if (found === undefined) throw new InvariantError(`'${packKey}' has no marks`)
    const { pack, firstLineNumber } = found
    const { packSizeBytes } = pack
    for (let position = 0; position < pack.entryCount; position++) {
      const value = this.#marks[firstLineNumber + position]
      const mark = value === MARKED ? 'marked' : value === SPARE ? 'spare' : 'none'
      yield { ...indexEntryAt(pack, position), packKey, packSizeBytes, mark }
    }
  }

  #assertValid(): void {
    if (this.#index.numbering !== this.#numbering) {
      throw new InvariantError('a pack was removed while objects were marked')
    }
  }
}
