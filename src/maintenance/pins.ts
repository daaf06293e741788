import { SnapError } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import type { Author, RefRecord } from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import { PIN_PREFIX } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import { nameCommit } from './name-commit.ts'

/** A commit that retention never removes. */
export interface Pin {
  commitId: ObjectId
  message: string
  author: Author
  pinnedAt: string
}

/**
 * Pins a commit; one that is pinned stays so, with the message it has.
 *
 * @returns  whether it was not pinned before
 * @throws COMMIT_PRUNED, OBJECT_MISSING, STORE_LOCKED
 */
export async function pinCommit(
  store: Store,
  pin: { commitId: ObjectId; message: string; author: Author; at: Date },
): Promise<boolean> {
  const { commitId, message, author, at } = pin
  const name = PIN_PREFIX + commitId
  if ((await store.refs.find(name)) !== undefined) return false
  await nameCommit(store, { name, commitId, reason: { kind: 'pin', message }, author, at })
  return true
}

/**
 * Takes a pin away; the commit stays until it is pruned.
 *
 * @throws REF_MISSING  it is not pinned
 */
export async function unpinCommit(
  store: Store,
  pin: { commitId: ObjectId; author: Author; at: Date },
): Promise<void> {
  const { commitId, author, at } = pin
  const name = PIN_PREFIX + commitId
  if ((await store.refs.find(name)) === undefined) {
    throw new SnapError(
      'REF_MISSING',
      `commit '${shortId(commitId)}' is not pinned`,
      { refName: name },
      { hint: "run 'snap pin' to list what is" },
    )
  }
  const reason = { kind: 'delete', message: 'unpin' } as const
  await store.refs.remove({ name, expected: commitId, reason, author, at })
}

/** Lists the pinned commits, by id. */
export async function* listPins(store: Store): AsyncIterable<Pin> {
  for await (const { id, record } of store.refs.list(PIN_PREFIX)) yield pinOf(id, record)
}

function pinOf(commitId: ObjectId, { reason, author, at }: RefRecord): Pin {
  return { commitId, message: reason.message, author, pinnedAt: at }
}
