/**
 * The rows of one side that have not met their counterpart, in the order in which they came.
 *
 * Rows lie in blocks of plain bytes behind a hash table of plain numbers: no
 * object stands for a row, so memory is what the rows take and 20 to 28 bytes
 * more each. A block whose rows have all met theirs is given back.
 */
import { copyBytes, isSameBytes, type RowComparer, type SideName } from './row-comparer.ts'

const BLOCK_BYTES = 256 * 1024
/** A row's address counts words of four bytes through all blocks of the usual size: 16 GiB of rows. */
const ADDRESS_BITS_IN_BLOCK = 16
const ADDRESS_MASK_IN_BLOCK = 0xffff

/** What stands before a row's bytes, in words. A row that is gone has a count of 0. */
const NEXT = 0
const HASH = 1
const LENGTH = 2
const COUNT = 3
const HEADER_WORDS = 4
const HEADER_BYTES = HEADER_WORDS * 4

const NONE = 0xffff_ffff
/** A power of two, as every count of buckets. */
const MIN_BUCKET_COUNT = 1024
/** How many rows of the same hash are looked at for one of the same bytes. */
const MAX_TWINS_LOOKED_AT = 8

interface Block {
  number: number
  bytes: Uint8Array
  words: Uint32Array
  usedBytes: number
  liveCount: number
}

/** Takes a row that is handed out, as often as it occurred. */
export type RowVisitor = (
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  hash: number,
) => void

export class PendingRows {
  /** What the blocks in use hold, dead rows included. */
  sizeBytes = 0
  /** The row that `find` has found. */
  foundBytes: Uint8Array = new Uint8Array()
  foundStart = 0
  foundEnd = 0

  readonly #comparer: RowComparer
  readonly #side: SideName
  /** By number; a number that is free again is undefined. */
  readonly #blocks: (Block | undefined)[] = []
  readonly #freeNumbers: number[] = []
  /** Oldest first; the last is being filled. */
  #order: Block[] = []
  #buckets = new Uint32Array(MIN_BUCKET_COUNT).fill(NONE)
  #bucketShift = Math.clz32(MIN_BUCKET_COUNT) + 1
  #rowCount = 0

  /** @param side  the one whose rows these are */
  constructor(comparer: RowComparer, side: SideName) {
    this.#comparer = comparer
    this.#side = side
  }

  get isEmpty(): boolean {
    return this.#rowCount === 0
  }

  add(bytes: Uint8Array, start: number, end: number, hash: number): void {
    if (!this.#comparer.isKeyed && this.#countTwin(bytes, start, end, hash)) return
    if (this.#rowCount >= this.#buckets.length) this.#resize(this.#buckets.length * 4)
    const length = end - start
    const block = this.#blockWithRoom(HEADER_BYTES + length)
    const word = block.usedBytes / 4
    const bucket = this.#bucketOf(hash)
    block.words[word + NEXT] = this.#buckets[bucket]!
    block.words[word + HASH] = hash
    block.words[word + LENGTH] = length
    block.words[word + COUNT] = 1
    copyBytes(bytes, start, end, block.bytes, block.usedBytes + HEADER_BYTES)
    this.#buckets[bucket] = addressOf(block, word)
    this.#setUsed(block, block.usedBytes + HEADER_BYTES + roundUp(length))
    block.liveCount++
    this.#rowCount++
  }

  /**
   * Looks for the counterpart of a row of the other side: an equal row or, with a key, else one of
   * the same key. `found…` tell where it lies.
   *
   * @returns  its address, for `remove`; undefined when there is none
   */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number | undefined {
    let pair: number | undefined
    for (
      let address = this.#buckets[this.#bucketOf(hash)]!;
      address !== NONE;
      address = this.#wordAt(address, NEXT)
    ) {
      if (this.#wordAt(address, HASH) !== hash) continue
      this.#locate(address)
      if (!this.#matches(bytes, start, end, 'isPair')) continue
      if (!this.#comparer.isKeyed || this.#matches(bytes, start, end, 'isEqual')) return address
      pair ??= address
    }
    if (pair !== undefined) this.#locate(pair)
    return pair
  }

  /** Takes one row of that address away. */
  remove(address: number): void {
    const block = this.#blockAt(address)
    const word = address & ADDRESS_MASK_IN_BLOCK
    const countLeft = block.words[word + COUNT]! - 1
    block.words[word + COUNT] = countLeft
    if (countLeft > 0) return
    this.#unlink(address, block.words[word + HASH]!, block.words[word + NEXT]!)
    this.#rowCount--
    block.liveCount--
    if (block.liveCount > 0) return
    // A larger block than usual has addresses for one row alone.
    const isReused = block === this.#order.at(-1) && block.bytes.length === BLOCK_BYTES
    if (isReused) this.#setUsed(block, 0)
    else this.#free(block)
  }

  /** Hands out the rows of the oldest block and forgets them; false when there is none. */
  drainBlock(visit: RowVisitor): boolean {
    const block = this.#order[0]
    if (block === undefined) return false
    // Nothing is looked up while rows are drained for good, and `endEviction` comes before it is again.
    for (let word = 0; word < block.usedBytes / 4; ) {
      const length = block.words[word + LENGTH]!
      const count = block.words[word + COUNT]!
      const start = (word + HEADER_WORDS) * 4
      if (count > 0) {
        visit(block.bytes, start, start + length, count, block.words[word + HASH]!)
        this.#rowCount--
      }
      word += HEADER_WORDS + roundUp(length) / 4
    }
    this.#free(block)
    return true
  }

  /** Makes rows that are left findable again, once blocks have been drained. */
  endEviction(): void {
    this.#resize(this.#buckets.length)
  }

  #countTwin(bytes: Uint8Array, start: number, end: number, hash: number): boolean {
    let address = this.#buckets[this.#bucketOf(hash)]!
    for (let i = 0; i < MAX_TWINS_LOOKED_AT && address !== NONE; i++) {
      if (this.#wordAt(address, HASH) === hash) {
        this.#locate(address)
        if (isSameBytes(this.foundBytes, this.foundStart, this.foundEnd, bytes, start, end)) {
          this.#blockAt(address).words[(address & ADDRESS_MASK_IN_BLOCK) + COUNT]!++
          return true
        }
      }
      address = this.#wordAt(address, NEXT)
    }
    return false
  }

  #matches(bytes: Uint8Array, start: number, end: number, how: 'isPair' | 'isEqual'): boolean {
    const { foundBytes, foundStart, foundEnd } = this
    return this.#side === 'before'
      ? this.#comparer[how](foundBytes, foundStart, foundEnd, bytes, start, end)
      : this.#comparer[how](bytes, start, end, foundBytes, foundStart, foundEnd)
  }

  #locate(address: number): void {
    const block = this.#blockAt(address)
    const word = address & ADDRESS_MASK_IN_BLOCK
    this.foundBytes = block.bytes
    this.foundStart = (word + HEADER_WORDS) * 4
    this.foundEnd = this.foundStart + block.words[word + LENGTH]!
  }

  #blockAt(address: number): Block {
    return this.#blocks[address >>> ADDRESS_BITS_IN_BLOCK]!
  }

  #wordAt(address: number, word: number): number {
    return this.#blockAt(address).words[(address & ADDRESS_MASK_IN_BLOCK) + word]!
  }

  /** By the high bits of the product: all rows of a part have the low bits of their hash in common. */
  #bucketOf(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> this.#bucketShift
  }

  #blockWithRoom(sizeBytes: number): Block {
    const last = this.#order.at(-1)
    if (last !== undefined && last.usedBytes + sizeBytes <= last.bytes.length) return last
    if (last?.liveCount === 0) this.#free(last)
    // A row that is larger than a block has one to itself, and its address is the block's first.
    const bytes = new Uint8Array(Math.max(BLOCK_BYTES, roundUp(sizeBytes)))
    const number = this.#freeNumbers.pop() ?? this.#blocks.length
    const words = new Uint32Array(bytes.buffer)
    const block = { number, bytes, words, usedBytes: 0, liveCount: 0 }
    this.#blocks[number] = block
    this.#order.push(block)
    return block
  }

  #free(block: Block): void {
    this.#setUsed(block, 0)
    this.#order = this.#order.filter((each) => each !== block)
    this.#blocks[block.number] = undefined
    this.#freeNumbers.push(block.number)
  }

  #setUsed(block: Block, usedBytes: number): void {
    this.sizeBytes += usedBytes - block.usedBytes
    block.usedBytes = usedBytes
  }

  #unlink(address: number, hash: number, next: number): void {
    const bucket = this.#bucketOf(hash)
    let previous = this.#buckets[bucket]!
    if (previous === address) {
      this.#buckets[bucket] = next
      return
    }
    while (this.#wordAt(previous, NEXT) !== address) previous = this.#wordAt(previous, NEXT)
    this.#blockAt(previous).words[(previous & ADDRESS_MASK_IN_BLOCK) + NEXT] = next
  }

  #resize(bucketCount: number): void {
    this.#buckets = new Uint32Array(bucketCount).fill(NONE)
    this.#bucketShift = Math.clz32(bucketCount) + 1
    for (const block of this.#order) {
      for (let word = 0; word < block.usedBytes / 4; ) {
        if (block.words[word + COUNT]! > 0) {
          const bucket = this.#bucketOf(block.words[word + HASH]!)
          block.words[word + NEXT] = this.#buckets[bucket]!
          this.#buckets[bucket] = addressOf(block, word)
        }
        word += HEADER_WORDS + roundUp(block.words[word + LENGTH]!) / 4
      }
    }
  }
}

const addressOf = ({ number }: Block, word: number) =>
  ((number << ADDRESS_BITS_IN_BLOCK) | word) >>> 0

const roundUp = (sizeBytes: number) => Math.ceil(sizeBytes / 4) * 4
