import { deepEqual, equal, throws } from 'node:assert/strict'
import { InvalidArgumentError } from 'commander'
import { test } from 'vitest'
import { collect, parseCount, parseDurationMs } from '../../cli/options.ts'

test('durations carry their unit, and 0 needs none', () => {
  deepEqual(
    ['500ms', '10s', '1.5s', '2min', '0'].map(parseDurationMs),
    [500, 10_000, 1_500, 120_000, 0],
  )
  for (const text of ['10', '', 's', '-1s', '1h', '1 s', '1e3ms']) {
    throws(() => parseDurationMs(text), InvalidArgumentError)
  }
})

test('counts are whole and at least 1', () => {
  equal(parseCount('12'), 12)
  for (const text of ['0', '-1', '1.5', '', 'x', '99999999999999999999']) {
    throws(() => parseCount(text), InvalidArgumentError)
  }
})

test('a repeatable option keeps its values in order', () => {
  deepEqual(collect('b', collect('a')), ['a', 'b'])
})
