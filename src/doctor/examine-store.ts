/**
 * Looks at a store as far as is quick: that HEAD leads to a commit whose metadata
 * can be read, and how fast the store grows. `fsck` reads every byte.
 */
import type { Commit, ObjectId } from '../format/values.ts'
import { walkCommits } from '../history/walk-commits.ts'
import { readHead } from '../refs/head.ts'
import { readSchemaEntries } from '../restore/read-schema.ts'
import type { Store } from '../store.ts'

export interface StoreFacts {
  newest: { id: ObjectId; commit: Commit } | null
  sizeBytes: number
  commitCount: number
  /** Since the oldest commit that is left; null when there is but one, or none. */
  growth: { sizeBytes: number; commitCount: number; elapsedMs: number } | null
}

/**
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, PACK_CORRUPT, REF_MISSING, STORE_CORRUPT  it is damaged
 * @throws BACKEND_*
 */
export async function examineStore(store: Store, now: Date): Promise<StoreFacts> {
  const head = await readHead(store.refs)
  if (head.id !== null) {
    const { treeId } = await store.objects.readCommit(head.id)
    await readSchemaEntries(store.objects, await store.objects.readTree(treeId))
  }
  const startIds = new Set<ObjectId>(head.id === null ? [] : [head.id])
  for await (const { id } of store.refs.list('refs/')) startIds.add(id)
  let newest: StoreFacts['newest'] = null
  let oldestAtMs = Number.POSITIVE_INFINITY
  let commitCount = 0
  for await (const { id, commit } of walkCommits(store, [...startIds])) {
    commitCount++
    if (newest === null || commit.createdAt > newest.commit.createdAt) newest = { id, commit }
    oldestAtMs = Math.min(oldestAtMs, Date.parse(commit.createdAt))
  }
  let sizeBytes = 0
  let grownSizeBytes = 0
  for await (const pack of store.backend.list('packs/')) {
    sizeBytes += pack.sizeBytes
    // Packs are written before the commit that they are for; what came later is growth.
    if (pack.createdAt.getTime() > oldestAtMs + WRITING_MS) grownSizeBytes += pack.sizeBytes
  }
  const growth =
    commitCount < 2
      ? null
      : {
          sizeBytes: grownSizeBytes,
          commitCount: commitCount - 1,
          elapsedMs: now.getTime() - oldestAtMs,
        }
  return { newest, sizeBytes, commitCount, growth }
}

/** File systems date files a little later than the clock says it is. */
const WRITING_MS = 1000
