/**
 * Looks at a store as far as is quick: that all is there which refs name, without
 * reading rows, and how fast the store grows. `fsck` reads every byte.
 */
import { SnapError, throwIfAborted } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import type { Commit, ObjectId } from '../format/values.ts'
import { markCommits } from '../history/mark-reachable.ts'
import { walkCommits } from '../history/walk-commits.ts'
import { readHead } from '../refs/head.ts'
import { readSchemaEntries } from '../restore/read-schema.ts'
import type { Store } from '../store.ts'

export interface StoreFacts {
  newest: { id: ObjectId; commit: Commit } | null
  sizeBytes: number
  commitCount: number
  /** Commits that HEAD or a ref is at; all that they name is there. */
  namedCommitCount: number
  /** Since the oldest commit that is left; null when there is but one, or none. */
  growth: { sizeBytes: number; commitCount: number; elapsedMs: number } | null
}

/**
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, PACK_CORRUPT, REF_MISSING, STORE_CORRUPT  it is damaged
 * @throws BACKEND_*, ABORTED
 */
export async function examineStore(
  store: Store,
  now: Date,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<StoreFacts> {
  throwIfAborted(options.signal, 'examining the store')
  const head = await readHead(store.refs)
  if (head.id !== null) {
    const { treeId } = await store.objects.readCommit(head.id)
    await readSchemaEntries(store.objects, await store.objects.readTree(treeId))
  }
  const startIds = new Set<ObjectId>(head.id === null ? [] : [head.id])
  for await (const { id } of store.refs.list('refs/')) startIds.add(id)
  await assertWhole(store, startIds, options)
  let newest: StoreFacts['newest'] = null
  let oldestAtMs = Number.POSITIVE_INFINITY
  let commitCount = 0
  for await (const { id, commit } of walkCommits(store, [...startIds], options)) {
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
  return { newest, sizeBytes, commitCount, namedCommitCount: startIds.size, growth }
}

/** File systems date files a little later than the clock says it is. */
const WRITING_MS = 1000

/** Reads what leads to the rows of some commits, and none of these: their chunks are looked up. */
async function assertWhole(
  store: Store,
  commitIds: Iterable<ObjectId>,
  options: { signal?: AbortSignal | undefined },
): Promise<void> {
  const marks = await store.objects.newMarks()
  for (const commitId of commitIds) {
    await markCommits(store.objects, marks, [commitId], {
      signal: options.signal,
      onMissingChunk: (id) => {
        throw new SnapError(
          'OBJECT_MISSING',
          `commit '${shortId(commitId)}' is not whole: chunk '${shortId(id)}' is missing`,
          { objectId: id },
          { hint: "run 'snap fsck' to list what else is affected" },
        )
      },
    })
  }
}
