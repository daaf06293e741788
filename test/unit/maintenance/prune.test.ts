import { describe, expect, test } from 'vitest'
import { MAX_PRUNED_COMMITS } from '../../../src/format/limits.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { ObjectId } from '../../../src/format/values.ts'
import { resolveRevision } from '../../../src/history/revisions.ts'
import { walkCommits } from '../../../src/history/walk-commits.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../../src/maintenance/gc.ts'
import { nameCommit } from '../../../src/maintenance/name-commit.ts'
import { listPins, pinCommit, unpinCommit } from '../../../src/maintenance/pins.ts'
import { type RetentionPolicy, removalsOf } from '../../../src/maintenance/plan-prune.ts'
import { applyPrune, previewPrune } from '../../../src/maintenance/prune.ts'
import { lockStore } from '../../../src/maintenance/store-lock.ts'
import { moveHead, readHead } from '../../../src/refs/head.ts'
import { SAFETY_REF } from '../../../src/refs/ref-name.ts'
import { openStore, type Store } from '../../../src/store.ts'
import { agedStore, readWholeCommit, type TestClock } from '../../support/aged-store.ts'
import { ada, commitToMain, damage, keysOf, writeCommit } from '../../support/store.ts'

const findings = async (store: Store) => (await fsck(store.backend)).findings

/** A store whose `main` has commits a to e, an hour apart, oldest first; three hours have gone by. */
async function fiveCommits(): Promise<{
  store: Store
  clock: TestClock
  ids: Record<'a' | 'b' | 'c' | 'd' | 'e', ObjectId>
}> {
  const { store, clock } = await agedStore()
  const ids = {} as Record<string, ObjectId>
  for (const name of 'abcde') {
    clock.advanceHours(1)
    ids[name] = await commitToMain(
      store,
      { users: ['in all\n', `only in ${name}\n`] },
      { message: name, createdAt: clock.now() },
    )
  }
  clock.advanceHours(3)
  return { store, clock, ids: ids as never }
}

async function prune(store: Store, clock: TestClock, policy: RetentionPolicy) {
  const options = { now: clock.now, author: ada }
  const { plan } = await previewPrune(store, policy, options)
  return applyPrune(store, plan, options)
}

async function tag(store: Store, name: string, commitId: ObjectId, at: Date): Promise<void> {
  const reason = { kind: 'tag', message: '' } as const
  await nameCommit(store, { name: `refs/tags/${name}`, commitId, reason, author: ada, at })
}

test('of commits of one moment the newest is the last that was made, and so it is that stays', async () => {
  const { store, clock } = await agedStore()
  const ids: ObjectId[] = []
  for (const message of ['a', 'b', 'c', 'd']) {
    ids.push(await commitToMain(store, { users: [message] }, { message, createdAt: clock.now() }))
  }
  const { plan } = await previewPrune(store, { keepLast: 2 }, { now: clock.now })
  expect(plan.decisions.map(({ id, reasons }) => [id, reasons.length > 0])).toEqual([
    [ids[3], true],
    [ids[2], true],
    [ids[1], false],
    [ids[0], false],
  ])
})

describe('commits removed from the middle of a history', () => {
  test('are gone with what only they hold; all others are whole, and fsck finds nothing', async () => {
    const { store, clock, ids } = await fiveCommits()
    await tag(store, 'v1', ids.a, clock.now())

    const result = await prune(store, clock, { keepLast: 1 })
    expect(result).toMatchObject({ removedCommitIds: [ids.d, ids.c, ids.b], removedRefs: [] })
    expect(result.gc.reclaimedSizeBytes).toBeGreaterThan(0)
    for (const name of ['b', 'c', 'd'] as const) {
      expect(await store.objects.has(ids[name])).toBe(false)
      expect(await store.objects.has(chunkOf(`only in ${name}\n`))).toBe(false)
    }
    for (const id of [ids.a, ids.e]) await readWholeCommit(store.objects, id)
    const { findings, totals } = await fsck(store.backend)
    expect(findings).toEqual([])
    expect(totals).toMatchObject({ commitCount: 2, prunedCommitCount: 3 })
  })

  test('are passed by a walk, which says how many there were', async () => {
    const { store, clock, ids } = await fiveCommits()
    await tag(store, 'v1', ids.a, clock.now())
    await prune(store, clock, { keepLast: 1 })

    const walked = []
    for await (const step of walkCommits(await openStore(store.backend), [ids.e])) {
      walked.push([step.commit.message, step.prunedCount, step.ancestorIds])
    }
    expect(walked).toEqual([
      ['e', 3, [ids.a]],
      ['a', 0, []],
    ])
  })

  test('keep their places: what a revision names does not change, and it may be gone', async () => {
    const { store, clock, ids } = await fiveCommits()
    await tag(store, 'v1', ids.a, clock.now())
    await prune(store, clock, { keepLast: 1 })

    expect(await resolveRevision(store, 'HEAD')).toBe(ids.e)
    expect(await resolveRevision(store, 'HEAD~4')).toBe(ids.a)
    expect(await resolveRevision(store, 'main@{4}')).toBe(ids.a)
    for (const revision of [
      'HEAD~1',
      'HEAD~3',
      'HEAD^',
      'HEAD~2^0',
      'main@{1}',
      'HEAD~1^{tree}',
      ids.c,
      ids.c.slice(0, 8),
    ]) {
      await expect(resolveRevision(store, revision)).rejects.toMatchObject({
        code: 'COMMIT_PRUNED',
        hint: expect.stringContaining('snap log'),
      })
    }
    await expect(resolveRevision(store, 'HEAD~5')).rejects.toMatchObject({
      code: 'REVISION_UNKNOWN',
    })
  })

  test('can be all but the newest: the history then begins there', async () => {
    const { store, clock, ids } = await fiveCommits()
    await prune(store, clock, { keepLast: 1 })

    const walked = []
    for await (const { id, prunedCount } of walkCommits(store, [ids.e]))
      walked.push([id, prunedCount])
    expect(walked).toEqual([[ids.e, 4]])
    expect(await findings(store)).toEqual([])
    const next = await commitToMain(store, { users: ['in all\n', 'only in c\n'] })
    await readWholeCommit(store.objects, next)
    expect(await resolveRevision(store, 'HEAD~1')).toBe(ids.e)
  })

  test('are removed at once, though their packs are too young to go', async () => {
    const { store, ids, clock } = await fiveCommits()
    clock.advanceHours(-3)
    await prune(store, clock, { keepLast: 1 })

    expect(await store.objects.has(ids.d)).toBe(true)
    await expect(resolveRevision(store, ids.d)).rejects.toMatchObject({ code: 'COMMIT_PRUNED' })
    expect(await findings(store)).toEqual([])
    clock.advanceHours(3)
    await collectGarbage(store)
    expect(await store.objects.has(ids.d)).toBe(false)
    expect(await findings(store)).toEqual([])
  })
})

test('what a ref is at stays whole, though it was pruned: the ref was made by who did not look', async () => {
  const { store, clock, ids } = await fiveCommits()
  const options = { now: clock.now, author: ada, graceMs: 1000 * 3_600_000 }
  const { plan } = await previewPrune(store, { keepLast: 1 }, options)
  await applyPrune(store, plan, options)
  const reason = { kind: 'tag', message: '' } as const
  const move = { name: 'refs/tags/late', expected: null, next: ids.b, reason, author: ada }
  await store.refs.move({ ...move, at: clock.now() })
  await collectGarbage(store)

  await readWholeCommit(store.objects, ids.b)
  expect(await store.objects.has(ids.c)).toBe(false)
  expect(await findings(store)).toEqual([])
})

describe('fsck of a pruned store', () => {
  test('finds what a kept commit misses, and names that commit', async () => {
    const { store, clock, ids } = await fiveCommits()
    await pinCommit(store, { commitId: ids.b, message: 'why', author: ada, at: clock.now() })
    await prune(store, clock, { keepLast: 1 })
    const { packKey } = (await store.objects.findEntry(chunkOf('only in b\n')))!
    await store.backend.remove(packKey)

    expect(await findings(store)).toContainEqual(
      expect.objectContaining({
        code: 'OBJECT_MISSING',
        objectId: chunkOf('only in b\n'),
        affects: expect.arrayContaining([ids.b]),
      }),
    )
  })

  test('finds a ref at a commit that was pruned and is gone', async () => {
    const { store, clock, ids } = await fiveCommits()
    await prune(store, clock, { keepLast: 1 })
    const reason = { kind: 'tag', message: '' } as const
    const move = { name: 'refs/tags/late', expected: null, next: ids.b, reason, author: ada }
    await store.refs.move({ ...move, at: clock.now() })

    expect(await findings(store)).toMatchObject([{ code: 'OBJECT_MISSING', objectId: ids.b }])
  })

  test('finds a damaged record of pruned commits, and a lost one by what is missing then', async () => {
    const { store, clock } = await fiveCommits()
    await prune(store, clock, { keepLast: 1 })
    await damage(store.backend, 'pruned/0000000001', (bytes) => bytes.subarray(1))
    expect(await findings(store)).toContainEqual(
      expect.objectContaining({ code: 'PRUNED_CORRUPT', key: 'pruned/0000000001' }),
    )
    const fresh = await openStore(store.backend)
    await expect(collectGarbage(fresh)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })

    await store.backend.remove('pruned/0000000001')
    expect(await findings(store)).toContainEqual(
      expect.objectContaining({ code: 'OBJECT_MISSING', severity: 'must' }),
    )
  })
})

describe('what happened since the plan was shown', () => {
  test('a commit that was pinned or tagged meanwhile stays', async () => {
    const { store, clock, ids } = await fiveCommits()
    const options = { now: clock.now, author: ada }
    const { plan } = await previewPrune(store, { keepLast: 1 }, options)
    expect(removalsOf(plan)).toHaveLength(4)
    await pinCommit(store, { commitId: ids.b, message: 'needed', author: ada, at: clock.now() })
    await tag(store, 'v3', ids.c, clock.now())

    expect((await applyPrune(store, plan, options)).removedCommitIds).toEqual([ids.d, ids.a])
    for (const id of [ids.b, ids.c, ids.e]) await readWholeCommit(store.objects, id)
  })

  test('a commit that was not to go does not go, though a newer one has come', async () => {
    const { store, clock, ids } = await fiveCommits()
    const options = { now: clock.now, author: ada }
    const { plan } = await previewPrune(store, { keepLast: 2 }, options)
    await commitToMain(store, { users: ['newer\n'] }, { createdAt: clock.now() })

    expect((await applyPrune(store, plan, options)).removedCommitIds).toEqual([ids.c, ids.b, ids.a])
    await readWholeCommit(store.objects, ids.d)
  })

  test('while a commit is in flight it is refused, and nothing changes', async () => {
    const { store, clock } = await fiveCommits()
    const options = { now: clock.now, author: ada }
    const { plan } = await previewPrune(store, { keepLast: 1 }, options)
    const lock = await lockStore(store.backend, { operation: 'commit', mode: 'shared' })
    const before = await keysOf(store.backend)

    await expect(applyPrune(store, plan, options)).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect(await keysOf(store.backend)).toEqual(before)
    await lock.release()
  })
})

describe('pins', () => {
  test('are listed with the reason, made once, and taken away', async () => {
    const { store, clock, ids } = await fiveCommits()
    const pin = { commitId: ids.b, author: ada, at: clock.now() }
    expect(await pinCommit(store, { ...pin, message: 'first' })).toBe(true)
    expect(await pinCommit(store, { ...pin, message: 'second' })).toBe(false)

    const pins = []
    for await (const entry of listPins(store)) pins.push(entry)
    expect(pins).toEqual([
      { commitId: ids.b, message: 'first', author: ada, pinnedAt: clock.now().toISOString() },
    ])
    await unpinCommit(store, pin)
    await expect(unpinCommit(store, pin)).rejects.toMatchObject({ code: 'REF_MISSING' })
    expect(await pinCommit(store, { ...pin, message: 'again' })).toBe(true)
    await unpinCommit(store, pin)
    expect((await prune(store, clock, { keepLast: 1 })).removedCommitIds).toContain(ids.b)
  })

  test('a commit that was pruned cannot be pinned', async () => {
    const { store, clock, ids } = await fiveCommits()
    await prune(store, clock, { keepLast: 1 })
    const pin = { commitId: ids.b, message: '', author: ada, at: clock.now() }
    await expect(pinCommit(store, pin)).rejects.toMatchObject({ code: 'COMMIT_PRUNED' })
  })
})

describe('safety commits', () => {
  /** `main` at a commit, and a checkout that kept the state before it `hoursAgo`. */
  async function checkedOut(hoursAgo: number[]) {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: ['1\n'] }, { createdAt: clock.now() })
    const start = await readHead(store.refs)
    const safetyIds: ObjectId[] = []
    let elapsed = 0
    const oldest = Math.max(...hoursAgo)
    for (const hours of hoursAgo.toSorted((a, b) => b - a)) {
      clock.advanceHours(oldest - hours - elapsed)
      elapsed = oldest - hours
      const at = clock.now()
      const safetyCommitId = await writeCommit(
        store,
        { users: [`before ${hours}\n`] },
        { parentIds: [start.id!], createdAt: at, purpose: 'safety' },
      )
      safetyIds.push(safetyCommitId)
      await store.refs.move({
        name: SAFETY_REF,
        expected: (await store.refs.find(SAFETY_REF)) ?? null,
        next: safetyCommitId,
        reason: { kind: 'safety', message: '' },
        author: ada,
        at,
      })
      const previousHead = await readHead(store.refs)
      const restoredCommitId = start.id!
      await moveHead(store.refs, {
        expected: previousHead,
        next: start,
        reason: { kind: 'checkout', message: '', previousHead, safetyCommitId, restoredCommitId },
        author: ada,
        at,
      })
    }
    clock.advanceHours(Math.min(...hoursAgo))
    return { store, clock, safetyIds }
  }

  test('stay for two weeks; the last one stays as long as it can be undone to', async () => {
    const { store, clock, safetyIds } = await checkedOut([24 * 40, 24 * 10, 24 * 50, 24 * 20])
    // 50 and 40 days: gone. 20 days: named by the record of the next move, 10 days ago.
    const { removedCommitIds } = await prune(store, clock, { keepLast: 1 })
    expect(new Set(removedCommitIds)).toEqual(new Set(safetyIds.slice(0, 2)))
    clock.advanceHours(24 * 100)
    expect((await prune(store, clock, { keepLast: 1 })).removedCommitIds).toEqual([safetyIds[2]])
    await readWholeCommit(store.objects, safetyIds[3]!)
    expect(await store.refs.find(SAFETY_REF)).toBe(safetyIds[3])
    expect(await findings(store)).toEqual([])
  })
})

test('a tag that is not to keep its commit goes with it, and can be made again', async () => {
  const { store, clock, ids } = await fiveCommits()
  await tag(store, 'try', ids.b, clock.now())
  await tag(store, 'v1', ids.c, clock.now())

  const { removedRefs } = await prune(store, clock, { keepLast: 1, keepTags: ['v*'] })
  expect(removedRefs).toEqual(['refs/tags/try'])
  expect(await store.refs.find('refs/tags/try')).toBe(undefined)
  await readWholeCommit(store.objects, ids.c)
  await tag(store, 'try', ids.e, clock.now())
  expect(await findings(store)).toEqual([])
})

test('a branch that was deleted keeps its commits for two weeks', async () => {
  const { store, clock, ids } = await fiveCommits()
  const branch = await writeCommit(
    store,
    { users: ['on the branch\n'] },
    { parentIds: [ids.e], createdAt: clock.now() },
  )
  const name = 'refs/heads/topic'
  const made = { name, reason: { kind: 'branch', message: '' }, author: ada } as const
  await nameCommit(store, { ...made, commitId: branch, at: clock.now() })
  clock.advanceHours(24 * 30)
  const at = clock.now()
  await store.refs.remove({
    ...made,
    expected: branch,
    reason: { kind: 'delete', message: '' },
    at,
  })

  await prune(store, clock, { keepLast: 9 })
  await readWholeCommit(store.objects, branch)
  clock.advanceHours(24 * 15)
  expect((await prune(store, clock, { keepLast: 9 })).removedCommitIds).toEqual([branch])
})

test('pruning a little every day keeps one record, until it is full', async () => {
  const { store, clock } = await fiveCommits()
  for (let day = 0; day < 5; day++) {
    clock.advanceHours(24)
    await commitToMain(store, { users: [`${day}\n`] }, { createdAt: clock.now() })
    await prune(store, clock, { keepLast: 2 })
  }
  expect(await keysOf(store.backend, 'pruned/')).toEqual(['pruned/0000000005'])
  expect((await fsck(store.backend)).totals).toMatchObject({ commitCount: 2, prunedCommitCount: 8 })

  const many = Array.from({ length: MAX_PRUNED_COMMITS + 1 }, (_, i) => ({
    id: chunkOf(`commit ${i}`),
    parentIds: [],
    prunedAt: clock.now().toISOString(),
  }))
  await store.pruned.add(many)
  expect(await keysOf(store.backend, 'pruned/')).toEqual([
    'pruned/0000000005',
    'pruned/0000000006',
    'pruned/0000000007',
  ])
  const reread = await openStore(store.backend)
  for (const { id } of many) expect(await reread.pruned.find(id)).toMatchObject({ id })
})

test('a reader takes in what was pruned since it looked, also from a record taken over meanwhile', async () => {
  const { store, clock, ids } = await fiveCommits()
  const reader = await openStore(store.backend)
  expect(await resolveRevision(reader, 'HEAD~4')).toBe(ids.a)
  await prune(store, clock, { keepLast: 3 })
  await expect(resolveRevision(reader, 'HEAD~4')).rejects.toMatchObject({ code: 'COMMIT_PRUNED' })
  await prune(store, clock, { keepLast: 1 })
  await expect(resolveRevision(reader, 'HEAD~1')).rejects.toMatchObject({ code: 'COMMIT_PRUNED' })
  await expect(resolveRevision(reader, 'HEAD~4')).rejects.toMatchObject({ code: 'COMMIT_PRUNED' })
})

function chunkOf(text: string): ObjectId {
  return objectIdOf(Buffer.from(text))
}
