import { expect, test } from 'vitest'
import type { Backend } from '../../src/backend/backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../src/maintenance/gc.ts'
import { nameCommit } from '../../src/maintenance/name-commit.ts'
import { pinCommit } from '../../src/maintenance/pins.ts'
import { applyPrune, previewPrune } from '../../src/maintenance/prune.ts'
import { readHead } from '../../src/refs/head.ts'
import { openStore, type Store } from '../../src/store.ts'
import { agedStore, readWholeCommit, TestClock } from '../support/aged-store.ts'
import { faultSweep } from '../support/faulty-backend.ts'
import { OrderedBackend } from '../support/ordered-backend.ts'
import { ada, commitToMain, keysOf, writeCommit } from '../support/store.ts'

/*
 * Whatever call to the backend fails, once or from then on, which is what a kill leaves too: the
 * store opens, fsck finds nothing, every kept commit is there to the last chunk, and doing it again
 * ends as if nothing had failed.
 */
const OPTIONS = { author: ada, graceMs: 0, packTargetBytes: 300 }
const POLICY = { keepLast: 1, keepTags: ['v*'] }

const text = (name: string, i: number) => `${name} ${i} ${'x'.repeat((i * 7) % 40)}\n`

/** Seven commits on `main`, a pin, tags that stay and go, what a killed commit left, packs of all fates. */
async function sample(): Promise<{ store: Store; kept: ObjectId[] }> {
  const { store, clock } = await agedStore()
  const ids: ObjectId[] = []
  for (let i = 0; i < 7; i++) {
    clock.advanceHours(1)
    const rows = [text('all', 0), text('pair', i >> 1), text('own', i), text('own too', i)]
    ids.push(await commitToMain(store, { users: rows }, { createdAt: clock.now() }))
  }
  await writeCommit(store, { users: [text('own', 3), text('lost', 1)] }, { message: 'killed' })
  const by = { author: ada, at: clock.now() }
  await pinCommit(store, { commitId: ids[1]!, message: 'why', ...by })
  const reason = { kind: 'tag', message: '' } as const
  await nameCommit(store, { name: 'refs/tags/v1', commitId: ids[3]!, reason, ...by })
  await nameCommit(store, { name: 'refs/tags/try', commitId: ids[4]!, reason, ...by })
  return { store, kept: [ids[1]!, ids[3]!, ids[6]!] }
}

/** A copy whose keys are all some hours old. */
async function agedCopy(backend: Backend): Promise<Backend> {
  const clock = new TestClock()
  const copy = new MemoryBackend({ now: clock.now })
  for (const key of await keysOf(backend)) await copy.create(key, [await backend.read(key)])
  clock.advanceHours(5)
  return copy
}

async function assertWhole(backend: Backend, kept: readonly ObjectId[]): Promise<void> {
  expect((await fsck(backend)).findings).toEqual([])
  const store = await openStore(backend)
  expect((await readHead(store.refs)).id).toBe(kept.at(-1))
  for (const id of kept) await readWholeCommit(store.objects, id)
}

async function prune(backend: Backend): Promise<void> {
  const store = await openStore(backend)
  const { plan } = await previewPrune(store, POLICY, OPTIONS)
  await applyPrune(store, plan, OPTIONS)
}

/** What a failed run leaves of locks is that of a living process: this one. */
async function withoutLocks(backend: Backend): Promise<Backend> {
  for (const key of await keysOf(backend, 'locks/')) await backend.remove(key)
  return backend
}

/** Everything but the names of packs, which are drawn anew each time. */
async function contentOf(backend: Backend) {
  const store = await openStore(backend)
  const keys = (await keysOf(backend)).filter((key) => !key.startsWith('packs/'))
  return { ids: await store.objects.idsWithPrefix(''), keys }
}

test('a prune that meets a fault at any call loses nothing that is kept, and can be repeated', async () => {
  const { store, kept } = await sample()
  const undisturbed = await agedCopy(store.backend)
  await prune(undisturbed)
  await assertWhole(undisturbed, kept)
  const expected = await contentOf(undisturbed)
  const before = await contentOf(store.backend)
  expect(expected.ids.length).toBeLessThan(before.ids.length)

  let cutShort = 0
  const { runCount } = await faultSweep({
    prepare: () => agedCopy(store.backend),
    operate: prune,
    check: async (backend) => {
      await assertWhole(backend, kept)
      const { ids } = await contentOf(backend)
      if (ids.length !== expected.ids.length && ids.length !== before.ids.length) cutShort++
      await prune(await withoutLocks(backend))
      await assertWhole(backend, kept)
      expect((await contentOf(backend)).ids).toEqual(expected.ids)
    },
  })
  expect(runCount).toBeGreaterThan(200)
  expect(cutShort).toBeGreaterThan(5)
})

test('a collection that meets a fault at any call loses nothing, and can be repeated', async () => {
  const { store } = await sample()
  const { kept } = await prunedButNotCollected(store)
  const undisturbed = await agedCopy(store.backend)
  const collect = async (backend: Backend) => {
    await collectGarbage(await openStore(backend), OPTIONS)
  }
  await collect(undisturbed)
  const expected = await contentOf(undisturbed)

  await faultSweep({
    prepare: () => agedCopy(store.backend),
    operate: collect,
    check: async (backend) => {
      await assertWhole(backend, kept)
      await collect(await withoutLocks(backend))
      await assertWhole(backend, kept)
      expect((await contentOf(backend)).ids).toEqual(expected.ids)
    },
  })
})

test('new packs are durable before the packs they replace go', async () => {
  const { store, kept } = await sample()
  await prunedButNotCollected(store)
  const behind = await agedCopy(store.backend)
  const backend = new OrderedBackend(behind)
  const isWholeAtRemoval: boolean[] = []
  backend.onRemove = async (key) => {
    if (!key.startsWith('packs/')) return
    const { findings } = await fsck(behind)
    isWholeAtRemoval.push(findings.length === 0)
  }
  const { newPackCount, removedPackCount } = await collectGarbage(await openStore(backend), OPTIONS)

  expect(newPackCount).toBeGreaterThan(1)
  expect(isWholeAtRemoval).toEqual(Array(removedPackCount).fill(true))
  await assertWhole(behind, kept)
})

/** Prunes with a grace period in which every pack lies, so that all objects are still there. */
async function prunedButNotCollected(store: Store): Promise<{ kept: ObjectId[] }> {
  const options = { ...OPTIONS, graceMs: 1000 * 3_600_000 }
  const { plan } = await previewPrune(store, POLICY, options)
  const { gc } = await applyPrune(store, plan, options)
  expect(gc).toMatchObject({ removedPackCount: 0, newPackCount: 0 })
  const kept = plan.decisions.filter(({ reasons }) => reasons.length > 0).map(({ id }) => id)
  return { kept: kept.toReversed() }
}
