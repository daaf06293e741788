/**
 * Compares rows of two states of a table as bytes of COPY text, where they lie.
 *
 * A row is a range of a buffer, without its line feed. Nothing is copied and
 * nothing allocated: comparing is what is done for every row of a table.
 */
import { compareColumns } from './column-comparison.ts'

export type SideName = 'before' | 'after'

const TAB = 0x09

/** Shorter rows are compared and copied sooner byte by byte than by a call, which needs two views (measured on Node 20). */
const NATIVE_BYTES = 512

export class RowComparer {
  /** A key pairs rows, so that two that differ can be one that was updated. */
  readonly isKeyed: boolean
  /**
   * Without any common column nothing says that two rows are equal, so none are,
   * unless neither side has a column at all.
   */
  readonly isNeverEqual: boolean
  /** Equal rows are equal bytes. */
  readonly #isSameLayout: boolean
  readonly #common: readonly ColumnPosition[]
  readonly #paired: readonly ColumnPosition[]
  /** How many columns the key has, when it is the first columns of both sides in order; else 0. */
  readonly #leadingKeyColumnCount: number
  readonly #fieldEnds: Readonly<Record<SideName, Uint32Array>>

  /** @param keyColumns  unique and not null on both sides, and common to both */
  constructor(
    before: readonly string[],
    after: readonly string[],
    keyColumns: readonly string[] | undefined,
  ) {
    const { common } = compareColumns(before, after)
    const positionsOf = (names: readonly string[]) =>
      names.map((name) => ({ name, before: before.indexOf(name), after: after.indexOf(name) }))
    this.isKeyed = keyColumns !== undefined
    this.isNeverEqual = common.length === 0 && before.length + after.length > 0
    this.#isSameLayout = before.join('\0') === after.join('\0')
    this.#common = positionsOf(common)
    this.#paired = positionsOf(keyColumns ?? common)
    const isLeading = this.#paired.every((each, i) => each.before === i && each.after === i)
    this.#leadingKeyColumnCount = this.isKeyed && isLeading ? this.#paired.length : 0
    // A table without columns has one empty field a row.
    this.#fieldEnds = {
      before: new Uint32Array(Math.max(before.length, 1)),
      after: new Uint32Array(Math.max(after.length, 1)),
    }
  }

  /** Tells whether the rows are equal in the common columns. */
  isEqual(
    before: Uint8Array,
    beforeStart: number,
    beforeEnd: number,
    after: Uint8Array,
    afterStart: number,
    afterEnd: number,
  ): boolean {
    if (this.#isSameLayout) {
      return isSameBytes(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
    }
    this.#findFields(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
    return this.#isSameIn(this.#common, before, beforeStart, after, afterStart)
  }

  /** Tells whether the rows are two states of one: equal in the key or, without one, altogether. */
  isPair(
    before: Uint8Array,
    beforeStart: number,
    beforeEnd: number,
    after: Uint8Array,
    afterStart: number,
    afterEnd: number,
  ): boolean {
    if (!this.isKeyed) {
      return this.isEqual(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
    }
    if (this.#leadingKeyColumnCount === 0) {
      this.#findFields(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
      return this.#isSameIn(this.#paired, before, beforeStart, after, afterStart)
    }
    let columnsLeft = this.#leadingKeyColumnCount
    for (let i = beforeStart, j = afterStart; ; i++, j++) {
      const byte = i < beforeEnd ? before[i] : TAB
      if (byte !== (j < afterEnd ? after[j] : TAB)) return false
      if (byte === TAB && --columnsLeft === 0) return true
    }
  }

  /** Returns 32 bits that are the same for rows that pair. */
  hash(side: SideName, bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5
    if (this.#isSameLayout && !this.isKeyed) {
      for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    } else if (this.#leadingKeyColumnCount > 0) {
      let columnsLeft = this.#leadingKeyColumnCount
      for (let i = start; columnsLeft > 0; i++) {
        const byte = i < end ? bytes[i]! : TAB
        if (byte === TAB) columnsLeft--
        hash = Math.imul(hash ^ byte, 0x01000193)
      }
    } else {
      const ends = this.#fieldEnds[side]
      findFieldEnds(bytes, start, end, ends)
      for (const position of this.#paired) {
        const fieldEnd = ends[position[side]]!
        for (let i = fieldStart(ends, position[side], start); i < fieldEnd; i++) {
          hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
        }
        hash = Math.imul(hash ^ TAB, 0x01000193)
      }
    }
    // FNV-1a's high bits vary little over short keys; the finaliser of MurmurHash3 spreads them.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return (hash ^ (hash >>> 16)) >>> 0
  }

  /** Names the common columns in which two rows differ, in their order before. */
  changedColumns(
    before: Uint8Array,
    beforeStart: number,
    beforeEnd: number,
    after: Uint8Array,
    afterStart: number,
    afterEnd: number,
  ): string[] {
    this.#findFields(before, beforeStart, beforeEnd, after, afterStart, afterEnd)
    const changed: string[] = []
    for (const position of this.#common) {
      if (!this.#isSameField(position, before, beforeStart, after, afterStart)) {
        changed.push(position.name)
      }
    }
    return changed
  }

  #findFields(
    before: Uint8Array,
    beforeStart: number,
    beforeEnd: number,
    after: Uint8Array,
    afterStart: number,
    afterEnd: number,
  ): void {
    findFieldEnds(before, beforeStart, beforeEnd, this.#fieldEnds.before)
    findFieldEnds(after, afterStart, afterEnd, this.#fieldEnds.after)
  }

  #isSameIn(
    columns: readonly ColumnPosition[],
    before: Uint8Array,
    beforeStart: number,
    after: Uint8Array,
    afterStart: number,
  ): boolean {
    for (const position of columns) {
      if (!this.#isSameField(position, before, beforeStart, after, afterStart)) return false
    }
    return true
  }

  #isSameField(
    position: ColumnPosition,
    before: Uint8Array,
    beforeStart: number,
    after: Uint8Array,
    afterStart: number,
  ): boolean {
    const ends = this.#fieldEnds
    return isSameBytes(
      before,
      fieldStart(ends.before, position.before, beforeStart),
      ends.before[position.before]!,
      after,
      fieldStart(ends.after, position.after, afterStart),
      ends.after[position.after]!,
    )
  }
}

interface ColumnPosition {
  name: string
  before: number
  after: number
}

/** A row that has fewer fields than columns has empty ones instead, and no reader trips over it. */
function findFieldEnds(bytes: Uint8Array, start: number, end: number, ends: Uint32Array): void {
  let column = 0
  for (let i = start; i < end && column < ends.length; i++) {
    if (bytes[i] === TAB) ends[column++] = i
  }
  for (; column < ends.length; column++) ends[column] = end
}

function fieldStart(ends: Uint32Array, column: number, rowStart: number): number {
  return column === 0 ? rowStart : ends[column - 1]! + 1
}

export function isSameBytes(
  left: Uint8Array,
  leftStart: number,
  leftEnd: number,
  right: Uint8Array,
  rightStart: number,
  rightEnd: number,
): boolean {
  const length = leftEnd - leftStart
  if (length !== rightEnd - rightStart) return false
  if (length >= NATIVE_BYTES) {
    return (
      Buffer.compare(left.subarray(leftStart, leftEnd), right.subarray(rightStart, rightEnd)) === 0
    )
  }
  for (let i = 0; i < length; i++) {
    if (left[leftStart + i] !== right[rightStart + i]) return false
  }
  return true
}

export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
): void {
  if (end - start >= NATIVE_BYTES) {
    target.set(source.subarray(start, end), targetStart)
    return
  }
  for (let i = start, j = targetStart; i < end; i++, j++) target[j] = source[i]!
}
