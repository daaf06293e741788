import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findRowEnds, type RowBatch } from './row-batch.ts'
import { copyBytes, type SideName } from './row-comparer.ts'

/** Rows are split into this many files, so that one file's rows fit where all did not. */
const PARTITION_COUNT = 32
const PARTITION_BITS = 5
const WRITE_BUFFER_BYTES = 64 * 1024
const READ_BUFFER_BYTES = 512 * 1024
const TYPICAL_ROWS_PER_BATCH = 8192

const LINE_FEED = 0x0a

/**
 * Rows of one side that did not fit into memory, in files by their hash.
 *
 * Rows that may pair are in the same partition, on either side, so partitions
 * can be compared one by one. `depth` chooses the bits: what fell into one
 * partition is spread again one level deeper.
 */
export class RowSpill {
  static readonly partitionCount = PARTITION_COUNT
  readonly #pathPrefix: string
  readonly #depth: number
  readonly #partitions: { file: FileHandle | undefined; buffer: Uint8Array; usedBytes: number }[]

  constructor(pathPrefix: string, depth: number) {
    this.#pathPrefix = pathPrefix
    this.#depth = depth
    this.#partitions = Array.from({ length: PARTITION_COUNT }, () => ({
      file: undefined,
      buffer: new Uint8Array(),
      usedBytes: 0,
    }))
  }

  /** Takes a row, `count` times. It stays in memory until `flush`. */
  add(bytes: Uint8Array, start: number, end: number, count: number, hash: number): void {
    const partition = this.#partitions[(hash >>> (this.#depth * PARTITION_BITS)) % PARTITION_COUNT]!
    const neededBytes = partition.usedBytes + (end - start + 1) * count
    if (neededBytes > partition.buffer.length) {
      const { buffer, usedBytes } = partition
      partition.buffer = new Uint8Array(Math.max(neededBytes, 2 * WRITE_BUFFER_BYTES))
      partition.buffer.set(buffer.subarray(0, usedBytes))
    }
    for (let i = 0; i < count; i++) {
      copyBytes(bytes, start, end, partition.buffer, partition.usedBytes)
      partition.usedBytes += end - start + 1
      partition.buffer[partition.usedBytes - 1] = LINE_FEED
    }
  }

  /** Writes what has gathered for the files that have enough. */
  async flush(): Promise<void> {
    for (const [position, { usedBytes }] of this.#partitions.entries()) {
      if (usedBytes >= WRITE_BUFFER_BYTES) await this.#write(position)
    }
  }

  /**
   * Reads one partition back, in the order in which it was written, and removes its file.
   *
   * A batch is overwritten by the next.
   */
  async *drain(position: number): AsyncGenerator<RowBatch> {
    const partition = this.#partitions[position]!
    if (partition.file === undefined) {
      const bytes = partition.buffer.subarray(0, partition.usedBytes)
      if (bytes.length > 0) yield { bytes, rowEnds: findRowEnds(bytes, TYPICAL_ROWS_PER_BATCH) }
    } else {
      await this.#write(position)
      yield* readBatches(partition.file)
    }
    await this.#remove(position)
  }

  /** Removes what is left. Safe to call twice. */
  async close(): Promise<void> {
    for (const position of this.#partitions.keys()) await this.#remove(position)
  }

  async #write(position: number): Promise<void> {
    const partition = this.#partitions[position]!
    if (partition.usedBytes === 0) return
    // Rows are the user's data: for nobody else to read.
    partition.file ??= await open(this.#path(position), 'wx+', 0o600)
    await partition.file.appendFile(partition.buffer.subarray(0, partition.usedBytes))
    partition.usedBytes = 0
    // One giant row must not leave its room behind in every partition.
    if (partition.buffer.length > 8 * WRITE_BUFFER_BYTES) partition.buffer = new Uint8Array()
  }

  async #remove(position: number): Promise<void> {
    const partition = this.#partitions[position]!
    const { file } = partition
    partition.file = undefined
    partition.buffer = new Uint8Array()
    partition.usedBytes = 0
    if (file === undefined) return
    await file.close()
    await rm(this.#path(position), { force: true })
  }

  #path(position: number): string {
    return `${this.#pathPrefix}.${position}`
  }
}

/** Names the files of one spill; `serial` tells spills of one directory apart. */
export function spillPath(directory: string, side: SideName, serial: string): string {
  return join(directory, `rows-${serial}-${side}`)
}

async function* readBatches(file: FileHandle): AsyncGenerator<RowBatch> {
  let buffer = new Uint8Array(READ_BUFFER_BYTES)
  let filledBytes = 0
  for (let offsetBytes = 0; ; ) {
    if (filledBytes === buffer.length) {
      const larger = new Uint8Array(2 * buffer.length)
      larger.set(buffer)
      buffer = larger
    }
    const { bytesRead } = await file.read(
      buffer,
      filledBytes,
      buffer.length - filledBytes,
      offsetBytes,
    )
    if (bytesRead === 0) return
    offsetBytes += bytesRead
    filledBytes += bytesRead
    const endOfRows = buffer.lastIndexOf(LINE_FEED, filledBytes - 1) + 1
    if (endOfRows === 0) continue
    const bytes = buffer.subarray(0, endOfRows)
    yield { bytes, rowEnds: findRowEnds(bytes, TYPICAL_ROWS_PER_BATCH) }
    buffer.copyWithin(0, endOfRows, filledBytes)
    filledBytes -= endOfRows
  }
}
