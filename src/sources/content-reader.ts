import { SnapError } from '../errors.ts'
import type { ChunkRef, CommittedFiles } from '../format/values.ts'
import { readChunk, type StreamReader, walkChunks } from '../objects/walk-manifest.ts'

/** Reads stretches of a stream, each behind the one before; chunks in between are not read. */
export class ContentReader {
  readonly #objects: StreamReader
  readonly #chunks: AsyncIterator<ChunkRef>
  #chunk: { startBytes: number; endBytes: number; bytes: Uint8Array | undefined } | undefined
  #read: (() => Promise<Uint8Array>) | undefined

  constructor(objects: StreamReader, { contents }: CommittedFiles) {
    this.#objects = objects
    this.#chunks = walkChunks(objects, contents)[Symbol.asyncIterator]()
  }

  async *read(offsetBytes: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
    const endBytes = offsetBytes + sizeBytes
    for (let at = offsetBytes; at < endBytes; ) {
      while (this.#chunk === undefined || this.#chunk.endBytes <= at) await this.#advance()
      this.#chunk.bytes ??= await this.#read!()
      const { startBytes, bytes } = this.#chunk
      const piece = bytes.subarray(at - startBytes, Math.min(bytes.length, endBytes - startBytes))
      at += piece.length
      yield piece
    }
  }

  async #advance(): Promise<void> {
    const startBytes = this.#chunk?.endBytes ?? 0
    const next = await this.#chunks.next()
    if (next.done) {
      throw new SnapError('OBJECT_CORRUPT', 'the contents of a source end before its last file', {
        expected: 'as many bytes as its entries say',
        found: `${startBytes} bytes`,
      })
    }
    this.#chunk = { startBytes, endBytes: startBytes + next.value.sizeBytes, bytes: undefined }
    this.#read = () => readChunk(this.#objects, next.value)
  }
}
