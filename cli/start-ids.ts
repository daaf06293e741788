import { type ObjectId, readHead, resolveRevision, type Store } from '../src/store-index.ts'

/** Returns where a listing of the history begins: at the revisions, HEAD without any, or at everything that has a name. */
export async function findStartIds(
  store: Store,
  wanted: { revisions: readonly string[]; isAll: boolean; now: Date },
): Promise<ObjectId[]> {
  const { isAll, now } = wanted
  const revisions = wanted.revisions.length === 0 && !isAll ? ['HEAD'] : wanted.revisions
  const ids = await Promise.all(
    revisions.map((revision) => resolveRevision(store, revision, { now })),
  )
  if (!isAll) return ids
  for await (const ref of store.refs.list('refs/')) ids.push(ref.id)
  const head = await readHead(store.refs)
  if (head.id !== null) ids.push(head.id)
  return ids
}
