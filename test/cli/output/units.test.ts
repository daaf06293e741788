import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import {
  formatChange,
  formatCount,
  formatDuration,
  formatQuantity,
  formatSize,
  formatTimeLeft,
} from '../../../cli/output/units.ts'

test('sizes are in powers of 1024 with three digits at most', () => {
  const sizes = [
    0,
    1,
    1023,
    1024,
    1536,
    1024 * 1023.99,
    10 * 1024 ** 2,
    45.6 * 1024 ** 2,
    3 * 1024 ** 4,
  ]
  deepEqual(sizes.map(formatSize), [
    '0 B',
    '1 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '1.0 MiB',
    '10.0 MiB',
    '45.6 MiB',
    '3.0 TiB',
  ])
})

test('durations go from hundredths of a second to hours', () => {
  deepEqual([0, 42, 9_994, 9_996, 59_940, 59_960, 192_000, 7_500_000].map(formatDuration), [
    '0.00 s',
    '0.04 s',
    '9.99 s',
    '10.0 s',
    '59.9 s',
    '1 min 0 s',
    '3 min 12 s',
    '2 h 5 min',
  ])
})

test('time left is rounded up and never negative', () => {
  deepEqual([-5, 0, 6_001, 192_000, 7_500_000].map(formatTimeLeft), [
    '0:00',
    '0:00',
    '0:07',
    '3:12',
    '2:05:00',
  ])
})

test('counts are grouped, and their nouns agree', () => {
  deepEqual(
    [formatCount(1234567), formatQuantity(1, 'row'), formatQuantity(0, 'entry', 'entries')],
    ['1,234,567', '1 row', '0 entries'],
  )
})

test('a change carries its sign', () => {
  deepEqual([12, -3000, 0].map(formatChange), ['+12', '-3,000', '±0'])
})
