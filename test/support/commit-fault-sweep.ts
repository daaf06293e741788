import { expect } from 'vitest'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { openStore, type Store } from '../../src/store.ts'
import { readWholeCommit } from './aged-store.ts'
import { faultSweep } from './faulty-backend.ts'
import { ada, copyOf, noon, putCommit } from './store.ts'

/**
 * Commits `tables` on top of `before`, the commit of main, with a fault at every call in turn: main is
 * at the old commit or the new one, all of that can be read, and fsck finds nothing wrong.
 */
export async function sweepCommit(
  store: Store,
  before: ObjectId,
  tables: Parameters<typeof putCommit>[1],
): Promise<{ runCount: number }> {
  let after: ObjectId | undefined
  return faultSweep({
    prepare: () => copyOf(store.backend),
    operate: async (backend) => {
      const faulty = await openStore(backend)
      const writer = faulty.objects.newWriter({ compressionThreads: 0, packTargetBytes: 200 })
      try {
        after = await putCommit(writer, tables, { parentIds: [before] })
        await writer.flush()
      } finally {
        await writer.close()
      }
      const reason = { kind: 'commit', message: 'second' } as const
      const move = { name: 'refs/heads/main', expected: before, next: after, reason }
      await faulty.refs.move({ ...move, author: ada, at: noon })
    },
    check: async (backend, { hasSucceeded }) => {
      const { objects, refs } = await openStore(backend)
      const main = await refs.find('refs/heads/main')
      expect(main).toBe(hasSucceeded ? after : before)
      await readWholeCommit(objects, main!)
      expect((await fsck(backend)).findings).toEqual([])
    },
  })
}
