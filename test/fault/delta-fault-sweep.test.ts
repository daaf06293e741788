import { expect, test } from 'vitest'
import type { Backend } from '../../src/backend/backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../src/maintenance/gc.ts'
import { openStore } from '../../src/store.ts'
import { readWholeCommit, TestClock } from '../support/aged-store.ts'
import { sweepCommit } from '../support/commit-fault-sweep.ts'
import { faultSweep } from '../support/faulty-backend.ts'
import { putChunks, rowsAfter } from '../support/similar-chunks.ts'
import { commitToMain, memoryStore, putCommit } from '../support/store.ts'

/*
 * A commit of chunks that are stored as deltas, whatever call fails while bases are
 * found, read and built on; then collections of a store of deltas.
 */
test('a commit of deltas that meets a fault at any call leaves the branch old or new, and whole', async () => {
  const store = await memoryStore()
  const before = await commitToMain(store, { users: [rowsAfter([]), rowsAfter([], 'others')] })
  const tables = { users: [rowsAfter([3]), rowsAfter([4], 'others')] }

  const { runCount } = await sweepCommit(store, before, tables)
  expect(runCount).toBeGreaterThan(20)
})

test.each([true, false])(
  'a collection that meets a fault at any call leaves every delta with its base (with deltas: %s)',
  async (withDeltas) => {
    const store = await memoryStore()
    // Bases that only deltas need, some beside what is dead, and deltas that are dead beside live ones.
    await putChunks(store.objects, [rowsAfter([]), rowsAfter([9])])
    const commits: ObjectId[] = []
    for (const changes of [[1], [1, 2], [1, 2, 3]]) {
      const writer = store.objects.newWriter({ compressionThreads: 0 })
      await writer.put('chunk', Buffer.from(rowsAfter([...changes, 50], 'dead')))
      await putCommit(writer, { dead: [rowsAfter([5], 'dead')], users: [rowsAfter(changes)] })
      await writer.flush()
      await writer.close()
      commits.push(await commitToMain(store, { users: [rowsAfter(changes)] }))
    }

    await faultSweep({
      prepare: () => agedCopy(store.backend),
      operate: async (backend) => {
        const options = { minDeadShare: 0.05, withDeltas }
        await collectGarbage(await openStore(backend), options)
      },
      check: async (backend) => {
        const { objects } = await openStore(backend)
        for (const id of commits) await readWholeCommit(objects, id)
        expect((await fsck(backend)).findings).toEqual([])
      },
    })
  },
)

async function agedCopy(backend: Backend): Promise<MemoryBackend> {
  const clock = new TestClock()
  const copy = new MemoryBackend({ now: clock.now })
  for await (const { key } of backend.list('')) await copy.create(key, [await backend.read(key)])
  clock.advanceHours(3)
  return copy
}
