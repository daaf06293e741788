import type { RowBatch } from './row-batch.ts'
import type { RowComparer, SideName } from './row-comparer.ts'

const NO_ROWS: RowBatch = { bytes: new Uint8Array(), rowEnds: new Uint32Array() }

const UNKNOWN = -1

/** Walks the rows of one side; the present one is `bytes` from `start` to `end`. */
export class RowCursor {
  bytes: Uint8Array = NO_ROWS.bytes
  start = 0
  end = 0
  #rowEnds = NO_ROWS.rowEnds
  #row = 0
  #hash = UNKNOWN
  readonly #source: AsyncGenerator<RowBatch>
  readonly #comparer: RowComparer
  readonly #side: SideName

  constructor(source: AsyncGenerator<RowBatch>, comparer: RowComparer, side: SideName) {
    this.#source = source
    this.#comparer = comparer
    this.#side = side
  }

  get hasRow(): boolean {
    return this.#row < this.#rowEnds.length
  }

  /** What rows that pair have in common. */
  get hash(): number {
    if (this.#hash === UNKNOWN) {
      this.#hash = this.#comparer.hash(this.#side, this.bytes, this.start, this.end)
    }
    return this.#hash
  }

  /** Reads on unless a row is left; false at the end. The batch before may be overwritten by then. */
  async fill(): Promise<boolean> {
    while (!this.hasRow) {
      const batch = await this.#source.next()
      if (batch.done) return false
      this.bytes = batch.value.bytes
      this.#rowEnds = batch.value.rowEnds
      this.#row = 0
      this.#hash = UNKNOWN
      this.start = 0
      if (this.hasRow) this.end = this.#rowEnds[0]!
    }
    return true
  }

  next(): void {
    this.#row++
    this.#hash = UNKNOWN
    this.start = this.end + 1
    if (this.hasRow) this.end = this.#rowEnds[this.#row]!
  }

  /** How many rows of the batch, the present one included, there are to look at; at most `limit`. */
  countAhead(limit: number): number {
    return Math.min(this.#rowEnds.length - this.#row, limit)
  }

  /** Where the row that many ahead ends; it begins one after the end of the row before it. */
  endAhead(rows: number): number {
    return this.#rowEnds[this.#row + rows]!
  }

  /** Stops reading. */
  async close(): Promise<void> {
    await this.#source.return(undefined)
  }
}
