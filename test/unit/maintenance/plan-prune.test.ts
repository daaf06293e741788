import { describe, expect, test } from 'vitest'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { Commit, ObjectId } from '../../../src/format/values.ts'
import {
  type HistoryEntry,
  type HistoryFacts,
  type KeepReason,
  planPrune,
  type RetentionPolicy,
} from '../../../src/maintenance/plan-prune.ts'
import { sampleCommit } from '../../support/store.ts'

/** A commit of a made-up history, as a test writes it. */
interface Sample {
  name: string
  at: string
  /** Default: the next one of the list. */
  parents?: string[]
  purpose?: Commit['purpose']
  migration?: string
  lastSeenAt?: string
}

const idOf = (name: string): ObjectId => objectIdOf(Buffer.from(name))
const NOW = new Date('2026-11-21T12:00:00.000Z')
const instant = (text: string) => new Date(text).toISOString()

/** Samples newest first; each but the last is a child of the one after it. `main` and HEAD are at the first. */
function historyOf(samples: Sample[], more: Partial<HistoryFacts> = {}): HistoryFacts {
  const entries = samples.map((sample, i): HistoryEntry => {
    const next = samples[i + 1]
    const parents = sample.parents ?? (next === undefined ? [] : [next.name])
    const createdAt = instant(sample.at)
    const migrations =
      sample.migration === undefined
        ? []
        : [{ tool: 'alembic', table: 'public.alembic_version', heads: [sample.migration] }]
    return {
      id: idOf(sample.name),
      commit: {
        ...sampleCommit,
        purpose: sample.purpose ?? 'user',
        message: sample.name,
        treeId: idOf('tree'),
        parentIds: parents.map(idOf),
        catalog: { rootId: idOf('rows'), sizeBytes: 0, rowCount: 0, chunkCount: 0 },
        createdAt,
        migrations,
      },
      ancestorIds: parents.map(idOf),
      lastSeenAt: instant(sample.lastSeenAt ?? sample.at),
    }
  })
  const tip = entries[0]!.id
  return {
    entries,
    refs: [{ name: 'refs/heads/main', id: tip, message: '' }],
    head: { targetRef: 'refs/heads/main', id: tip },
    undoIds: [],
    ...more,
  }
}

/** What a plan says, by the names of the samples: reasons as short words, an empty list for what goes. */
function outcome(facts: HistoryFacts, policy: RetentionPolicy): Record<string, string[]> {
  const { decisions } = planPrune(facts, policy, NOW)
  return Object.fromEntries(
    decisions.map(({ commit, reasons }) => [
      commit.message,
      reasons.filter(({ kind }) => kind !== 'head' && kind !== 'tip').map(inWords),
    ]),
  )
}

function inWords(reason: KeepReason): string {
  const { kind } = reason
  if ('period' in reason) return `${kind} ${reason.isOldest ? 'oldest' : reason.period}`
  if ('place' in reason) return `${kind} ${reason.place}`
  if ('refName' in reason) return `${kind} ${reason.refName}`
  return kind === 'pin' ? `pin ${reason.message}` : kind
}

const keptNames = (facts: HistoryFacts, policy: RetentionPolicy) =>
  planPrune(facts, policy, NOW)
    .decisions.filter(({ reasons }) => reasons.length > 0)
    .map(({ commit }) => commit.message)

describe('numbers and periods', () => {
  const month = historyOf([
    { name: 'thu-1830', at: '2026-11-19T18:30Z' },
    { name: 'thu-1810', at: '2026-11-19T18:10Z' },
    { name: 'thu-0900', at: '2026-11-19T09:00Z' },
    { name: 'tue-2359', at: '2026-11-17T23:59Z' },
    { name: 'tue-0001', at: '2026-11-17T00:01Z' },
    { name: 'sun-1200', at: '2026-11-15T12:00Z' },
    { name: 'october', at: '2026-10-31T12:00Z' },
    { name: 'last-year', at: '2025-12-31T23:00Z' },
  ])

  test.each<[string, RetentionPolicy, Record<string, string[]>]>([
    ['the newest two', { keepLast: 2 }, { 'thu-1830': ['last 1'], 'thu-1810': ['last 2'] }],
    [
      'of several commits in one hour the newest; hours without commits do not count',
      { keepHourly: 2 },
      {
        'thu-1830': ['hourly 2026-11-19 18:00 +00:00'],
        'thu-0900': ['hourly 2026-11-19 09:00 +00:00'],
      },
    ],
    [
      'the newest of each of three days',
      { keepDaily: 3 },
      {
        'thu-1830': ['daily 2026-11-19'],
        'tue-2359': ['daily 2026-11-17'],
        'sun-1200': ['daily 2026-11-15'],
      },
    ],
    [
      'weeks begin on Monday',
      { keepWeekly: 2 },
      { 'thu-1830': ['weekly 2026-W47'], 'sun-1200': ['weekly 2026-W46'] },
    ],
    [
      'months',
      { keepMonthly: 2 },
      { 'thu-1830': ['monthly 2026-11'], october: ['monthly 2026-10'] },
    ],
    ['years', { keepYearly: 9 }, { 'thu-1830': ['yearly 2026'], 'last-year': ['yearly 2025'] }],
    [
      'within a time before the newest commit, whenever that was; to the moment',
      { keepWithinMs: (42 * 60 + 31) * 60_000 },
      {
        'thu-1830': ['within'],
        'thu-1810': ['within'],
        'thu-0900': ['within'],
        'tue-2359': ['within'],
      },
    ],
    [
      'any rule is enough, and each that keeps it is told',
      { keepLast: 1, keepDaily: 1, keepYearly: 2 },
      {
        'thu-1830': ['last 1', 'daily 2026-11-19', 'yearly 2026'],
        'last-year': ['yearly 2025'],
      },
    ],
  ])('%s', (_, policy, expected) => {
    const nothing = Object.fromEntries(month.entries.map(({ commit }) => [commit.message, []]))
    expect(outcome(month, policy)).toEqual({ ...nothing, ...expected })
  })

  test('while there are fewer periods than asked for, the oldest commit stays, too', () => {
    const october = historyOf([
      { name: 'thu', at: '2026-10-29T12:00Z' },
      { name: 'wed', at: '2026-10-28T12:00Z' },
      { name: 'tue-late', at: '2026-10-27T18:00Z' },
      { name: 'tue-early', at: '2026-10-27T06:00Z' },
    ])
    const kept = (policy: RetentionPolicy) => outcome(october, policy)
    expect(kept({ keepDaily: 1, keepMonthly: 2 })).toEqual({
      thu: ['daily 2026-10-29', 'monthly 2026-10'],
      wed: [],
      'tue-late': [],
      'tue-early': ['monthly oldest'],
    })
    expect(kept({ keepDaily: 3 })['tue-early']).toEqual([])
    expect(kept({ keepDaily: 4 })['tue-early']).toEqual(['daily oldest'])
  })

  test('a policy without a rule is refused, and so is one that only says how long safety commits stay', () => {
    for (const policy of [{}, { keepSafetyMs: 1 }, { keepTags: [] }, { keepLast: 0 }]) {
      expect(() => planPrune(month, policy, NOW)).toThrow(
        expect.objectContaining({ code: 'USAGE' }),
      )
    }
  })
})

describe('time zones', () => {
  test('days are those of UTC unless told otherwise', () => {
    const evening = historyOf([
      { name: 'b', at: '2026-11-19T23:30:00-05:00' },
      { name: 'a', at: '2026-11-19T12:00:00-05:00' },
    ])
    expect(outcome(evening, { keepDaily: 9 })).toEqual({
      b: ['daily 2026-11-20'],
      a: ['daily 2026-11-19'],
    })
    expect(outcome(evening, { keepDaily: 9, timeZone: 'America/New_York' })).toEqual({
      b: ['daily 2026-11-19'],
      a: ['daily oldest'],
    })
  })

  test('the hour that the clocks repeat in autumn is two hours, and that day is one day', () => {
    // Berlin, 25 October 2026: at 03:00 summer time, 01:00 UTC, the clocks go back to 02:00.
    const autumn = historyOf([
      { name: 'night', at: '2026-10-25T22:30Z' },
      { name: 'second-0230', at: '2026-10-25T01:30Z' },
      { name: 'first-0230', at: '2026-10-25T00:30Z' },
      { name: 'midnight', at: '2026-10-24T22:00Z' },
    ])
    const zone = { timeZone: 'Europe/Berlin' }
    expect(outcome(autumn, { keepHourly: 9, ...zone })).toEqual({
      night: ['hourly 2026-10-25 23:00 +01:00'],
      'second-0230': ['hourly 2026-10-25 02:00 +01:00'],
      'first-0230': ['hourly 2026-10-25 02:00 +02:00'],
      midnight: ['hourly 2026-10-25 00:00 +02:00'],
    })
    expect(keptNames(autumn, { keepDaily: 1, ...zone })).toEqual(['night'])
  })

  test('the hour that is left out in spring does not count', () => {
    // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
    const spring = historyOf([
      { name: 'after', at: '2026-03-29T01:10Z' },
      { name: 'before', at: '2026-03-29T00:50Z' },
    ])
    expect(outcome(spring, { keepHourly: 9, timeZone: 'Europe/Berlin' })).toEqual({
      after: ['hourly 2026-03-29 03:00 +02:00'],
      before: ['hourly 2026-03-29 01:00 +01:00'],
    })
  })

  test.each([
    ['2026-01-01T12:00Z', '2026-W01'],
    ['2027-01-03T12:00Z', '2026-W53'],
    ['2027-01-04T12:00Z', '2027-W01'],
    ['2024-12-30T12:00Z', '2025-W01'],
  ])('%s is in week %s, as ISO 8601 counts', (at, week) => {
    expect(outcome(historyOf([{ name: 'x', at }]), { keepWeekly: 1 })).toEqual({
      x: [`weekly ${week}`],
    })
  })

  test('a time zone that does not exist is refused', () => {
    const facts = historyOf([{ name: 'x', at: '2026-01-01T12:00Z' }])
    expect(() => planPrune(facts, { keepLast: 1, timeZone: 'Mars/Olympus' }, NOW)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: "there is no time zone 'Mars/Olympus'" }),
    )
  })
})

describe('what stays whatever the rules say', () => {
  const samples: Sample[] = ['e', 'd', 'c', 'b', 'a'].map((name, i) => ({
    name,
    at: `2026-11-${15 - i}T12:00Z`,
  }))
  const main = { name: 'refs/heads/main', id: idOf('e'), message: '' }
  const withRefs = (...refs: [name: string, at: string, message?: string][]) =>
    historyOf(samples, {
      refs: [main, ...refs.map(([name, at, message = '']) => ({ name, id: idOf(at), message }))],
    })

  test('the tips of all branches, each with its own newest ones', () => {
    const facts = withRefs(['refs/heads/topic', 'b'])
    expect(outcome(facts, { keepLast: 2 })).toEqual({
      e: ['last 1'],
      d: ['last 2'],
      c: [],
      b: ['last 1'],
      a: ['last 2'],
    })
    expect(planPrune(facts, { keepLast: 1 }, NOW).decisions[3]?.reasons).toEqual([
      { kind: 'tip', refName: 'refs/heads/topic' },
      { kind: 'last', line: 'topic', place: 1 },
    ])
  })

  test('HEAD, where it is detached, and its own line', () => {
    const facts = { ...historyOf(samples), head: { targetRef: null, id: idOf('c') } }
    expect(keptNames(facts, { keepLast: 1 })).toEqual(['e', 'c'])
  })

  test('pinned commits, with the reason given', () => {
    const facts = withRefs([`refs/snap/pins/${idOf('b')}`, 'b', 'before the move'])
    expect(outcome(facts, { keepLast: 1 })).toMatchObject({ b: ['pin before the move'], a: [] })
  })

  test('tagged commits; with patterns only those, and the other tags go with their commits', () => {
    const facts = withRefs(['refs/tags/v1', 'b'], ['refs/tags/try', 'a'], ['refs/tags/tip', 'e'])
    expect(keptNames(facts, { keepLast: 1 })).toEqual(['e', 'b', 'a'])
    const plan = planPrune(facts, { keepTags: ['v?', 'w*'] }, NOW)
    expect(plan.decisions[3]?.reasons).toEqual([{ kind: 'tag', refName: 'refs/tags/v1' }])
    expect(plan.removedRefs).toEqual([{ name: 'refs/tags/try', id: idOf('a') }])
  })

  test('patterns are patterns: a dot is a dot, and all of the name must match', () => {
    const facts = withRefs(
      ['refs/tags/v1.0', 'a'],
      ['refs/tags/v1x0', 'b'],
      ['refs/tags/v1.01', 'c'],
    )
    expect(keptNames(facts, { keepTags: ['v1.0'] })).toEqual(['e', 'a'])
  })

  test('what undo returns to, and refs of a kind this version does not know', () => {
    const facts = { ...withRefs(['refs/snap/other', 'a']), undoIds: [idOf('b')] }
    expect(outcome(facts, { keepLast: 1 })).toMatchObject({
      b: ['undo'],
      a: ['ref refs/snap/other'],
    })
  })
})

describe('commits that no branch leads to', () => {
  const facts = historyOf(
    [
      { name: 'tip', at: '2026-11-20T12:00Z', parents: [] },
      { name: 'safety-new', at: '2026-11-19T12:00Z', parents: ['tip'], purpose: 'safety' },
      { name: 'safety-old', at: '2026-11-01T12:00Z', parents: [], purpose: 'safety' },
      {
        name: 'left-lately',
        at: '2026-01-01T12:00Z',
        parents: [],
        lastSeenAt: '2026-11-10T12:00Z',
      },
      {
        name: 'left-long-ago',
        at: '2026-01-01T11:00Z',
        parents: [],
        lastSeenAt: '2026-02-01T12:00Z',
      },
    ],
    {
      refs: [
        { name: 'refs/heads/main', id: idOf('tip'), message: '' },
        { name: 'refs/snap/safety', id: idOf('safety-old'), message: '' },
      ],
    },
  )

  test('are kept for 14 days after they were last named; the safety ref goes with its commit', () => {
    const plan = planPrune(facts, { keepLast: 1 }, NOW)
    expect(outcome(facts, { keepLast: 1 })).toEqual({
      tip: ['last 1'],
      'safety-new': ['safety'],
      'safety-old': [],
      'left-lately': ['offBranch'],
      'left-long-ago': [],
    })
    expect(plan.removedRefs).toEqual([{ name: 'refs/snap/safety', id: idOf('safety-old') }])
  })

  test('or for as long as is asked', () => {
    const dayMs = 86_400_000
    expect(keptNames(facts, { keepLast: 1, keepSafetyMs: dayMs })).toEqual(['tip'])
    expect(keptNames(facts, { keepLast: 1, keepSafetyMs: 30 * dayMs })).toEqual([
      'tip',
      'safety-new',
      'safety-old',
      'left-lately',
    ])
    expect(keptNames({ ...facts, undoIds: [idOf('safety-old')] }, { keepLast: 1 })).toContain(
      'safety-old',
    )
  })
})

describe('one commit from before each migration stays', () => {
  const migrated = historyOf([
    { name: '5', at: '2026-11-05T12:00Z', migration: 'm3' },
    { name: '4', at: '2026-11-04T12:00Z', migration: 'm2' },
    { name: '3', at: '2026-11-03T12:00Z', migration: 'm2', purpose: 'guard' },
    { name: '2', at: '2026-11-02T12:00Z', migration: 'm1' },
    { name: '1', at: '2026-11-01T12:00Z' },
    { name: '0', at: '2026-10-31T12:00Z' },
  ])

  test('the newest one that has the older migrations', () => {
    expect(outcome(migrated, { keepLast: 1 })).toEqual({
      '5': ['last 1'],
      '4': ['beforeMigration'],
      '3': [],
      '2': ['beforeMigration'],
      '1': ['beforeMigration'],
      '0': [],
    })
    const [, four] = planPrune(migrated, { keepLast: 1 }, NOW).decisions
    expect(four?.reasons).toMatchObject([{ migrations: [{ heads: ['m3'] }] }])
  })

  test('unless another of them stays anyway', () => {
    const refs = [
      ...migrated.refs,
      { name: 'refs/tags/v1', id: idOf('3'), message: '' },
      { name: `refs/snap/pins/${idOf('0')}`, id: idOf('0'), message: 'snap run' },
    ]
    expect(keptNames({ ...migrated, refs }, { keepLast: 1 })).toEqual(['5', '3', '2', '0'])
  })

  test('also when the rules are applied again after the rest has gone', () => {
    const kept = new Set(keptNames(migrated, { keepLast: 1 }))
    const left = migrated.entries.filter(({ commit }) => kept.has(commit.message))
    const entries = left.map((entry, i) => ({
      ...entry,
      ancestorIds: left.slice(i + 1, i + 2).map(({ id }) => id),
    }))
    expect(keptNames({ ...migrated, entries }, { keepLast: 1 })).toEqual([...kept])
  })
})
