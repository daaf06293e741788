import { isSnapError } from '../errors.ts'
import type { ObjectId } from '../format/values.ts'
import { readHead } from '../refs/head.ts'
import { SAFETY_REF } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import type { EarlierCommits } from './unread-tables.ts'

/**
 * Finds the commits that hold what the database held last: HEAD's, and the state before the last
 * checkout, since when less has changed than since the commit that was checked out.
 *
 * A commit that cannot be read is passed over: a new one may heal it.
 */
export async function findEarlierCommits(store: Store): Promise<EarlierCommits> {
  const { objects, refs } = store
  const ids = [(await readHead(refs)).id, (await refs.find(SAFETY_REF)) ?? null]
  const commits: EarlierCommits['commits'][number][] = []
  for (const commitId of new Set(ids.filter((id): id is ObjectId => id !== null))) {
    try {
      commits.push({ commitId, commit: await objects.readCommit(commitId) })
    } catch (error) {
      if (!isSnapError(error)) throw error
    }
  }
  return { objects, commits }
}
