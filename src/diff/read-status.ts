import { SnapError } from '../errors.ts'
import type { Reporter } from '../events.ts'
import type { ObjectId } from '../format/values.ts'
import { withScratchDirectory } from '../objects/with-scratch-directory.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { readHead } from '../refs/head.ts'
import type { Source } from '../sources/source.ts'
import type { Store } from '../store.ts'
import { readCommittedState } from './committed-state.ts'
import { captureLiveState } from './database-state.ts'
import { type DiffOptions, diffStates, type StateDiff } from './diff-states.ts'

export interface StatusOptions {
  database: DatabaseAddress
  /** What to compare the database with; HEAD when not given. */
  commitId?: ObjectId | undefined
  /** Which tables' rows to compare; all when not given. */
  isWanted?: DiffOptions['isWanted']
  /** Other datastores to look at, as far as the commit holds them; none when not given. */
  sources?: readonly Source[] | undefined
  /** Connections that read rows; default 2 to 4, by the machine. */
  jobs?: number | undefined
  /** How long to wait for a table's lock; 0 waits for ever. Default 10 s. */
  lockTimeoutMs?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

/**
 * Tells what has changed in a database since a commit. Changes neither; what the store does not hold
 * yet is kept in the system's temporary directory meanwhile.
 *
 * @throws REVISION_UNKNOWN  there is no commit yet
 * @throws what `captureLiveState` and `diffStates` throw, and ABORTED
 */
export async function readStatus(store: Store, options: StatusOptions): Promise<StateDiff> {
  const { isWanted, signal } = options
  const commitId = options.commitId ?? (await readHead(store.refs)).id
  if (commitId === null) {
    throw new SnapError('REVISION_UNKNOWN', 'there is no commit yet', { revision: 'HEAD' })
  }
  return withScratchDirectory(async (scratchDirectory) => {
    const { selection, sources: committed = [] } = await store.objects.readCommit(commitId)
    const before = await readCommittedState(store, commitId)
    const after = await captureLiveState(store, {
      database: options.database,
      selection,
      scratchDirectory,
      sources: options.sources && { configured: options.sources, committed },
      jobs: options.jobs,
      lockTimeoutMs: options.lockTimeoutMs,
      reporter: options.reporter,
      signal,
    })
    return diffStates(before, after, { scratchDirectory, isWanted, signal })
  })
}
