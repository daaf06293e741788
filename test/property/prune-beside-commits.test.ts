import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backend/backend.ts'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { isSnapError } from '../../src/errors.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { applyPrune, previewPrune } from '../../src/maintenance/prune.ts'
import { withStoreLock } from '../../src/maintenance/with-store-lock.ts'
import { initStore, openStore, type Store } from '../../src/store.ts'
import { readWholeCommit } from '../support/aged-store.ts'
import { ada, noon, putCommit } from '../support/store.ts'

/*
 * Goal: commits and prunes that run at the same time never harm each other.
 * Method: three writers, each with a store of its own that stays open and so knows packs of long
 * ago, commit states drawn from few chunks, most of which were pruned before or lie unnamed; a
 * fourth prunes and collects all the while, with no grace period, so that only the lock protects.
 * Every call to the backend takes a random time, so all interleavings occur.
 */
describe.each<[string, () => Promise<{ backend: Backend; remove: () => Promise<void> }>]>([
  ['memory', async () => ({ backend: new MemoryBackend(), remove: async () => {} })],
  [
    'a directory',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'snap-prune-'))
      return {
        backend: await LocalBackend.create(directory),
        remove: () => rm(directory, { recursive: true, force: true }),
      }
    },
  ],
])('on %s', (_, create) => {
  test('every commit that was made is whole, or was pruned', async () => {
    let [committedCount, prunedCount, refusedCount] = [0, 0, 0]
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(1000)), async (numbers) => {
        const next = () => numbers.next().value as number
        const { backend, remove } = await create()
        try {
          await initStore(backend, { author: ada, at: noon })
          const committed: ObjectId[] = []
          let isDone = false
          const commitSome = async (branch: string) => {
            const store = await openStore(slowed(backend, next))
            for (let i = 0; i < 8; ) {
              const id = await attempt(() => commitOnce(store, branch, next))
              if (id === undefined) refusedCount++
              else {
                committed.push(id)
                i++
              }
              await sleep(0)
            }
          }
          const pruneAll = async () => {
            const store = await openStore(slowed(backend, next))
            while (!isDone) {
              const options = { author: ada, graceMs: 0, minDeadShare: 0, packTargetBytes: 300 }
              const removed = await attempt(async () => {
                const { plan } = await previewPrune(store, { keepLast: 2 }, options)
                return (await applyPrune(store, plan, options)).removedCommitIds
              })
              prunedCount += removed?.length ?? 0
              await sleep(0)
            }
          }
          const pruning = pruneAll()
          await Promise.all(['a', 'b', 'c'].map(commitSome)).finally(() => {
            isDone = true
          })
          await pruning

          committedCount += committed.length
          const fresh = await openStore(backend)
          expect((await fsck(backend)).findings).toEqual([])
          for (const id of committed) {
            if ((await fresh.pruned.find(id)) === undefined)
              await readWholeCommit(fresh.objects, id)
          }
          for (const branch of ['a', 'b', 'c']) {
            await readWholeCommit(fresh.objects, await fresh.refs.read(`refs/heads/${branch}`))
          }
        } finally {
          await remove()
        }
      }),
      { numRuns: 6 },
    )
    expect(committedCount).toBe(6 * 24)
    expect(prunedCount).toBeGreaterThan(0)
    expect(refusedCount).toBeGreaterThan(0)
  })
})

/** As `snap commit` does: under the shared lock objects first, then the branch. Some writers are killed before that. */
async function commitOnce(store: Store, branch: string, next: () => number): Promise<ObjectId> {
  const at = new Date()
  return withStoreLock(store, { operation: 'commit', mode: 'shared', at }, async () => {
    const name = `refs/heads/${branch}`
    const expected = (await store.refs.find(name)) ?? null
    const rows = Array.from({ length: next() % 5 }, () => `row ${next() % 40}\n`)
    const parentIds = expected === null ? [] : [expected]
    const made = { parentIds, createdAt: at, message: `${branch} ${next()}` }
    const writer = store.objects.newWriter({ compressionThreads: 0, packTargetBytes: 300 })
    try {
      const id = await putCommit(writer, { users: [...new Set(rows)] }, made)
      await writer.flush()
      if (next() % 4 === 0) {
        const lost = { users: [`row ${next() % 40}\n`] }
        await putCommit(writer, lost, { message: `lost ${next()}` })
        await writer.flush()
      }
      await turns(next() % 200)
      const reason = { kind: 'commit', message: '' } as const
      await store.refs.move({ name, expected, next: id, reason, author: ada, at })
      return id
    } finally {
      await writer.close()
    }
  })
}

/** Lets everybody else go first, so many times. */
async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise(setImmediate)
}

/** Runs it; `undefined` when the lock was not free. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isSnapError(error, 'STORE_LOCKED')) return undefined
    throw error
  }
}

/** A backend whose calls let others go first, now and then. */
function slowed(backend: Backend, next: () => number): Backend {
  const wait = () => turns(next() % 4)
  return {
    location: backend.location,
    create: async (key, parts) => {
      await wait()
      return backend.create(key, parts)
    },
    read: async (key, range) => {
      await wait()
      return backend.read(key, range)
    },
    findSizeBytes: async (key) => {
      await wait()
      return backend.findSizeBytes(key)
    },
    remove: async (key) => {
      await wait()
      return backend.remove(key)
    },
    close: () => backend.close(),
    async *list(prefix) {
      for await (const entry of backend.list(prefix)) {
        await wait()
        yield entry
      }
    },
  }
}
