import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Relation } from '../../../src/capture/list-relations.ts'
import { type SizedTable, TableQueue } from '../../../src/capture/table-batches.ts'

const table = (oid: number, sizeBytes: number): SizedTable => ({
  table: { oid } as Relation,
  sizeBytes,
})

/** Sizes of tables, the largest first. */
const largestFirst = (sizes: number[]) =>
  sizes.toSorted((a, b) => b - a).map((sizeBytes, oid) => table(oid, sizeBytes))

const sizes = fc.array(
  fc.oneof(fc.nat({ max: 1 << 15 }), fc.nat({ max: 1 << 20 }), fc.nat({ max: 1 << 30 })),
  { maxLength: 400 },
)

function takeAll(queue: TableQueue): number[][] {
  const batches: number[][] = []
  for (let batch = queue.take(); batch.length > 0; batch = queue.take()) {
    batches.push(batch.map(({ oid }) => oid))
  }
  return batches
}

test('every table is handed out once, in order', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 8 }), (list, readerCount) => {
      const tables = largestFirst(list)
      expect(takeAll(new TableQueue(tables, readerCount)).flat()).toEqual(
        tables.map(({ table }) => table.oid),
      )
    }),
  )
})

test('readers who take batches end as they would if each took one table at a time', () => {
  // However tables are handed out one by one, the last ends at most the largest table after a fair share.
  const costOf = (sizeBytes: number) => sizeBytes + 16_384
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 8 }), (list, readerCount) => {
      const tables = largestFirst(list)
      const queue = new TableQueue(tables, readerCount)
      const busyUntil = Array<number>(readerCount).fill(0)
      for (let batch = queue.take(); batch.length > 0; batch = queue.take()) {
        const next = busyUntil.indexOf(Math.min(...busyUntil))
        for (const { oid } of batch) busyUntil[next]! += costOf(tables[oid]!.sizeBytes)
      }
      const fairShare = busyUntil.reduce((sum, time) => sum + time, 0) / readerCount
      const largest = Math.max(0, ...list.map(costOf))
      expect(Math.max(...busyUntil)).toBeLessThanOrEqual(fairShare + largest)
    }),
  )
})

test('many small tables take few batches, and a large one a batch of its own', () => {
  const tables = largestFirst([...Array<number>(5000).fill(8192), 10_000_000, 20_000_000])
  const batches = takeAll(new TableQueue(tables, 2))

  expect(batches.slice(0, 2)).toEqual([[0], [1]])
  expect(batches.length).toBeLessThan(150)
})

test('a queue that was stopped hands out nothing more', () => {
  const queue = new TableQueue(largestFirst([3_000_000, 2_000_000, 1_000_000]), 2)
  expect(queue.take()).toHaveLength(1)
  queue.stop()
  expect(queue.take()).toEqual([])
})
