import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { lockStore } from '../../src/maintenance/store-lock.ts'
import { moveHead, readHead } from '../../src/refs/head.ts'
import { initStore, openStore } from '../../src/store.ts'
import { sweepCommit } from '../support/commit-fault-sweep.ts'
import { FaultyBackend, faultSweep } from '../support/faulty-backend.ts'
import { ada, commitToMain, copyOf, keysOf, memoryStore, noon } from '../support/store.ts'

/*
 * Whatever call to the backend fails, once or from then on, the store opens,
 * fsck finds nothing wrong, and every ref is at its old value or its new one.
 */
test('a commit that meets a fault at any call leaves the branch old or new, and whole', async () => {
  const store = await memoryStore()
  const before = await commitToMain(store, { users: ['1\tada\n'] })
  const tables = { users: ['1\tada\n', '2\tgrace\n'], orders: ['1\t10\n'] }

  const { runCount } = await sweepCommit(store, before, tables)
  expect(runCount).toBeGreaterThan(20)
})

test('an init that meets a fault at any call leaves a store or none, and can be repeated', async () => {
  await faultSweep({
    prepare: async () => new MemoryBackend(),
    operate: async (backend) => {
      await initStore(backend, { author: ada, at: noon })
    },
    check: async (backend, { hasSucceeded }) => {
      const isStore = (await keysOf(backend)).includes('format')
      expect(isStore).toBe(hasSucceeded)
      const store = isStore
        ? await openStore(backend)
        : await initStore(backend, { author: ada, at: noon })
      expect(await readHead(store.refs)).toEqual({ targetRef: 'refs/heads/main', id: null })
      expect((await fsck(backend)).findings).toEqual([])
    },
  })
})

test('moves of HEAD that meet a fault at any call leave it at its old value or its new one', async () => {
  const store = await memoryStore()
  const commitId = await commitToMain(store, { users: ['1\n'] })
  const before = await readHead(store.refs)

  await faultSweep({
    prepare: () => copyOf(store.backend),
    operate: async (backend) => {
      const { refs } = await openStore(backend)
      const reason = {
        kind: 'checkout',
        message: '',
        previousHead: before,
        safetyCommitId: null,
        restoredCommitId: commitId,
      } as const
      const next = { targetRef: null, id: commitId }
      await moveHead(refs, { expected: before, next, reason, author: ada, at: noon })
    },
    check: async (backend, { hasSucceeded }) => {
      const head = await readHead((await openStore(backend)).refs)
      expect(head).toEqual(hasSucceeded ? { targetRef: null, id: commitId } : before)
      expect((await fsck(backend)).findings).toEqual([])
    },
  })
})

test('a lock that meets a fault at any call is held, or is not in the way of the next', async () => {
  const holder = { pid: 1, host: 'elsewhere', processStart: null }
  await faultSweep({
    prepare: async () => (await memoryStore()).backend,
    operate: async (backend) => {
      const lock = await lockStore(backend, { operation: 'gc', mode: 'exclusive', holder })
      await lock.release()
    },
    check: async (backend, { hasSucceeded }) => {
      const locks = await keysOf(backend, 'locks/')
      // Where even the withdrawal fails, the record stays until its process ends.
      expect(locks.length).toBeLessThanOrEqual(hasSucceeded ? 0 : 1)
      expect((await fsck(backend)).findings).toEqual([])
    },
  })
})

test('fsck whose backend fails from any call on reports it or throws it, and never passes over it', async () => {
  const store = await memoryStore()
  await commitToMain(store, { users: ['1\tada\n'] })
  const sound = new FaultyBackend(store.backend)
  expect((await fsck(sound)).findings).toEqual([])

  for (let failedCall = 1; failedCall <= sound.callCount; failedCall++) {
    const faulty = new FaultyBackend(store.backend)
    faulty.failFromCall(failedCall, Number.POSITIVE_INFINITY)
    const outcome = await fsck(faulty).then(
      ({ findings }) => findings.map(({ severity }) => severity),
      (error: { code: string }) => error.code,
    )

    if (outcome !== 'BACKEND_UNAVAILABLE') expect(outcome).toContain('must')
    faulty.assertAllFired()
  }
})
