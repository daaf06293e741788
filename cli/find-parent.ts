import type { Commit, ObjectId, Store } from '../src/index.ts'

/** Finds the commit that another is compared with: its parent, or the nearest one behind it that was not pruned. */
export async function findParent(store: Store, commit: Commit): Promise<ObjectId | undefined> {
  const [parentId] = commit.parentIds
  return parentId === undefined ? undefined : (await store.pruned.skip([parentId])).ids[0]
}
