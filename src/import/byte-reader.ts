import { unreadable } from './dump-error.ts'

/** Takes as many bytes at a time as are wanted from pieces of any length. */
export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #file: string
  #buffer: Buffer = Buffer.alloc(0)

  /** @param file  how messages name it */
  constructor(source: AsyncIterable<Uint8Array>, file: string) {
    this.#pieces = source[Symbol.asyncIterator]()
    this.#file = file
  }

  async isAtEnd(): Promise<boolean> {
    return this.#buffer.length === 0 && !(await this.#readMore())
  }

  /** @throws DUMP_UNREADABLE  there are fewer */
  async read(sizeBytes: number): Promise<Buffer> {
    if (this.#buffer.length < sizeBytes) await this.#gather(sizeBytes)
    const bytes = this.#buffer.subarray(0, sizeBytes)
    this.#buffer = this.#buffer.subarray(sizeBytes)
    return bytes
  }

  /** @throws DUMP_UNREADABLE  there are fewer */
  async skip(sizeBytes: number): Promise<void> {
    let left = sizeBytes
    while (left > this.#buffer.length) {
      left -= this.#buffer.length
      this.#buffer = Buffer.alloc(0)
      if (!(await this.#readMore())) throw this.#tooShort()
    }
    this.#buffer = this.#buffer.subarray(left)
  }

  /** Stops reading the source. */
  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  /** Joined once, however many pieces a long row comes in. */
  async #gather(sizeBytes: number): Promise<void> {
    const gathered = [this.#buffer]
    let size = this.#buffer.length
    while (size < sizeBytes) {
      const { value, done } = await this.#pieces.next()
      if (done) throw this.#tooShort()
      gathered.push(asBuffer(value))
      size += value.length
    }
    this.#buffer = Buffer.concat(gathered)
  }

  async #readMore(): Promise<boolean> {
    const { value, done } = await this.#pieces.next()
    if (done) return false
    this.#buffer =
      this.#buffer.length === 0 ? asBuffer(value) : Buffer.concat([this.#buffer, value])
    return true
  }

  #tooShort = () => unreadable(this.#file, 'it ends too early')
}

const asBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
