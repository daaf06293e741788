import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ObjectId } from '../../src/format/values.ts'
import { markCommits } from '../../src/history/mark-reachable.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../src/maintenance/gc.ts'
import { nameCommit } from '../../src/maintenance/name-commit.ts'
import { pinCommit } from '../../src/maintenance/pins.ts'
import { type RetentionPolicy, removalsOf } from '../../src/maintenance/plan-prune.ts'
import { applyPrune, previewPrune } from '../../src/maintenance/prune.ts'
import { ObjectDatabase } from '../../src/objects/object-database.ts'
import { openStore, type Store } from '../../src/store.ts'
import { agedStore, readWholeCommit, storedIds, type TestClock } from '../support/aged-store.ts'
import { ada, keysOf, writeCommit } from '../support/store.ts'

/** One step of a made-up life of a store. Numbers choose among what there is, so that every list is valid. */
const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      branch: fc.nat(2),
      /** Rows are drawn from few texts, so that commits share chunks, of pruned ones too. */
      rows: fc.array(fc.nat(9), { maxLength: 4 }),
      parents: fc.array(fc.nat(), { maxLength: 1 }),
      minutes: fc.nat(3000),
      /** How far the clock of whoever commits is off. */
      skewMinutes: fc.integer({ min: -60, max: 60 }),
      migration: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('killed' as const), rows: fc.array(fc.nat(9)) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tag' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pin' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('deleteBranch' as const), branch: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'prune' as const }) },
)
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never

const anyLife = fc.array(anyStep, { maxLength: 40, size: 'large' })

const few = fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined })
const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
  keepLast: fc.integer({ min: 1, max: 3 }),
  keepHourly: few,
  keepDaily: few,
  keepWeekly: few,
  keepMonthly: few,
  keepWithinMs: fc.option(fc.integer({ min: 1, max: 3_000 * 60_000 }), { nil: undefined }),
  keepTags: fc.option(fc.constantFrom(['t1*'], ['none']), { nil: undefined }),
  keepSafetyMs: fc.integer({ min: 0, max: 3_000 * 60_000 }),
})

/** Everything is as old as needed to go, and any dead byte is reason to write a pack again. */
const EAGER = { graceMs: 0, minDeadShare: 0, packTargetBytes: 400 }

async function live(steps: readonly Step[], policy: RetentionPolicy) {
  const { store, clock } = await agedStore()
  const known: ObjectId[] = []
  for (const [i, step] of steps.entries()) {
    clock.advanceHours(step.kind === 'commit' ? step.minutes / 60 : 0.1)
    await take(store, clock, { step, i, known, policy })
  }
  return { store, clock }
}

async function take(
  store: Store,
  clock: TestClock,
  { step, i, known, policy }: { step: Step; i: number; known: ObjectId[]; policy: RetentionPolicy },
): Promise<void> {
  const at = clock.now()
  const by = { author: ada, at }
  const pick = (n: number) => known[n % Math.max(1, known.length)]
  switch (step.kind) {
    case 'commit': {
      const name = `refs/heads/${['main', 'b1', 'b2'][step.branch]}`
      const tip = await store.refs.find(name)
      const others = step.parents.map(pick)
      const wanted = [tip, ...others].filter((id) => id !== undefined)
      const parentIds = [...new Set(wanted)]
      const migrations = [{ tool: 'alembic', table: 't', heads: [`m${step.migration}`] }]
      const tables = { users: [...new Set(step.rows)].map((n) => `row ${n}\n`) }
      const createdAt = new Date(at.getTime() + step.skewMinutes * 60_000)
      const made = { parentIds, createdAt, message: `${i}`, migrations }
      const id = await writeCommit(store, tables, made)
      const reason = { kind: 'commit', message: '' } as const
      await store.refs.move({ name, expected: tip ?? null, next: id, reason, ...by })
      known.push(id)
      return
    }
    case 'killed':
      await writeCommit(store, { lost: step.rows.map((n) => `row ${n}\n`) }, { message: `${i}` })
      return
    case 'tag':
    case 'pin': {
      const commitId = pick(step.pick)
      if (commitId === undefined || (await store.pruned.find(commitId)) !== undefined) return
      if (step.kind === 'pin') await pinCommit(store, { commitId, message: '', ...by })
      else {
        const reason = { kind: 'tag', message: '' } as const
        await nameCommit(store, { name: `refs/tags/t${i}`, commitId, reason, ...by })
      }
      return
    }
    case 'deleteBranch': {
      if (step.branch === 0) return
      const name = `refs/heads/b${step.branch}`
      const expected = await store.refs.find(name)
      const reason = { kind: 'delete', message: '' } as const
      if (expected !== undefined) await store.refs.remove({ name, expected, reason, ...by })
      return
    }
    case 'prune':
      await prune(store, clock, policy)
  }
}

/** Over all runs: a property of nothing would hold always. */
let removedCount = 0

async function prune(store: Store, clock: TestClock, policy: RetentionPolicy) {
  const options = { ...EAGER, now: clock.now, author: ada }
  const preview = await previewPrune(store, policy, options)
  const result = await applyPrune(store, preview.plan, options)
  removedCount += result.removedCommitIds.length
  return { preview, result }
}

/** What commits lead to, found by a walk of its own. */
async function reachableFrom(store: Store, commitIds: readonly ObjectId[]): Promise<Set<ObjectId>> {
  const objects = ObjectDatabase.open(store.backend)
  const marks = await objects.newMarks()
  await markCommits(objects, marks, commitIds)
  const ids = new Set<ObjectId>()
  for (const { packKey } of marks.packs()) {
    for (const { id, mark } of marks.entriesOf(packKey)) if (mark !== 'none') ids.add(id)
  }
  return ids
}

test('whatever was done before, prune and gc leave exactly what the kept commits need, and a second run changes nothing', async () => {
  removedCount = 0
  await fc.assert(
    fc.asyncProperty(anyLife, anyPolicy, async (steps, policy) => {
      const { store, clock } = await live(steps, policy)
      const { preview, result } = await prune(store, clock, policy)
      expect(result.removedCommitIds).toEqual(removalsOf(preview.plan).map(({ id }) => id))
      const { decisions } = preview.plan
      const kept = decisions.filter(({ reasons }) => reasons.length > 0).map(({ id }) => id)

      const fresh = await openStore(store.backend)
      for (const id of kept) await readWholeCommit(fresh.objects, id)
      expect(new Set(await storedIds(fresh))).toEqual(await reachableFrom(fresh, kept))
      const { findings, totals } = await fsck(store.backend)
      expect(findings).toEqual([])
      expect(totals.commitCount).toBe(kept.length)

      const before = await keysOf(store.backend)
      const again = await prune(store, clock, policy)
      expect(again.result).toMatchObject({ removedCommitIds: [], removedRefs: [] })
      expect(again.result.gc).toMatchObject({ removedPackCount: 0, newPackCount: 0 })
      expect(await keysOf(store.backend)).toEqual(before)
    }),
    { numRuns: 60 },
  )
  expect(removedCount).toBeGreaterThan(20)
})

test('with the thresholds that people use, gc keeps what is needed and its second run finds nothing to do', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyLife,
      fc.record({
        graceMs: fc.integer({ min: 0, max: 100 * 3_600_000 }),
        minDeadShare: fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        packTargetBytes: fc.integer({ min: 100, max: 3000 }),
      }),
      async (steps, options) => {
        const { store } = await live(
          steps.filter(({ kind }) => kind !== 'prune'),
          {},
        )
        const { totals } = await fsck(store.backend)
        await collectGarbage(store, options)
        const { findings, totals: totalsAfter } = await fsck(store.backend)
        expect(findings).toEqual([])
        expect(totalsAfter.commitCount).toBe(totals.commitCount)
        const before = await keysOf(store.backend)
        expect(await collectGarbage(store, options)).toMatchObject({
          removedPackCount: 0,
          newPackCount: 0,
        })
        expect(await keysOf(store.backend)).toEqual(before)
      },
    ),
    { numRuns: 40 },
  )
})
