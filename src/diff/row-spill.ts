import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { rowToBytes } from '../format/copy-text.ts'

/** Rows are split into this many files, so that one file's rows fit where all did not. */
const PARTITION_COUNT = 32
const WRITE_BUFFER_BYTES = 64 * 1024
const READ_BUFFER_BYTES = 1024 * 1024

/**
 * Rows of one side that did not fit into memory, in files by a hash of a text.
 *
 * Rows of equal texts are in the same partition, on either side, so partitions
 * can be compared one by one. `depth` chooses the hash: what fell into one
 * partition is spread again one level deeper.
 */
export class RowSpill {
  static readonly partitionCount = PARTITION_COUNT
  readonly #pathPrefix: string
  readonly #depth: number
  readonly #partitions: { file: FileHandle | undefined; pending: string[]; pendingBytes: number }[]

  constructor(pathPrefix: string, depth: number) {
    this.#pathPrefix = pathPrefix
    this.#depth = depth
    this.#partitions = Array.from({ length: PARTITION_COUNT }, () => ({
      file: undefined,
      pending: [],
      pendingBytes: 0,
    }))
  }

  /** Takes a row; returns true when a file has enough to be written by `flush`. */
  add(rowText: string, hashedText: string): boolean {
    const position = hash(hashedText, this.#depth) % PARTITION_COUNT
    const partition = this.#partitions[position]!
    partition.pending.push(rowText)
    partition.pendingBytes += rowText.length + 1
    return partition.pendingBytes >= WRITE_BUFFER_BYTES
  }

  /** Writes what has gathered for the files that have enough. */
  async flush(): Promise<void> {
    for (const [position, { pendingBytes }] of this.#partitions.entries()) {
      if (pendingBytes >= WRITE_BUFFER_BYTES) await this.#write(position)
    }
  }

  /** Reads one partition back, in the order in which it was written, and removes its file. */
  async *drain(position: number): AsyncGenerator<string[]> {
    await this.#write(position)
    const partition = this.#partitions[position]!
    if (partition.file === undefined) return
    const stream = partition.file.createReadStream({
      start: 0,
      highWaterMark: READ_BUFFER_BYTES,
      encoding: 'latin1',
      autoClose: false,
    })
    let rest = ''
    for await (const text of stream) {
      const rows = (rest + (text as string)).split('\n')
      rest = rows.pop()!
      if (rows.length > 0) yield rows
    }
    await this.#remove(position)
  }

  /** Removes what is left. Safe to call twice. */
  async close(): Promise<void> {
    for (const position of this.#partitions.keys()) await this.#remove(position)
  }

  async #write(position: number): Promise<void> {
    const partition = this.#partitions[position]!
    if (partition.pendingBytes === 0) return
    const bytes = rowToBytes(partition.pending.join('\n'))
    partition.pending = []
    partition.pendingBytes = 0
    // Rows are the user's data: for nobody else to read.
    partition.file ??= await open(this.#path(position), 'wx+', 0o600)
    await partition.file.appendFile(bytes)
  }

  async #remove(position: number): Promise<void> {
    const partition = this.#partitions[position]!
    const { file } = partition
    partition.file = undefined
    if (file === undefined) return
    await file.close()
    await rm(this.#path(position), { force: true })
  }

  #path(position: number): string {
    return `${this.#pathPrefix}.${position}`
  }
}

/** Names the files of one spill; `serial` tells spills of one directory apart. */
export function spillPath(directory: string, side: 'before' | 'after', serial: string): string {
  return join(directory, `rows-${serial}-${side}`)
}

/** FNV-1a from a start that differs with the depth, its high bits folded in. */
function hash(text: string, depth: number): number {
  let result = 0x811c9dc5 ^ Math.imul(depth + 1, 0x9e3779b1)
  for (let i = 0; i < text.length; i++) {
    result = Math.imul(result ^ text.charCodeAt(i), 0x01000193)
  }
  result = Math.imul(result ^ (result >>> 16), 0x85ebca6b)
  return (result ^ (result >>> 13)) >>> 0
}
