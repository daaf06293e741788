import type { ObjectId } from '../format/values.ts'
import { type NamedCommits, readNamedCommits } from '../history/named-commits.ts'
import { orderHistory } from '../history/order-history.ts'
import { walkCommits } from '../history/walk-commits.ts'
import { readHead } from '../refs/head.ts'
import { HEAD } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import type { HistoryEntry, HistoryFacts } from './plan-prune.ts'

/**
 * Reads every commit that a record of any ref leads to, and what names it.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, STORE_CORRUPT  the history cannot be told
 * @throws ABORTED
 */
export async function readHistoryFacts(
  store: Store,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<HistoryFacts> {
  const named = await readNamedCommits(store.refs)
  const entries: HistoryEntry[] = []
  const walk = walkCommits(store, [...named.everNamed.keys()], options)
  for await (const { id, commit, ancestorIds } of walk) {
    const times = [commit.createdAt, named.everNamed.get(id) ?? commit.createdAt]
    entries.push({
      id,
      commit,
      ancestorIds,
      lastSeenAt: times.sort()[1]!,
    })
  }
  const refs = [...named.living.values()]
    .filter(({ refName, newId }) => refName !== HEAD && newId !== null)
    .map(({ refName, newId, reason }) => ({
      name: refName,
      id: newId!,
      message: reason.message,
    }))
  return {
    // The walk begins at every commit that was ever named, and so cannot tell which comes from which.
    entries: orderHistory(withAgeOfDescendants(entries)),
    refs,
    head: await readHead(store.refs),
    undoIds: await listUndoIds(store, named),
  }
}

/** Where a commit is seen, its ancestors are too. */
function withAgeOfDescendants(entries: readonly HistoryEntry[]): HistoryEntry[] {
  const lastSeenAt = new Map(entries.map((entry) => [entry.id, entry.lastSeenAt]))
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  for (const entry of entries) {
    const open = [entry.id]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const seenAt = lastSeenAt.get(id)!
      for (const ancestorId of byId.get(id)!.ancestorIds) {
        if (lastSeenAt.get(ancestorId)! >= seenAt) continue
        lastSeenAt.set(ancestorId, seenAt)
        open.push(ancestorId)
      }
    }
  }
  return entries.map((entry) => ({ ...entry, lastSeenAt: lastSeenAt.get(entry.id)! }))
}

/** What `snap undo` would read: the state to return to, and where HEAD was. */
async function listUndoIds(store: Store, { living }: NamedCommits): Promise<ObjectId[]> {
  if (!living.has(HEAD)) return []
  for await (const { reason } of store.refs.log(HEAD)) {
    if (reason.kind !== 'checkout' && reason.kind !== 'undo') continue
    return [reason.safetyCommitId, reason.previousHead.id].filter((id) => id !== null)
  }
  return []
}
