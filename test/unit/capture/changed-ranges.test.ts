import { expect, test } from 'vitest'
import { planChangedRanges, type RangePart } from '../../../src/capture/changed-ranges.ts'
import type { ManifestRef } from '../../../src/format/values.ts'

/** Range i gave 10 × (i + 1) bytes then. */
function plan(
  formerCount: number,
  countNow: number,
  where: { at?: number[]; cutFrom?: number },
): RangePart[] | undefined {
  const sizesBytes = Array.from({ length: formerCount }, (_, i) => 10 * (i + 1))
  const modified = { positions: new Set(where.at ?? []), cutFromPosition: where.cutFrom ?? null }
  return planChangedRanges({ rows: {} as ManifestRef, sizesBytes, modified }, countNow)
}

const kept = (sizeBytes: number, ...positions: number[]) => ({
  isRead: false,
  sizeBytes,
  positions,
})
const read = (sizeBytes: number, ...positions: number[]) => ({ isRead: true, sizeBytes, positions })

test.each<[string, RangePart[] | undefined, RangePart[]]>([
  ['nothing', plan(6, 6, {}), [kept(210, 0, 1, 2, 3, 4, 5)]],
  [
    'the first and the last range',
    plan(6, 6, { at: [0, 5] }),
    [read(10, 0), kept(140, 1, 2, 3, 4), read(60, 5)],
  ],
  [
    'ranges side by side',
    plan(6, 6, { at: [2, 3] }),
    [kept(30, 0, 1), read(70, 2, 3), kept(110, 4, 5)],
  ],
  [
    'blocks that have been added to the last range',
    plan(6, 6, { at: [6, 7] }),
    [kept(150, 0, 1, 2, 3, 4), read(60, 5)],
  ],
  [
    'ranges that have been added',
    plan(6, 8, { at: [7] }),
    [kept(150, 0, 1, 2, 3, 4), read(60, 5, 6, 7)],
  ],
  [
    'ranges that have been cut off',
    plan(8, 6, { cutFrom: 5 }),
    [kept(150, 0, 1, 2, 3, 4), read(210, 5)],
  ],
  [
    'ranges that have been cut off, noted nowhere',
    plan(8, 6, {}),
    [kept(150, 0, 1, 2, 3, 4), read(210, 5)],
  ],
  [
    'ranges that have been cut off and made again',
    plan(6, 6, { cutFrom: 4, at: [5] }),
    [kept(100, 0, 1, 2, 3), read(110, 4, 5)],
  ],
  [
    'a cut within the last range',
    plan(6, 6, { cutFrom: 5 }),
    [kept(150, 0, 1, 2, 3, 4), read(60, 5)],
  ],
])('%s: only what may differ is read', (_, found, expected) => {
  expect(found).toEqual(expected)
})

test('where more than half of the ranges have changed, all are read', () => {
  expect(plan(6, 6, { at: [0, 2, 4] })).toHaveLength(6)
  expect(plan(6, 6, { at: [0, 2, 4, 5] })).toBeUndefined()
  expect(plan(6, 6, { cutFrom: 0 })).toBeUndefined()
  expect(plan(4, 40, {})).toBeUndefined()
})
