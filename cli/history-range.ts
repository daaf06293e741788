import { type ObjectId, resolveRevision, type Store, walkCommits } from '../src/store-index.ts'
import { findStartIds } from './start-ids.ts'

/** A part of the history: what leads back from some commits and not from others. */
export interface HistoryRange {
  startIds: ObjectId[]
  hiddenIds: ReadonlySet<ObjectId>
}

/**
 * Finds the part of the history that revisions mean, as git reads them: `A..B` is what led to B and
 * not to A, `^A` leaves out what led to A; a side that is not written is HEAD.
 */
export async function findHistoryRange(
  store: Store,
  wanted: { revisions: readonly string[]; isAll: boolean; now: Date; signal: AbortSignal },
): Promise<HistoryRange> {
  const { now, isAll, signal } = wanted
  const shown: string[] = []
  const hidden: string[] = []
  for (const revision of wanted.revisions) {
    const range = /^(.*?)\.\.(.*)$/.exec(revision)
    if (range !== null) {
      hidden.push(range[1] || 'HEAD')
      shown.push(range[2] || 'HEAD')
    } else if (revision.startsWith('^')) hidden.push(revision.slice(1))
    else shown.push(revision)
  }
  const startIds = await findStartIds(store, { revisions: shown, isAll, now })
  const ends = await Promise.all(
    hidden.map((revision) => resolveRevision(store, revision, { now })),
  )
  const hiddenIds = new Set<ObjectId>()
  if (ends.length > 0) {
    for await (const { id } of walkCommits(store, ends, { signal })) hiddenIds.add(id)
  }
  return { startIds, hiddenIds }
}
