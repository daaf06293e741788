import { throwIfAborted } from '../errors.ts'
import type { Commit, ObjectId } from '../format/values.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'

export interface CommitWithId {
  id: ObjectId
  commit: Commit
}

/**
 * Walks commits and their ancestors, each once, newest first as `git log` does.
 *
 * Lazy: reads a commit when a child of it has been yielded. A commit whose clock
 * was behind its parent's still comes before the parent.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, OBJECT_KIND_UNEXPECTED, ABORTED
 */
export async function* walkCommits(
  objects: ObjectDatabase,
  startIds: readonly ObjectId[],
  options: { signal?: AbortSignal } = {},
): AsyncIterable<CommitWithId> {
  const seen = new Set<ObjectId>()
  const ready: CommitWithId[] = []
  const enqueue = async (ids: readonly ObjectId[]) => {
    for (const id of ids) {
      if (seen.has(id)) continue
      seen.add(id)
      insertByTime(ready, { id, commit: await objects.readCommit(id) })
    }
  }
  await enqueue(startIds)
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    throwIfAborted(options.signal, 'walking the history')
    yield next
    await enqueue(next.commit.parentIds)
  }
}

/** Keeps the list newest first; of two commits of one moment the one that came first stays first. */
function insertByTime(list: CommitWithId[], item: CommitWithId): void {
  const later = list.findIndex(({ commit }) => commit.createdAt < item.commit.createdAt)
  if (later === -1) list.push(item)
  else list.splice(later, 0, item)
}
