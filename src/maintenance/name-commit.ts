import type { ObjectId } from '../format/values.ts'
import { walkCommits } from '../history/walk-commits.ts'
import { readHead } from '../refs/head.ts'
import type { RefMove } from '../refs/ref-store.ts'
import type { Store } from '../store.ts'
import { assertCommitIsWhole } from './assert-commit-is-whole.ts'
import { withStoreLock } from './with-store-lock.ts'

/**
 * Gives a commit a name: makes the ref `move.name`, which must not exist.
 *
 * Holds the shared lock meanwhile, so that the commit cannot be pruned, nor its
 * objects collected, between the look at it and the ref.
 *
 * @throws REF_EXISTS, REF_NAME_INVALID
 * @throws COMMIT_PRUNED   retention removed it
 * @throws OBJECT_MISSING  it is not stored
 * @throws STORE_LOCKED    a garbage collection is running
 */
export async function nameCommit(
  store: Store,
  move: Omit<RefMove, 'expected' | 'next'> & { commitId: ObjectId },
): Promise<void> {
  const { commitId, ...rest } = move
  const request = { operation: 'naming a commit', mode: 'shared', at: move.at } as const
  await withStoreLock(store, request, async () => {
    await assertCommitIsKept(store, commitId)
    // What a ref leads to is whole. What none does may be what an interrupted collection has left.
    if (!(await isReachable(store, commitId))) await assertCommitIsWhole(store, commitId)
    await store.refs.move({ ...rest, expected: null, next: commitId })
  })
}

/**
 * Makes sure of a commit that was found before the lock was held.
 *
 * @throws COMMIT_PRUNED, OBJECT_MISSING
 */
export async function assertCommitIsKept(store: Store, commitId: ObjectId): Promise<void> {
  await store.pruned.refresh()
  await store.pruned.assertKept(commitId)
  await store.objects.readCommit(commitId)
}

async function isReachable(store: Store, commitId: ObjectId): Promise<boolean> {
  const startIds: ObjectId[] = []
  const head = await readHead(store.refs)
  if (head.id !== null) startIds.push(head.id)
  for await (const ref of store.refs.list('refs/')) startIds.push(ref.id)
  for await (const { id } of walkCommits(store, startIds)) if (id === commitId) return true
  return false
}
