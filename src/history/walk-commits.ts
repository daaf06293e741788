import { throwIfAborted } from '../errors.ts'
import type { Commit, ObjectId } from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import type { PrunedCommits } from '../refs/pruned-commits.ts'

/** What history is read from; an open store is one. */
export interface HistorySource {
  objects: ObjectDatabase
  pruned: PrunedCommits
}

export interface CommitWithId {
  id: ObjectId
  commit: Commit
  /** The nearest ancestors that are left: its parents, or those behind pruned ones. */
  ancestorIds: ObjectId[]
  /** Commits that `snap prune` has removed between this one and `ancestorIds`. */
  prunedCount: number
}

/**
 * Walks commits and their ancestors, each once, newest first as `git log` does.
 *
 * Goes on behind commits that were pruned. What `hiddenIds` names is left out, and so is what lies
 * behind it unless another way leads there. Lazy: reads a commit when a child of
 * it has been yielded. A commit whose clock was behind its parent's still comes
 * before the parent, unless the walk starts at both; `orderHistory` then helps.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, OBJECT_KIND_UNEXPECTED, ABORTED
 * @throws STORE_CORRUPT  it cannot be told which commits were pruned
 */
export async function* walkCommits(
  { objects, pruned }: HistorySource,
  startIds: readonly ObjectId[],
  options: { signal?: AbortSignal | undefined; hiddenIds?: ReadonlySet<ObjectId> } = {},
): AsyncIterable<CommitWithId> {
  const { hiddenIds = new Set<ObjectId>() } = options
  const seen = new Set<ObjectId>()
  const ready: CommitWithId[] = []
  const enqueue = async (ids: readonly ObjectId[]) => {
    for (const id of ids) {
      if (seen.has(id) || hiddenIds.has(id)) continue
      seen.add(id)
      const commit = await objects.readCommit(id)
      const { ids: ancestorIds, passed } = await pruned.skip(commit.parentIds)
      insertByTime(ready, { id, commit, ancestorIds, prunedCount: passed.length })
    }
  }
  // What others have pruned since this process last looked.
  await pruned.refresh()
  await enqueue((await pruned.skip(startIds)).ids)
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    throwIfAborted(options.signal, 'walking the history')
    yield next
    await enqueue(next.ancestorIds)
  }
}

/** Keeps the list newest first; of two commits of one moment the one that came first stays first. */
function insertByTime(list: CommitWithId[], item: CommitWithId): void {
  const later = list.findIndex(({ commit }) => commit.createdAt < item.commit.createdAt)
  if (later === -1) list.push(item)
  else list.splice(later, 0, item)
}
