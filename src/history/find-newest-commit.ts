import type { Commit } from '../format/values.ts'
import { readHead } from '../refs/head.ts'
import { BRANCH_PREFIX } from '../refs/ref-name.ts'
import type { RefStore } from '../refs/ref-store.ts'
import { type CommitWithId, type HistorySource, walkCommits } from './walk-commits.ts'

/**
 * Finds the newest commit of some purposes that a branch, or HEAD, leads back to.
 *
 * Reads commits only, newest first, and no more than it needs.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, STORE_CORRUPT, ABORTED
 */
export async function findNewestCommit(
  store: HistorySource & { refs: RefStore },
  options: { purposes: readonly Commit['purpose'][]; signal?: AbortSignal },
): Promise<CommitWithId | undefined> {
  const { purposes, ...walkOptions } = options
  const { refs } = store
  const { id: headId } = await readHead(refs)
  const startIds = headId === null ? [] : [headId]
  for await (const { id } of refs.list(BRANCH_PREFIX)) startIds.push(id)
  for await (const found of walkCommits(store, startIds, walkOptions)) {
    if (purposes.includes(found.commit.purpose)) return found
  }
  return undefined
}
