import { SnapError } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import type { ObjectId } from '../format/values.ts'
import { markCommits } from '../history/mark-reachable.ts'
import { ObjectDatabase } from '../objects/object-database.ts'
import type { Store } from '../store.ts'

/**
 * Makes sure that everything a commit names is stored, down to the chunks; reads none of those.
 *
 * To be called under the store lock before a ref is moved to a commit whose objects were put, or
 * found to be stored, without it: a collection may have run since. Lists the packs anew.
 *
 * @throws OBJECT_MISSING  something of it is gone
 * @see store-format.md §10.1 "Pruning and garbage collection"
 */
export async function assertCommitIsWhole(store: Store, commitId: ObjectId): Promise<void> {
  const objects = ObjectDatabase.open(store.backend)
  await markCommits(objects, await objects.newMarks(), [commitId], {
    onMissingChunk: (id) => {
      throw new SnapError(
        'OBJECT_MISSING',
        `commit '${shortId(commitId)}' is not whole: chunk '${shortId(id)}' is missing`,
        { objectId: id },
        { hint: 'run the command that made it again; what is left of it serves no more' },
      )
    },
  })
}
