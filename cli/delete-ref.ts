import { type ObjectId, type Store, shortId } from '../src/store-index.ts'
import { findAuthor } from './author.ts'
import type { Context } from './context.ts'
import { printable } from './output/printable.ts'

/** @title make or delete */
export interface RefChangeJson {
  name: string
  /** Where it is, or was. */
  commitId: ObjectId
}

/**
 * Deletes a branch or a tag and says where it was, so that it can be made again.
 *
 * @throws REF_MISSING   there is none of that name
 * @throws REF_CONFLICT  somebody moved it meanwhile
 */
export async function deleteRef(
  { io, options, output }: Context,
  store: Store,
  ref: { refName: string; name: string; what: 'branch' | 'tag' },
): Promise<void> {
  const commitId = await store.refs.read(ref.refName)
  await store.refs.remove({
    name: ref.refName,
    expected: commitId,
    reason: { kind: 'delete', message: `${ref.what}: deleted` },
    author: await findAuthor(io),
    at: io.now(),
  })
  if (options.json) output.json<RefChangeJson>({ name: ref.name, commitId })
  else output.note(`Deleted ${ref.what} '${printable(ref.name)}' (was ${shortId(commitId)})`)
}
