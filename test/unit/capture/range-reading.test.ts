import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BlockRange } from '../../../src/capture/block-ranges.ts'
import { cutIntoRanges, RANGE_BLOCKS } from '../../../src/capture/block-ranges.ts'
import { RangeReading, ReadAhead } from '../../../src/capture/range-reading.ts'

const pause = () => new Promise<void>((resolve) => setImmediate(resolve))

/** What a range gives: as many pieces as told, each naming the range and its own place in it. */
async function* piecesOf(position: number, count: number, pauses: readonly number[]) {
  for (let piece = 0; piece < count; piece++) {
    for (let i = pauses[(position + piece) % pauses.length]!; i > 0; i--) await pause()
    yield Buffer.from(`${position}.${piece} `)
  }
}

async function textOf(reading: RangeReading<number>): Promise<string> {
  let text = ''
  for (const position of reading.ranges.keys()) {
    for await (const piece of reading.rowsOf(position)) text += Buffer.from(piece).toString()
  }
  return text
}

const positionOf = ({ fromBlock }: BlockRange) => fromBlock / RANGE_BLOCKS

test('ranges cover every block once, and the last one whatever follows', () => {
  for (const blockCount of [0, 1, RANGE_BLOCKS, RANGE_BLOCKS + 1, 10 * RANGE_BLOCKS]) {
    const ranges = cutIntoRanges(blockCount)
    expect(ranges.length).toBe(Math.max(1, Math.ceil(blockCount / RANGE_BLOCKS)))
    expect(ranges[0]!.fromBlock).toBe(0)
    expect(ranges.at(-1)!.toBlock).toBeNull()
    for (const [i, { toBlock }] of ranges.slice(0, -1).entries()) {
      expect(toBlock).toBe(ranges[i + 1]!.fromBlock)
    }
  }
})

test('rows come in order whoever reads them, however fast, and however little may wait', async () => {
  const counts = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 12 })
  const pauses = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 5 })
  const law = fc.asyncProperty(
    counts,
    pauses,
    fc.integer({ min: 1, max: 5 }),
    fc.nat({ max: 100 }),
    async (pieceCounts, pausesOf, readerCount, maxWaitingBytes) => {
      const reading = new RangeReading<number>(
        cutIntoRanges(pieceCounts.length * RANGE_BLOCKS),
        (_, range) => piecesOf(positionOf(range), pieceCounts[positionOf(range)]!, pausesOf),
        new ReadAhead(maxWaitingBytes),
      )
      const readers = Array.from({ length: readerCount }, (_, reader) => reading.help(reader))
      const expected = pieceCounts
        .flatMap((count, i) => Array.from({ length: count }, (_, piece) => `${i}.${piece} `))
        .join('')
      expect(await textOf(reading)).toBe(expected)
      await Promise.all(readers)
    },
  )
  await fc.assert(law, { numRuns: 200 })
})

test('what waits for its turn is bounded, of all tables together', async () => {
  const ahead = new ReadAhead(1000)
  let readBytes = 0
  let receivedBytes = 0
  let mostBytes = 0
  const endless = async function* () {
    for (let i = 0; i < 500; i++) {
      readBytes += 100
      mostBytes = Math.max(mostBytes, readBytes - receivedBytes)
      yield Buffer.alloc(100)
    }
  }
  const readings = [1, 2].map(
    () => new RangeReading<number>(cutIntoRanges(8 * RANGE_BLOCKS), endless, ahead),
  )
  const helpers = readings.flatMap((reading) => [0, 1, 2].map((reader) => reading.help(reader)))
  for (let i = 0; i < 50; i++) await pause()
  for (const position of readings[0]!.ranges.keys()) {
    for (const reading of readings) {
      for await (const piece of reading.rowsOf(position)) {
        receivedBytes += piece.length
        if (receivedBytes % 1000 === 0) await pause()
      }
    }
  }
  await Promise.all(helpers)
  expect(receivedBytes).toBe(2 * 8 * 500 * 100)
  // One piece more by each that reads, and what the two that are being handed out may have besides.
  expect(mostBytes).toBeLessThanOrEqual(1000 + 6 * 100 + 2 * 500 * 100)
  expect(mostBytes).toBeGreaterThan(1000)
})

test('an error of one connection ends the reading of all, once', async () => {
  const reading = new RangeReading<number>(
    cutIntoRanges(20 * RANGE_BLOCKS),
    async function* (reader, range) {
      yield* piecesOf(positionOf(range), 3, [reader])
      if (positionOf(range) === 7) throw new Error('the connection was lost')
    },
    new ReadAhead(),
  )
  const readers = [0, 1, 2].map((reader) => reading.help(reader))
  await expect(textOf(reading)).rejects.toThrow('the connection was lost')
  await Promise.all(readers)
  expect(reading.untakenCount).toBe(0)
})

test('whoever waits with what it has read ahead stops when nobody wants it any more', async () => {
  let leftCount = 0
  const reading = new RangeReading<number>(
    cutIntoRanges(20 * RANGE_BLOCKS),
    async function* () {
      try {
        for (;;) yield Buffer.alloc(10)
      } finally {
        leftCount++
      }
    },
    new ReadAhead(100),
  )
  const readers = [0, 1, 2].map((reader) => reading.help(reader))
  for await (const _ of reading.rowsOf(0)) break
  reading.stop()
  await Promise.all(readers)
  expect(leftCount).toBe(3)
})
