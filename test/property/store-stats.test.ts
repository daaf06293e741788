/**
 * Sizes of commits, on random histories: each is compared with what marking says,
 * which finds what is reachable by a walk of its own.
 */
import { deepEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ObjectId } from '../../src/format/values.ts'
import { markCommits } from '../../src/history/mark-reachable.ts'
import { previewPrune } from '../../src/maintenance/prune.ts'
import { readStoreStats } from '../../src/maintenance/store-stats.ts'
import type { Store } from '../../src/store.ts'
import { agedStore } from '../support/aged-store.ts'
import { ada, commitToMain, writeCommit } from '../support/store.ts'

/** Rows are drawn from few texts: commits share chunks with neighbours, with others, and in themselves. */
const anyTable = fc.array(fc.nat(6), { maxLength: 4 })
const anyHistory = fc.array(
  fc.record({
    users: anyTable,
    orders: anyTable,
    isOnBranch: fc.boolean(),
    hours: fc.integer({ min: 0, max: 40 }),
    source: fc.option(fc.nat(2), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 6 },
)
type History = typeof anyHistory extends fc.Arbitrary<infer T> ? T : never

async function live(history: History) {
  const { store, clock } = await agedStore()
  const ids: ObjectId[] = []
  for (const [i, { users, orders, isOnBranch, hours, source }] of history.entries()) {
    clock.advanceHours(hours)
    const rows = (numbers: readonly number[]) => numbers.map((n) => `row ${n}\n`)
    const tables = { users: rows(users), orders: rows(orders) }
    const made = {
      message: `${i}`,
      createdAt: clock.now(),
      ...(source === undefined ? {} : { sources: { redis: `dump ${source}` } }),
    }
    if (isOnBranch) {
      const id = await writeCommit(store, tables, made)
      const reason = { kind: 'tag', message: '' } as const
      const name = `refs/tags/t${i}`
      await store.refs.move({
        name,
        expected: null,
        next: id,
        reason,
        author: ada,
        at: clock.now(),
      })
      ids.push(id)
    } else ids.push(await commitToMain(store, tables, made))
  }
  await writeCommit(store, { lost: ['of nobody\n'] }, { message: 'killed' })
  return { store, clock, ids }
}

/** Stored bytes that some commits lead to, and those that they do not, spare copies aside. */
async function reachedBy(store: Store, ids: readonly ObjectId[]) {
  const marks = await store.objects.newMarks()
  await markCommits(store.objects, marks, ids)
  marks.chooseCopies((a, b) => (a.packKey < b.packKey ? -1 : 1))
  const sizes = marks.packs().map(({ packKey }) => marks.countEntries(packKey).sizeBytes)
  const sum = (mark: 'marked' | 'none') => sizes.reduce((total, each) => total + each[mark], 0)
  return { marked: sum('marked'), none: sum('none') }
}

test('the parts of a store add up to it, and each commit has what a walk finds', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const { store, ids } = await live(history)
      const stats = await readStoreStats(store)

      equal(
        stats.uniqueSizeBytes +
          stats.sharedSizeBytes +
          stats.unneededSizeBytes +
          stats.overheadSizeBytes,
        stats.sizeBytes,
      )
      const all = await reachedBy(store, ids)
      equal(stats.uniqueSizeBytes + stats.sharedSizeBytes, all.marked)
      equal(stats.unneededSizeBytes >= all.none, true)
      expect(stats.overheadSizeBytes).toBeGreaterThan(0)
      equal(
        stats.commits.reduce((sum, commit) => sum + commit.newSizeBytes, 0),
        all.marked,
      )
      deepEqual(new Set(stats.commits.map(({ id }) => id)), new Set(ids))
      for (const commit of stats.commits) {
        const alone = await reachedBy(store, [commit.id])
        equal(commit.uniqueSizeBytes + commit.sharedSizeBytes, alone.marked)
        const others = await reachedBy(
          store,
          ids.filter((id) => id !== commit.id),
        )
        equal(commit.uniqueSizeBytes, all.marked - others.marked)
      }
    }),
    { numRuns: 15 },
  )
})

test('what prune gives back for a commit is what the commit has alone', async () => {
  let prunedCount = 0
  await fc.assert(
    fc.asyncProperty(anyHistory, async (history) => {
      const onMain = history.map((step) => ({ ...step, isOnBranch: false, hours: step.hours + 1 }))
      const { store, clock } = await live(onMain)
      const options = { graceMs: 0, minDeadShare: 0, now: clock.now }
      const preview = async (keepLast: number) => {
        const { plan, gc } = await previewPrune(store, { keepLast, keepSafetyMs: 0 }, options)
        const removed = plan.decisions.filter(({ reasons }) => reasons.length === 0)
        const dead = gc.packs.reduce((sum, pack) => sum + pack.deadSizeBytes, 0)
        return { removed, dead }
      }
      const { commits } = await readStoreStats(store)
      const nothing = await preview(onMain.length)
      const one = await preview(Math.max(1, onMain.length - 1))
      if (one.removed.length !== 1) return
      prunedCount++
      const commit = commits.find(({ id }) => id === one.removed[0]!.id)!
      equal(one.dead - nothing.dead, commit.uniqueSizeBytes)
    }),
    { numRuns: 15 },
  )
  expect(prunedCount).toBeGreaterThan(5)
})
