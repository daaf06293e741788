import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { formatSparkline } from '../../../cli/output/sparkline.ts'

test('the largest is a full bar, zero the lowest, and what is missing a blank', () => {
  deepEqual(
    [[0, 1, 2, 4, 8], [null, 99, 100, null], [0, 0], [5], []].map((each) => formatSparkline(each)),
    ['▁▁▂▄█', ' ██ ', '▁▁', '█', ''],
  )
})
