import { deepEqual, match } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { StoreFacts } from '../../../src/doctor/examine-store.ts'
import { judgeStore } from '../../../src/doctor/judge-store.ts'
import type { Commit, ObjectId } from '../../../src/format/values.ts'

const NOW = new Date('2026-03-31T12:00:00.000Z')
const DAY_MS = 86_400_000
const MIB = 1024 ** 2

const newestAt = (createdAt: string) => ({
  id: 'a'.repeat(64) as ObjectId,
  commit: { createdAt } as Commit,
})

/** 30 commits in 30 days, each of 100 MiB. */
const FACTS: StoreFacts = {
  newest: newestAt('2026-03-31T02:00:00.000Z'),
  sizeBytes: 5000 * MIB,
  commitCount: 31,
  namedCommitCount: 3,
  growth: { sizeBytes: 3000 * MIB, commitCount: 30, elapsedMs: 30 * DAY_MS },
}
const PLACE = {
  freeSizeBytes: 100_000 * MIB,
  isReadableByOthers: false,
  databaseSizeBytes: 20_000 * MIB,
}

const levels = (facts: Partial<StoreFacts>, place: Partial<typeof PLACE> = {}) =>
  judgeStore({ ...FACTS, ...facts }, { ...PLACE, ...place }, NOW)
    .filter(({ level }) => level !== 'ok')
    .map(({ code, level }) => `${code}: ${level}`)

test('a store with a fresh commit and room for years has nothing wrong', () => {
  deepEqual(levels({}), [])
})

describe('the space that is left, at the pace so far', () => {
  test.each([
    ['31 days', 31 * 100, []],
    ['29 days', 29 * 100, ['spaceTight: warning']],
    ['one commit and a half', 150, ['spaceTight: problem']],
    ['less than any commit', 1, ['spaceTight: problem']],
  ])('for %s', (_, freeMib, expected) => {
    deepEqual(levels({}, { freeSizeBytes: freeMib * MIB }), expected)
  })

  test('is told with the pace', () => {
    const [, , space] = judgeStore(FACTS, { ...PLACE, freeSizeBytes: 1000 * MIB }, NOW)
    match(
      space!.finding,
      /^1000 MiB free, the store has 5000 MiB; a commit takes about 100 MiB, a day about 100 MiB: that lasts for 10 days$/,
    )
  })

  test('some commits of one afternoon are not the pace of a year', () => {
    const growth = { sizeBytes: 300 * MIB, commitCount: 30, elapsedMs: DAY_MS / 24 }
    deepEqual(levels({ growth }, { freeSizeBytes: 10_000 * MIB }), [])
  })

  test('one commit tells no pace', () => {
    deepEqual(levels({ growth: null, commitCount: 1 }, { freeSizeBytes: 1000 * MIB }), [])
  })

  test('before the first commit is told by the size of the database', () => {
    const empty = { newest: null, commitCount: 0, namedCommitCount: 0, growth: null }
    deepEqual(levels(empty), ['storeEmpty: notice'])
    deepEqual(levels(empty, { freeSizeBytes: 19_000 * MIB }), [
      'storeEmpty: notice',
      'spaceTight: warning',
    ])
  })

  test('commits that take nothing last for ever', () => {
    const growth = { sizeBytes: 0, commitCount: 30, elapsedMs: 30 * DAY_MS }
    deepEqual(levels({ growth }, { freeSizeBytes: 100 * MIB }), [])
  })
})

test.each([
  [{ newest: null, commitCount: 0, growth: null }, ['storeEmpty: notice']],
  [{ newest: newestAt('2026-03-20T12:00:00.000Z') }, ['commitOld: notice']],
] as [Partial<StoreFacts>, string[]][])('%j', (facts, expected) => {
  deepEqual(levels(facts), expected)
})

test('what was looked at is told, and what was not', () => {
  const [, whole] = judgeStore(FACTS, PLACE, NOW)
  deepEqual(whole, {
    code: 'storeWhole',
    level: 'ok',
    finding:
      "everything of the 3 commits refs point at is there, by the indexes; 'snap fsck' reads every byte",
    advice: null,
  })
})

test('a store that others may read is told of', () => {
  deepEqual(levels({}, { isReadableByOthers: true }), ['storeReadableByOthers: warning'])
})
