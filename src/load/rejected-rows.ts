/**
 * Rows that a load did not take, however many there are, in memory that does not
 * grow with them: all but their numbers are written to a scratch file.
 *
 * They are found in several runs over the file, each in its order; what is read
 * back is in the order of the file.
 */
import { join } from 'node:path'
import type { RejectedRow } from './load-rows.ts'
import { RowSpool } from './row-spool.ts'

export class RejectedRows {
  readonly #directory: string
  readonly #runs: RowSpool<RejectedRow>[] = []
  /** A bit for each row: a set of some millions of numbers would be larger than all else. */
  #marks = new Uint8Array(1 << 10)
  #count = 0

  /** @param directory  empty, and the caller's to remove */
  constructor(directory: string) {
    this.#directory = directory
  }

  get count(): number {
    return this.#count
  }

  /** Begins a new run over the file: rows that are added from here on may stand before those that were. */
  startRun(): void {
    this.#runs.push(new RowSpool(join(this.#directory, `rejected-${this.#runs.length}`)))
  }

  /** Takes a row; within a run, in the order of the file. */
  async add(row: RejectedRow): Promise<void> {
    const [byte, bit] = [row.rowNumber >>> 3, 1 << (row.rowNumber & 7)]
    if (byte >= this.#marks.length) {
      const larger = new Uint8Array(Math.max(byte + 1, 2 * this.#marks.length))
      larger.set(this.#marks)
      this.#marks = larger
    }
    this.#marks[byte]! |= bit
    this.#count += 1
    await this.#runs.at(-1)!.add(row)
  }

  /** Ascending. */
  *rowNumbers(): Generator<number> {
    for (const [byte, bits] of this.#marks.entries()) {
      for (let bit = 0; bits >> bit > 0; bit++) if ((bits >> bit) & 1) yield byte * 8 + bit
    }
  }

  /** Reads all of them, in the order of the file. */
  async *read(): AsyncGenerator<RejectedRow> {
    const readers = this.#runs.map((run) => run.read())
    const heads = await Promise.all(readers.map((reader) => reader.next()))
    for (;;) {
      let first = -1
      for (const [i, head] of heads.entries()) {
        if (head.done) continue
        const found = first === -1 ? undefined : heads[first]!
        if (found?.done !== false || head.value.rowNumber < found.value.rowNumber) first = i
      }
      const head = heads[first]
      if (head === undefined || head.done) return
      yield head.value
      heads[first] = await readers[first]!.next()
    }
  }

  async close(): Promise<void> {
    for (const run of this.#runs) await run.close()
  }
}
