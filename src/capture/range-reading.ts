/**
 * Reads ranges of one table over several connections, and hands out their rows in order.
 *
 * Whoever is free takes the next range. What is read before its turn waits in memory, and all that
 * waits in one capture is bounded: past that, connections stop reading, and their servers sending.
 *
 * The rule that must not be broken: ranges are taken in ascending order, and the connection whose range
 * is being handed out waits for nobody but the receiver. So the range that is wanted next is always
 * being read, or whoever reads an earlier one will take it.
 */
import type { BlockRange } from './block-ranges.ts'

/** Two ranges of common rows, beside the one that is handed out: more costs memory and saves no time. */
const MAX_WAITING_BYTES = 1 << 23

/** What the range being handed out may have waiting however much others have. */
const MAX_CURRENT_WAITING_BYTES = 1 << 19

/** What is read ahead in one capture, of all its tables. */
export class ReadAhead {
  readonly #maxWaitingBytes: number
  #waitingBytes = 0
  readonly #waiters: (() => void)[] = []

  constructor(maxWaitingBytes = MAX_WAITING_BYTES) {
    this.#maxWaitingBytes = maxWaitingBytes
  }

  get isFull(): boolean {
    return this.#waitingBytes > this.#maxWaitingBytes
  }

  /** Notes that so much more waits, or less. */
  add(sizeBytes: number): void {
    this.#waitingBytes += sizeBytes
    this.tell()
  }

  /** Resolves when anything has changed. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  tell(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }
}

interface TakenRange {
  readonly pieces: Uint8Array[]
  waitingBytes: number
  isRead: boolean
}

/**
 * Hands out the rows of the next ranges.
 *
 * @param sizesBytes  of those that were handed out; what each of these gives is added
 */
export async function* nextRows(
  reading: Pick<RangeReading<unknown>, 'rowsOf'>,
  rangeCount: number,
  sizesBytes: number[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let i = 0; i < rangeCount; i++) {
    let sizeBytes = 0
    for await (const piece of reading.rowsOf(sizesBytes.length)) {
      sizeBytes += piece.length
      yield piece
    }
    sizesBytes.push(sizeBytes)
  }
}

export class RangeReading<Reader> {
  readonly ranges: readonly BlockRange[]
  readonly #read: (reader: Reader, range: BlockRange) => AsyncIterable<Uint8Array>
  readonly #ahead: ReadAhead
  /** Those that have been taken, by position; those handed out are empty. */
  readonly #taken: TakenRange[] = []
  #currentPosition = 0
  #failure: { error: unknown } | undefined
  #isStopped = false

  /** @param read  begins to read a range; leaving its loop early must stop the reading */
  constructor(
    ranges: readonly BlockRange[],
    read: (reader: Reader, range: BlockRange) => AsyncIterable<Uint8Array>,
    ahead: ReadAhead,
  ) {
    this.ranges = ranges
    this.#read = read
    this.#ahead = ahead
  }

  get untakenCount(): number {
    return this.#isStopped ? 0 : this.ranges.length - this.#taken.length
  }

  /** Reads ranges until none is left to take. What goes wrong is thrown to the receiver of rows. */
  async help(reader: Reader): Promise<void> {
    while (this.untakenCount > 0) {
      const position = this.#taken.length
      const taken: TakenRange = { pieces: [], waitingBytes: 0, isRead: false }
      this.#taken.push(taken)
      try {
        for await (const piece of this.#read(reader, this.ranges[position]!)) {
          if (this.#isStopped) break
          taken.pieces.push(piece)
          taken.waitingBytes += piece.length
          this.#ahead.add(piece.length)
          while (this.#mustWait(position)) await this.#ahead.changed()
        }
        taken.isRead = !this.#isStopped
      } catch (error) {
        this.fail(error)
      }
      this.#ahead.tell()
    }
  }

  #mustWait(position: number): boolean {
    if (this.#isStopped || !this.#ahead.isFull) return false
    const { waitingBytes } = this.#taken[position]!
    return position !== this.#currentPosition || waitingBytes > MAX_CURRENT_WAITING_BYTES
  }

  /**
   * Hands out the rows of a range, in pieces that need not end with a row. To be called for each
   * position in turn, and each read to its end.
   *
   * @throws what reading any of the ranges failed with
   */
  async *rowsOf(position: number): AsyncGenerator<Uint8Array, void, undefined> {
    this.#currentPosition = position
    this.#ahead.tell()
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      const taken = this.#taken[position]
      const piece = taken?.pieces.shift()
      if (taken !== undefined && piece !== undefined) {
        taken.waitingBytes -= piece.length
        this.#ahead.add(-piece.length)
        yield piece
      } else if (taken?.isRead) {
        return
      } else {
        await this.#ahead.changed()
      }
    }
  }

  /** Reads what has not been handed out, for nobody. */
  async drain(): Promise<void> {
    for (let position = this.#currentPosition; position < this.ranges.length; position++) {
      for await (const _ of this.rowsOf(position));
    }
  }

  /** Has the receiver fail, and all who read stop. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.stop()
  }

  /** Has all who read stop as soon as they can. Nothing more is handed out. */
  stop(): void {
    this.#isStopped = true
    this.#ahead.tell()
  }
}
