import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { extrapolate, type TableSample } from '../../../src/capture/estimate-first-commit.ts'

const MIB = 1024 * 1024
const sample = { rowCount: 1000, sizeBytes: 100_000, storedSizeBytes: 25_000, elapsedMs: 10 }

test('without anything that was read nothing is said', () => {
  equal(extrapolate([{ heapSizeBytes: MIB, rowCount: 10, sample: null }], 2), null)
  equal(extrapolate([], 2), null)
})

test('a table is as long as its rows are many, and others are like it by their size', () => {
  const known: TableSample = { heapSizeBytes: MIB, rowCount: 10_000, sample }
  const unknown: TableSample = { heapSizeBytes: 3 * MIB, rowCount: 5, sample: null }
  const estimate = extrapolate([known, unknown], 2)!
  deepEqual(
    { ...estimate, elapsedMs: 0 },
    {
      rowSizeBytes: 4_000_000,
      storedSizeBytes: 1_000_000,
      elapsedMs: 0,
      sampledSizeBytes: 100_000,
    },
  )
})

test('more connections make it shorter, and more rows longer', () => {
  const of = (rowCount: number, jobs: number) =>
    extrapolate([{ heapSizeBytes: MIB, rowCount, sample }], jobs)!.elapsedMs
  equal(of(1_000_000, 4) < of(1_000_000, 2), true)
  equal(of(1_000_000, 2) < of(2_000_000, 2), true)
})

test('a table smaller than the sample is what was read of it, whatever old statistics say', () => {
  const estimate = extrapolate([{ heapSizeBytes: 8192, rowCount: 10, sample }], 2)!
  equal(estimate.rowSizeBytes, 100_000)
})
