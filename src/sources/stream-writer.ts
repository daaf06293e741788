import { type RowChunk, RowChunker } from '../chunker/row-chunker.ts'
import type { ChunkRef, ManifestRef } from '../format/values.ts'
import { ManifestWriter } from '../objects/manifest-writer.ts'
import type { ObjectSink } from '../objects/object-sink.ts'

/**
 * Cuts bytes that need not be rows into chunks, puts them into the sink and
 * makes a manifest of those that are kept.
 *
 * What may turn out to be torn is written apart, and added when it is known to
 * be good; so it begins and ends with chunks of its own.
 */
export class StreamWriter {
  readonly #sink: ObjectSink
  readonly #manifest: ManifestWriter
  #chunker: RowChunker | undefined

  constructor(sink: ObjectSink) {
    this.#sink = sink
    this.#manifest = new ManifestWriter(sink)
  }

  /** Appends bytes; the caller may use the buffer again when it has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#chunker ??= new RowChunker()
    for (const chunk of this.#chunker.push(bytes)) await this.#manifest.add(await this.#put(chunk))
  }

  /** Appends what was written apart. */
  async add(chunks: readonly ChunkRef[]): Promise<void> {
    await this.#endChunk()
    for (const chunk of chunks) await this.#manifest.add(chunk)
  }

  /** Puts a stream into the sink without appending it. */
  async putApart(source: AsyncIterable<Uint8Array>): Promise<ChunkRef[]> {
    const chunker = new RowChunker()
    const chunks: ChunkRef[] = []
    for await (const bytes of source) {
      for (const chunk of chunker.push(bytes)) chunks.push(await this.#put(chunk))
    }
    for (const chunk of endingsOf(chunker)) chunks.push(await this.#put(chunk))
    return chunks
  }

  async finish(): Promise<ManifestRef> {
    await this.#endChunk()
    return this.#manifest.finish()
  }

  async #endChunk(): Promise<void> {
    if (this.#chunker === undefined) return
    for (const chunk of endingsOf(this.#chunker)) await this.#manifest.add(await this.#put(chunk))
    this.#chunker = undefined
  }

  async #put({ bytes, rowCount }: RowChunk): Promise<ChunkRef> {
    const sizeBytes = bytes.length
    return { id: await this.#sink.put('chunk', bytes), sizeBytes, rowCount }
  }
}

const LINE_FEED = 0x0a

/** A chunk that holds a line feed ends with one (store-format.md §5.4), also where the stream does not. */
function* endingsOf(chunker: RowChunker): Generator<RowChunk> {
  for (const { bytes, rowCount } of chunker.finish()) {
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    if (end > 0) yield { bytes: bytes.slice(0, end), rowCount }
    if (end < bytes.length) yield { bytes: bytes.slice(end), rowCount: 0 }
  }
}
