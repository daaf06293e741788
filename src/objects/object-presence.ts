import { InvariantError } from '../errors.ts'
import type { EntryKind } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import type { ObjectIndex } from './object-index.ts'

/** Nothing has named the object yet. */
const NEVER = -1
/** More than one state has held it. */
const SEVERAL = -2

/**
 * Which of a row of states hold each object: told in one pass by counting, while
 * states are entered and left one after the other, how often the present one
 * names it. What two neighbours share is not looked at.
 *
 * Twelve bytes an object, so that 10^7 objects take 120 MB. Of several copies of
 * an object the first stands for all, or the first that is no delta. A state that
 * names a delta names its base, too. Valid while no pack is removed from the index.
 */
export class ObjectPresence {
  readonly #index: ObjectIndex
  readonly #numbering: number
  /** How often the present state names the object. */
  readonly #counts: Uint32Array
  /** Since which state it has been there without a break. */
  readonly #since: Int32Array
  /** The one state that held it, NEVER or SEVERAL. */
  readonly #owners: Int32Array
  #state = 0
  #presentSizeBytes = 0
  #appearedSizeBytes = 0

  constructor(index: ObjectIndex) {
    this.#index = index
    this.#numbering = index.numbering
    this.#counts = new Uint32Array(index.objectCount)
    this.#since = new Int32Array(index.objectCount)
    this.#owners = new Int32Array(index.objectCount).fill(NEVER)
  }

  /** The present state names it (once more). `appeared`: and the one before it did not. */
  enter(id: ObjectId, kind: EntryKind): 'appeared' | 'stays' | 'absent' {
    const line = this.#lineOf(id, kind)
    if (line === undefined) return 'absent'
    const count = this.#counts[line]!
    this.#counts[line] = count + 1
    if (count > 0) return 'stays'
    this.#since[line] = this.#state
    const sizeBytes = this.#index.sizeBytesOf(line)
    this.#presentSizeBytes += sizeBytes
    if (this.#owners[line] === NEVER) this.#appearedSizeBytes += sizeBytes
    const baseId = this.#index.baseIdOf(line)
    if (baseId !== undefined) this.enter(baseId, 'chunk')
    return 'appeared'
  }

  /** The state before named it, and the present one does so once less. */
  leave(id: ObjectId, kind: EntryKind): 'gone' | 'stays' | 'absent' {
    const line = this.#lineOf(id, kind)
    if (line === undefined) return 'absent'
    const count = this.#counts[line]!
    if (count === 0) throw new InvariantError(`object '${id}' left before it was entered`)
    this.#counts[line] = count - 1
    if (count > 1) return 'stays'
    this.#settle(line)
    this.#presentSizeBytes -= this.#index.sizeBytesOf(line)
    const baseId = this.#index.baseIdOf(line)
    if (baseId !== undefined) this.leave(baseId, 'chunk')
    return 'gone'
  }

  /**
   * Ends the present state, when all that it names has been entered and all of the one before has left.
   *
   * @returns stored bytes of all that it names, and of what no state before it named
   */
  endState(): { sizeBytes: number; newSizeBytes: number } {
    const ended = { sizeBytes: this.#presentSizeBytes, newSizeBytes: this.#appearedSizeBytes }
    this.#appearedSizeBytes = 0
    this.#state++
    return ended
  }

  /** Adds up all states that were ended. */
  totals(): PresenceTotals {
    this.#assertValid()
    for (const [line, count] of this.#counts.entries()) if (count > 0) this.#settle(line)
    const totals: PresenceTotals = {
      uniqueSizeBytes: new Array<number>(this.#state).fill(0),
      sharedSizeBytes: 0,
      unnamedSizeBytes: 0,
      namedObjectCount: 0,
      uncompressedSizeBytes: 0,
    }
    for (const [line, owner] of this.#owners.entries()) {
      const sizeBytes = this.#index.sizeBytesOf(line)
      if (owner === NEVER) {
        totals.unnamedSizeBytes += sizeBytes
        continue
      }
      totals.namedObjectCount++
      totals.uncompressedSizeBytes += this.#index.storedObjectOf(line).sizeBytes
      if (owner === SEVERAL) totals.sharedSizeBytes += sizeBytes
      else totals.uniqueSizeBytes[owner]! += sizeBytes
    }
    return totals
  }

  /** It has been there from `since` to the state before the present one. */
  #settle(line: number): void {
    const since = this.#since[line]!
    const isOneState = this.#state - since === 1
    this.#owners[line] = isOneState && this.#owners[line] === NEVER ? since : SEVERAL
  }

  #lineOf(id: ObjectId, kind: EntryKind): number | undefined {
    this.#assertValid()
    const lines = this.#index.findLineNumbers(id, kind).filter((line) => line < this.#counts.length)
    return lines.find((line) => this.#index.baseIdOf(line) === undefined) ?? lines[0]
  }

  #assertValid(): void {
    if (this.#index.numbering !== this.#numbering) {
      throw new InvariantError('a pack was removed while objects were counted')
    }
  }
}

export interface PresenceTotals {
  /** By state: stored bytes of objects that it alone names. */
  uniqueSizeBytes: number[]
  /** Of objects that several states name, each once. */
  sharedSizeBytes: number
  /** Of entries that no state names, and of further copies. */
  unnamedSizeBytes: number
  /** Different objects that any state names. */
  namedObjectCount: number
  /** The same, as long as they are uncompressed. */
  uncompressedSizeBytes: number
}
