import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { planForecast } from '../../../src/maintenance/plan-forecast.ts'

const DAY_MS = 86_400_000
const start = new Date('2026-01-01T00:00:00Z')
const day = (n: number) => new Date(start.getTime() + n * DAY_MS)
const at = (sizeBytes: number, now: Date) => ({ sizeBytes, now })

test('from one commit nothing is told, from two only what a commit takes', () => {
  deepEqual(planForecast([{ at: day(0), newSizeBytes: 900 }], [5000], at(900, day(1))), {
    commitCount: 1,
    elapsedMs: 0,
    reliability: 'none',
    perCommitSizeBytes: null,
    perDaySizeBytes: null,
    fit: null,
    reaches: [{ sizeBytes: 5000, at: null }],
  })
  const two = [day(0), day(1)].map((each) => ({ at: each, newSizeBytes: 100 }))
  const { reliability, perCommitSizeBytes, perDaySizeBytes } = planForecast(
    two,
    [],
    at(200, day(1)),
  )
  deepEqual([reliability, perCommitSizeBytes, perDaySizeBytes], ['none', 100, null])
})

test('a store that grows evenly goes on like that, whatever its first commit took', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 ** 9 }), fc.nat(10 ** 12), (daily, first) => {
      const points = Array.from({ length: 20 }, (_, n) => ({
        at: day(n),
        newSizeBytes: n === 0 ? first : daily,
      }))
      const sizeBytes = first + 19 * daily
      const forecast = planForecast(points, [sizeBytes + 10 * daily], at(sizeBytes, day(19)))
      equal(forecast.reliability, 'fair')
      equal(Math.abs(forecast.perDaySizeBytes! / daily - 1) < 1e-6, true)
      equal(Math.round((forecast.reaches[0]!.at!.getTime() - day(29).getTime()) / 60_000), 0)
    }),
  )
})

test('commits of one hour are no pace for a year', () => {
  const points = [0, 1, 2, 3].map((n) => ({
    at: new Date(start.getTime() + n * 60_000),
    newSizeBytes: 10 ** 6,
  }))
  equal(planForecast(points, [], at(10 ** 6, day(0))).reliability, 'none')
})

test('few commits, a few days, and sizes that jump about are rough', () => {
  const reliabilityOf = (points: { at: Date; newSizeBytes: number }[]) =>
    planForecast(points, [], at(0, day(99))).reliability
  const even = (count: number, days: number) =>
    Array.from({ length: count }, (_, n) => ({ at: day((n * days) / count), newSizeBytes: 10 }))
  equal(reliabilityOf(even(5, 30)), 'rough')
  equal(reliabilityOf(even(50, 3)), 'rough')
  equal(reliabilityOf(even(50, 30)), 'fair')
  const oneJump = even(50, 30).map((point, n) => ({
    ...point,
    newSizeBytes: n === 49 ? 10 ** 6 : 0,
  }))
  equal(reliabilityOf(oneJump), 'rough')
})

test('a store that does not grow reaches nothing, and one that is there already needs no time', () => {
  const points = [0, 1, 2, 3].map((n) => ({ at: day(n), newSizeBytes: n === 0 ? 500 : 0 }))
  deepEqual(planForecast(points, [500, 501], at(500, day(9))).reaches, [
    { sizeBytes: 500, at: day(9) },
    { sizeBytes: 501, at: null },
  ])
})
