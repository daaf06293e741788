import {
  type CommitOptions,
  type CommitResult,
  commit,
  type DatabaseState,
  isSnapError,
  pinCommit,
  readCommittedState,
  type Store,
  unpinCommit,
} from '../../src/index.ts'

/** The commit of the state before a run. */
export interface GuardCommit extends CommitResult {
  state: DatabaseState
}

/** Others commit at the same time, a run within this one for instance; each try reads the database again. */
const MAX_TRIES = 5

/**
 * Commits the state before a run and pins it: retention must not remove the only
 * commit from before a migration.
 *
 * @throws what `commit` throws
 */
export async function makeGuardCommit(
  store: Store,
  options: Omit<CommitOptions, 'purpose'> & { isPinned: boolean },
): Promise<GuardCommit> {
  const { author, message, now = () => new Date(), isPinned } = options
  const made = await commitDespiteOthers(store, options)
  const { commitId } = made
  if (isPinned) await pinCommit(store, { commitId, message, author, at: now() })
  return { ...made, state: await readCommittedState(store, commitId) }
}

/** Lets retention have it again: nothing was changed after it, so nothing needs it. */
export async function releaseGuardCommit(
  store: Store,
  { commitId }: GuardCommit,
  { author, at }: { author: CommitOptions['author']; at: Date },
): Promise<void> {
  try {
    await unpinCommit(store, { commitId, author, at })
  } catch (error) {
    // Somebody has unpinned it already.
    if (!isSnapError(error, 'REF_MISSING') && !isSnapError(error, 'REF_CONFLICT')) throw error
  }
}

async function commitDespiteOthers(
  store: Store,
  options: Omit<CommitOptions, 'purpose'>,
): Promise<CommitResult> {
  for (let tryNumber = 1; ; tryNumber++) {
    try {
      return await commit(store, { ...options, purpose: 'guard' })
    } catch (error) {
      const isOvertaken = isSnapError(error, 'REF_CONFLICT') || isSnapError(error, 'REF_EXISTS')
      if (!isOvertaken || tryNumber === MAX_TRIES) throw error
    }
  }
}
