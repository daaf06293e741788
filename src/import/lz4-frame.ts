/**
 * Decompresses LZ4 frames, in bounded memory.
 *
 * pg_dump writes rows in frames of linked blocks (LZ4 Frame Format 1.6.3, LZ4
 * Block Format). The packages that npm has for it want a frame as a whole, which
 * is a whole table, or know blocks alone. Frames with a dictionary are refused.
 */
import { Xxh32 } from './xxh32.ts'

/** How far back a match may reach. */
const WINDOW_BYTES = 64 << 10
const FRAME_MAGIC = 0x184d2204
/** To be skipped, by its length; the lowest four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50
const BLOCK_SIZES: Readonly<Record<number, number>> = {
  4: 64 << 10,
  5: 256 << 10,
  6: 1 << 20,
  7: 4 << 20,
}

/**
 * Yields what was compressed, a block at a time; a stream without a byte holds nothing.
 *
 * @throws Error  the bytes are no frames, are damaged where a checksum or a length tells, or end too early
 */
export async function* decompressLz4Frames(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const input = new Input(source)
  while (!(await input.isAtEnd())) {
    const magic = (await input.read(4)).readUInt32LE()
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      await input.read((await input.read(4)).readUInt32LE())
    } else if (magic === FRAME_MAGIC) {
      yield* decompressFrame(input)
    } else {
      throw new Error('an LZ4 frame has a wrong beginning')
    }
  }
}

interface FrameHeader {
  hasLinkedBlocks: boolean
  hasBlockChecksums: boolean
  hasContentChecksum: boolean
  contentSizeBytes: bigint | null
  maxBlockBytes: number
}

async function readHeader(input: Input): Promise<FrameHeader> {
  const flags = await input.read(2)
  const [flag, blockDescriptor] = [flags[0]!, flags[1]!]
  if (flag >> 6 !== 1) throw new Error('an LZ4 frame is of an unknown version')
  if ((flag & 1) !== 0) throw new Error('an LZ4 frame needs a dictionary')
  const maxBlockBytes = BLOCK_SIZES[(blockDescriptor >> 4) & 7]
  if (maxBlockBytes === undefined) throw new Error('an LZ4 frame has an unknown block size')
  const size = (flag & 8) === 0 ? Buffer.alloc(0) : await input.read(8)
  const [checksum] = await input.read(1)
  const expected = (new Xxh32().update(flags).update(size).digest() >>> 8) & 0xff
  if (checksum !== expected) throw new Error('the header of an LZ4 frame is damaged')
  return {
    hasLinkedBlocks: (flag & 32) === 0,
    hasBlockChecksums: (flag & 16) !== 0,
    hasContentChecksum: (flag & 4) !== 0,
    contentSizeBytes: size.length === 0 ? null : size.readBigUInt64LE(),
    maxBlockBytes,
  }
}

async function* decompressFrame(input: Input): AsyncGenerator<Buffer> {
  const header = await readHeader(input)
  const content = new Xxh32()
  let sizeBytes = 0n
  let window: Buffer = Buffer.alloc(0)
  for (;;) {
    const word = (await input.read(4)).readUInt32LE()
    if (word === 0) break
    const isStored = word >>> 31 === 1
    const storedSizeBytes = word & 0x7fffffff
    if (storedSizeBytes > header.maxBlockBytes) throw new Error('an LZ4 block is too long')
    const stored = await input.read(storedSizeBytes)
    if (header.hasBlockChecksums) assertChecksum(await input.read(4), new Xxh32().update(stored))
    const block = isStored ? stored : decompressBlock(stored, window, header.maxBlockBytes)
    if (header.hasLinkedBlocks) window = lastOf(window, block)
    if (header.hasContentChecksum) content.update(block)
    sizeBytes += BigInt(block.length)
    yield block
  }
  if (header.contentSizeBytes !== null && header.contentSizeBytes !== sizeBytes) {
    throw new Error('an LZ4 frame has another length than it says')
  }
  if (header.hasContentChecksum) assertChecksum(await input.read(4), content)
}

function assertChecksum(stored: Buffer, computed: Xxh32): void {
  if (stored.readUInt32LE() !== computed.digest()) throw new Error('an LZ4 checksum is wrong')
}

function lastOf(window: Buffer, block: Buffer): Buffer {
  return block.length >= WINDOW_BYTES
    ? block.subarray(block.length - WINDOW_BYTES)
    : Buffer.concat([window, block]).subarray(-WINDOW_BYTES)
}

/** Sequences of literals and of a match each, the last without a match; a copy of the block is returned. */
function decompressBlock(stored: Buffer, window: Buffer, maxBytes: number): Buffer {
  const damaged = () => new Error('an LZ4 block is damaged')
  const output = Buffer.allocUnsafe(window.length + maxBytes)
  window.copy(output)
  let [from, to] = [0, window.length]
  /** Lengths of 15 and more go on in further bytes, while these are 255. */
  const readLength = (nibble: number) => {
    let length = nibble
    if (nibble < 15) return length
    for (;;) {
      const byte = stored[from++]
      if (byte === undefined) throw damaged()
      length += byte
      if (byte !== 255) return length
    }
  }
  for (;;) {
    const token = stored[from++]
    if (token === undefined) throw damaged()
    const literalCount = readLength(token >> 4)
    if (from + literalCount > stored.length || to + literalCount > output.length) throw damaged()
    stored.copy(output, to, from, from + literalCount)
    from += literalCount
    to += literalCount
    if (from === stored.length) break
    if (from + 2 > stored.length) throw damaged()
    const distance = stored.readUInt16LE(from)
    from += 2
    const length = readLength(token & 15) + 4
    if (distance === 0 || distance > to || to + length > output.length) throw damaged()
    // Source and target may overlap: what is written is read again.
    if (distance >= length) output.copyWithin(to, to - distance, to - distance + length)
    else for (let i = 0; i < length; i++) output[to + i] = output[to + i - distance]!
    to += length
  }
  return output.subarray(window.length, to)
}

class Input {
  readonly #pieces: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#pieces = source[Symbol.asyncIterator]()
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#readMore())
  }

  async read(sizeBytes: number): Promise<Buffer> {
    while (this.#rest.length < sizeBytes) {
      if (!(await this.#readMore())) throw new Error('it ends within an LZ4 frame')
    }
    const bytes = this.#rest.subarray(0, sizeBytes)
    this.#rest = this.#rest.subarray(sizeBytes)
    return bytes
  }

  async #readMore(): Promise<boolean> {
    const { value, done } = await this.#pieces.next()
    if (done) return false
    this.#rest = this.#rest.length === 0 ? Buffer.from(value) : Buffer.concat([this.#rest, value])
    return true
  }
}
