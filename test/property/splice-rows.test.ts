import fc from 'fast-check'
import { expect, test } from 'vitest'
import { captureStream } from '../../src/capture/capture-stream.ts'
import { spliceRows } from '../../src/capture/splice-rows.ts'
import { RowChunker } from '../../src/chunker/row-chunker.ts'
import { decodeManifestNode } from '../../src/format/manifest-node.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import type { ChunkRef, ManifestNode, ManifestRef, ObjectId } from '../../src/format/values.ts'
import { ManifestWriter } from '../../src/objects/manifest-writer.ts'
import type { ObjectSink } from '../../src/objects/object-sink.ts'
import type { StreamReader } from '../../src/objects/walk-manifest.ts'

const SIZES = { minSizeBytes: 64, averageSizeBytes: 256, maxSizeBytes: 1024 }

/** Objects in memory; counts the chunks that are read. */
class Objects implements ObjectSink, StreamReader {
  readonly #held = new Map<ObjectId, Uint8Array>()
  readChunkCount = 0

  async put(_kind: 'chunk' | 'metadata', bytes: Uint8Array): Promise<ObjectId> {
    const id = objectIdOf(bytes)
    this.#held.set(id, bytes)
    return id
  }
  async readNode(id: ObjectId): Promise<ManifestNode> {
    return decodeManifestNode(this.#held.get(id)!)
  }
  async readChunk(id: ObjectId): Promise<Uint8Array> {
    this.readChunkCount++
    return this.#held.get(id)!
  }
}

/** What the whole stream is cut into. */
async function captureWhole(objects: Objects, text: string): Promise<ManifestRef> {
  const chunker = new RowChunker(SIZES)
  const manifest = new ManifestWriter(objects)
  for (const { bytes, rowCount } of [...chunker.push(Buffer.from(text)), ...chunker.finish()]) {
    const chunk: ChunkRef = {
      id: await objects.put('chunk', bytes),
      sizeBytes: bytes.length,
      rowCount,
    }
    await manifest.add(chunk)
  }
  return manifest.finish()
}

async function* inPieces(text: string, pieceBytes: number) {
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += pieceBytes) yield bytes.subarray(i, i + pieceBytes)
}

// Keys that vary and keys that do not, empty rows, and now and then a row as large as a chunk or larger.
const row = fc.oneof(
  { weight: 1, arbitrary: fc.constant('\n') },
  {
    weight: 20,
    arbitrary: fc
      .tuple(
        fc.oneof(fc.constant('1'), fc.nat().map(String)),
        fc.oneof(
          { weight: 18, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 60 }) },
          { weight: 1, arbitrary: fc.constant('y'.repeat(1021)) },
          { weight: 1, arbitrary: fc.constant('x'.repeat(3500)) },
        ),
      )
      .map(([key, rest]) => `${key}\t${rest.replaceAll('\n', '')}\n`),
  },
)
const rows = fc.array(row, { maxLength: 40 }).map((lines) => lines.join(''))
const part = fc.record({
  former: rows,
  now: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: rows }),
})

test('a stream that is read in parts is cut into the chunks of all of it', async () => {
  const law = fc.asyncProperty(
    fc.array(part, { minLength: 1, maxLength: 12 }),
    fc.integer({ min: 1, max: 3000 }),
    async (parts, pieceBytes) => {
      const objects = new Objects()
      const former = await captureWhole(objects, parts.map((each) => each.former).join(''))
      const text = parts.map((each) => each.now ?? each.former).join('')
      const expected = await captureWhole(new Objects(), text)
      let totals = { rowCount: 0, sizeBytes: 0 }
      const found = await spliceRows(
        { objects, former },
        parts.map((each) => ({
          sizeBytes: Buffer.byteLength(each.former),
          readRows: each.now === null ? null : () => inPieces(each.now!, pieceBytes),
        })),
        objects,
        { chunkSizes: SIZES, onProgress: ({ ...now }) => (totals = now) },
      )
      expect(found).toEqual(expected)
      expect(totals).toEqual({ rowCount: found.rowCount, sizeBytes: found.sizeBytes })
    },
  )
  await fc.assert(law, { numRuns: 1000 })
})

test('of what has not changed, a few chunks around each change are read', async () => {
  const text = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `${from + i}\tsome text of this row\n`).join('')
  const objects = new Objects()
  const whole = text(0, 200_000)
  const former = await captureStream([Buffer.from(whole)], objects)
  const change = [90_000, 90_010] as const
  const found = await spliceRows(
    { objects, former },
    [
      { sizeBytes: text(0, change[0]).length, readRows: null },
      { sizeBytes: text(...change).length, readRows: () => inPieces('-1\tanother row\n', 1000) },
      { sizeBytes: text(change[1], 200_000).length, readRows: null },
    ],
    objects,
  )
  expect(former.chunkCount).toBeGreaterThan(50)
  expect(found.chunkCount).toBeGreaterThan(50)
  expect(objects.readChunkCount).toBeLessThan(10)
})
