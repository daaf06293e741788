import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type RowChunk, RowChunker } from '../../src/chunker/row-chunker.ts'

const SIZES = { minSizeBytes: 64, averageSizeBytes: 256, maxSizeBytes: 1024 }

function chunksOf(pieces: Iterable<Uint8Array>): RowChunk[] {
  const chunker = new RowChunker(SIZES)
  const chunks: RowChunk[] = []
  for (const piece of pieces) chunks.push(...chunker.push(piece))
  chunks.push(...chunker.finish())
  return chunks
}

/** Slices `bytes` at the given places, however they fall. */
function slicesOf(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  )
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
}

const textOf = (chunks: RowChunk[]) => chunks.map((c) => Buffer.from(c.bytes).toString('latin1'))

// Keys that vary and keys that do not, short rows, and now and then a row larger than a chunk.
const row = fc
  .tuple(
    fc.oneof(fc.constant('1'), fc.nat().map(String)),
    fc.oneof(
      { weight: 9, arbitrary: fc.string({ maxLength: 80 }) },
      { weight: 1, arbitrary: fc.constant('x'.repeat(2500)) },
    ),
  )
  .map(([key, rest]) => `${key}\t${rest.replaceAll('\n', '')}\n`)
const rows = fc.array(row, { maxLength: 200 })
const bytesOf = (lines: string[]) => Buffer.from(lines.join(''))

test('chunks concatenate to the input and count its rows', () => {
  fc.assert(
    fc.property(rows, (lines) => {
      const chunks = chunksOf([bytesOf(lines)])
      expect(Buffer.concat(chunks.map((c) => c.bytes)).equals(bytesOf(lines))).toBe(true)
      expect(chunks.reduce((sum, c) => sum + c.rowCount, 0)).toBe(lines.length)
    }),
  )
})

test('chunk boundaries do not depend on how the stream was split into buffers', () => {
  fc.assert(
    fc.property(rows, fc.array(fc.nat(), { maxLength: 30 }), (lines, cuts) => {
      const bytes = bytesOf(lines)
      expect(textOf(chunksOf(slicesOf(bytes, cuts)))).toEqual(textOf(chunksOf([bytes])))
    }),
  )
})

test('every chunk is within the limits and ends at a row end unless one row alone is larger than a chunk', () => {
  fc.assert(
    fc.property(rows, (lines) => {
      const texts = textOf(chunksOf([bytesOf(lines)]))
      for (const [i, text] of texts.entries()) {
        expect(text.length).toBeLessThanOrEqual(SIZES.maxSizeBytes)
        if (!text.endsWith('\n'))
          expect({ i, lineFeeds: text.indexOf('\n') }).toEqual({ i, lineFeeds: -1 })
      }
    }),
  )
})

test('one edited row changes a bounded number of chunks', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\tsome text of row ${i}\n`)
  const before = textOf(chunksOf([bytesOf(lines)]))
  const edited = lines.with(10_000, `10000\tsomething else and longer\n`)
  const known = new Set(before)

  const changed = textOf(chunksOf([bytesOf(edited)])).filter((text) => !known.has(text))

  expect(changed.length).toBeLessThanOrEqual(3)
  expect(before.length).toBeGreaterThan(1_000)
})

test('rows that share their first column are still cut near the average size', () => {
  const lines = Array.from({ length: 5_000 }, (_, i) => `1\trow ${i} of one tenant\n`)
  const chunks = chunksOf([bytesOf(lines)])
  const averageSizeBytes = bytesOf(lines).length / chunks.length
  expect(averageSizeBytes).toBeGreaterThan(128)
  expect(averageSizeBytes).toBeLessThan(512)
})

test('the cut table of a fixed stream does not change', () => {
  const lines = Array.from({ length: 60 }, (_, i) => `${i * 7919}\t${'v'.repeat(i % 23)}\n`)
  const chunks = chunksOf([bytesOf(lines)])
  expect(chunks.map((c) => [c.bytes.length, c.rowCount])).toMatchInlineSnapshot(`
    [
      [
        94,
        9,
      ],
      [
        185,
        9,
      ],
      [
        110,
        4,
      ],
      [
        80,
        6,
      ],
      [
        247,
        13,
      ],
      [
        232,
        13,
      ],
      [
        111,
        6,
      ],
    ]
  `)
})
