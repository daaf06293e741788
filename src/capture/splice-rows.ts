/**
 * Captures a stream of rows of which only parts are read: the rest is as in a stream that is stored.
 *
 * The chunks are those that the whole new stream would be cut into. Chunks of the stored stream are
 * taken over unread wherever the chunker would be in the state that it was in when it cut them. That state
 * is what the current chunk holds so far, and the key of the last row that was not split. So it is known
 * where a chunk begins, if the chunk before begins and ends with a row; and it is what it was after one
 * such chunk of rows that have not changed has come out as it was.
 *
 * So a few chunks are read and cut again around each change. A stored stream that was cut by another
 * rule must not be given.
 */
import { type ChunkSizes, DEFAULT_CHUNK_SIZES, RowChunker } from '../chunker/row-chunker.ts'
import type { ChunkRef, ManifestRef } from '../format/values.ts'
import { ManifestWriter } from '../objects/manifest-writer.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { readChunk, type StreamReader, walkChunks } from '../objects/walk-manifest.ts'

/** A part of the stored stream, which begins and ends with a row, and what stands there now. */
export interface StreamPart {
  /** In the stored stream. */
  sizeBytes: number
  /** Called once, when all before have been read to their end; null where nothing has changed. */
  readRows: (() => AsyncIterable<Uint8Array>) | null
}

/**
 * Puts what has changed into the sink and returns the root of the new stream's manifest.
 *
 * @param former  the stored stream; all its chunks are in the sink or stored where it writes
 * @param parts   all of the stored stream, in order
 * @param options.onProgress  called after each chunk, old or new, with running totals
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  the stored stream cannot be read
 */
export async function spliceRows(
  { objects, former }: { objects: StreamReader; former: ManifestRef },
  parts: readonly StreamPart[],
  sink: ObjectSink,
  {
    onProgress,
    chunkSizes = DEFAULT_CHUNK_SIZES,
  }: {
    onProgress?: ((totals: { rowCount: number; sizeBytes: number }) => void) | undefined
    chunkSizes?: ChunkSizes
  } = {},
): Promise<ManifestRef> {
  const splice = new Splice(new FormerChunks(objects, former), sink, { onProgress, chunkSizes })
  for (const [position, { sizeBytes, readRows }] of parts.entries()) {
    if (readRows === null) await splice.keep(sizeBytes, position === parts.length - 1)
    else await splice.replace(sizeBytes, readRows())
  }
  return splice.finish()
}

interface FormerChunk extends ChunkRef {
  startBytes: number
  endBytes: number
  isLast: boolean
}

/** The chunks of the stored stream one after the other; bytes are read where they are asked for. */
class FormerChunks {
  current: FormerChunk | undefined
  readonly #objects: StreamReader
  readonly #chunkCount: number
  readonly #rest: AsyncIterator<ChunkRef>
  #count = 0
  #read: { chunk: ChunkRef; bytes: Uint8Array } | undefined

  constructor(objects: StreamReader, former: ManifestRef) {
    this.#objects = objects
    this.#chunkCount = former.chunkCount
    this.#rest = walkChunks(objects, former)[Symbol.asyncIterator]()
  }

  async advance(): Promise<void> {
    const startBytes = this.current?.endBytes ?? 0
    const { value, done } = await this.#rest.next()
    const isLast = ++this.#count >= this.#chunkCount
    this.current = done
      ? undefined
      : { ...value, startBytes, endBytes: startBytes + value.sizeBytes, isLast }
  }

  async readBytes(chunk: ChunkRef): Promise<Uint8Array> {
    if (this.#read?.chunk.id !== chunk.id) {
      this.#read = { chunk, bytes: await readChunk(this.#objects, chunk) }
    }
    return this.#read.bytes
  }
}

class Splice {
  readonly #former: FormerChunks
  readonly #sink: ObjectSink
  readonly #manifest: ManifestWriter
  readonly #onProgress: ((totals: { rowCount: number; sizeBytes: number }) => void) | undefined
  readonly #totals = { rowCount: 0, sizeBytes: 0 }
  #hasBegun = false
  /** Up to here the stored stream has been taken over, cut again or replaced. */
  #positionBytes = 0

  readonly #chunkSizes: ChunkSizes
  #chunker: RowChunker
  /** What has been handed out so far is what the chunker was given; else chunks are being taken over. */
  #isCutting = false
  /** The last chunks that were passed, from one on where the chunker's state is known. */
  #passed: FormerChunk[] = []
  /** The chunk before those that were passed; undefined where the chunker's state is the right one. */
  #before: ChunkRef | undefined
  /** Row counts of the last two chunks that were passed or came out as they were; a row has ended before the first. */
  #rowCounts: [number, number] = [1, 1]
  #last: ChunkRef | undefined

  constructor(
    former: FormerChunks,
    sink: ObjectSink,
    {
      onProgress,
      chunkSizes,
    }: {
      onProgress: ((totals: { rowCount: number; sizeBytes: number }) => void) | undefined
      chunkSizes: ChunkSizes
    },
  ) {
    this.#chunkSizes = chunkSizes
    this.#chunker = new RowChunker(chunkSizes)
    this.#former = former
    this.#sink = sink
    this.#manifest = new ManifestWriter(sink)
    this.#onProgress = onProgress
  }

  /** Takes over a part as it is; what is after the last one needs no cutting. */
  async keep(sizeBytes: number, isEnd: boolean): Promise<void> {
    await this.#begin()
    const endBytes = this.#positionBytes + sizeBytes
    if (this.#isCutting) await this.#cutUntilInStep(endBytes)
    if (!this.#isCutting) await this.#pass(endBytes, isEnd)
    this.#positionBytes = endBytes
  }

  /** Puts other rows where a part was. */
  async replace(sizeBytes: number, rows: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#begin()
    if (!this.#isCutting) await this.#startCutting()
    for await (const piece of rows) await this.#cut(piece)
    this.#positionBytes += sizeBytes
  }

  async finish(): Promise<ManifestRef> {
    await this.#takeOverPassed()
    if (this.#isCutting) {
      for (const { bytes, rowCount } of this.#chunker.finish()) await this.#put(bytes, rowCount)
    }
    return this.#manifest.finish()
  }

  async #begin(): Promise<void> {
    if (!this.#hasBegun) await this.#former.advance()
    this.#hasBegun = true
  }

  /** Passes chunks up to the one that reaches the place where a part ends. */
  async #pass(endBytes: number, isEnd: boolean): Promise<void> {
    for (let chunk = this.#former.current; chunk !== undefined; chunk = this.#former.current) {
      // One may end where it does because of the row that followed it, or because none did.
      if (!isEnd && (chunk.endBytes >= endBytes || chunk.isLast)) break
      await this.#passCurrent(chunk)
    }
    // From where its state is known, the chunker is given the beginning of that chunk, too.
    await this.#noteWhereKnown()
  }

  async #passCurrent(chunk: FormerChunk): Promise<void> {
    await this.#noteWhereKnown()
    this.#passed.push(chunk)
    this.#notePassed(chunk)
    await this.#former.advance()
  }

  #notePassed(chunk: ChunkRef): void {
    this.#rowCounts = [this.#rowCounts[1], chunk.rowCount]
    this.#last = chunk
  }

  /** What was passed is taken over for good where the chunk before lets the chunker begin here. */
  async #noteWhereKnown(): Promise<void> {
    if (this.#passed.length === 0 || this.#rowCounts.includes(0)) return
    await this.#takeOverPassed()
    this.#before = this.#last
  }

  async #takeOverPassed(): Promise<void> {
    for (const chunk of this.#passed) await this.#add(chunk)
    this.#passed = []
  }

  /** Gives the chunker all from where its state is known up to the position. */
  async #startCutting(): Promise<void> {
    this.#isCutting = true
    if (this.#before !== undefined) {
      this.#chunker = new RowChunker(this.#chunkSizes)
      this.#chunker.beginAfter(await this.#former.readBytes(this.#before))
    }
    const passed = this.#passed
    this.#passed = []
    for (const chunk of passed) await this.#cut(await this.#former.readBytes(chunk))
    const current = this.#former.current
    if (current === undefined || current.startBytes >= this.#positionBytes) return
    const bytes = await this.#former.readBytes(current)
    await this.#cut(bytes.subarray(0, this.#positionBytes - current.startBytes))
  }

  /** Gives the chunker unchanged rows until it cuts them as before. */
  async #cutUntilInStep(endBytes: number): Promise<void> {
    for (let chunk = this.#former.current; chunk !== undefined; chunk = this.#former.current) {
      const from = Math.max(this.#positionBytes, chunk.startBytes)
      const to = Math.min(endBytes, chunk.endBytes)
      if (from < to) {
        const bytes = await this.#former.readBytes(chunk)
        const isWhole = to - from === chunk.sizeBytes && this.#chunker.isClear
        const sizesBytes = await this.#cut(
          bytes.subarray(from - chunk.startBytes, to - chunk.startBytes),
        )
        const isAsBefore =
          isWhole &&
          chunk.rowCount > 0 &&
          sizesBytes.length === 1 &&
          sizesBytes[0] === chunk.sizeBytes
        if (isAsBefore) {
          this.#isCutting = false
          this.#before = undefined
          this.#rowCounts = [1, chunk.rowCount]
          this.#last = chunk
          await this.#former.advance()
          return
        }
      }
      if (chunk.endBytes > endBytes) return
      await this.#former.advance()
    }
  }

  async #cut(piece: Uint8Array): Promise<number[]> {
    const sizesBytes: number[] = []
    for (const { bytes, rowCount } of this.#chunker.push(piece)) {
      sizesBytes.push(bytes.length)
      await this.#put(bytes, rowCount)
    }
    return sizesBytes
  }

  async #put(bytes: Uint8Array, rowCount: number): Promise<void> {
    const sizeBytes = bytes.length
    await this.#add({ id: await this.#sink.put('chunk', bytes), sizeBytes, rowCount })
  }

  async #add({ id, sizeBytes, rowCount }: ChunkRef): Promise<void> {
    await this.#manifest.add({ id, sizeBytes, rowCount })
    this.#totals.rowCount += rowCount
    this.#totals.sizeBytes += sizeBytes
    this.#onProgress?.(this.#totals)
  }
}
