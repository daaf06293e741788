import {
  applyPrune,
  type CommitResult,
  commit,
  describeAddress,
  isSnapError,
  type PruneResult,
  previewPrune,
  type Store,
  withSoleOperation,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { withOperation } from '../operation.ts'
import { hasRetentionRule, type RetentionFlags, retentionPolicyOf } from '../retention.ts'
import { findSources } from '../sources.ts'

export interface ScheduledResult {
  commit: CommitResult
  /** Null when there are no rules, or the store was in use. */
  prune: PruneResult | null
  /** Why nothing was pruned although there are rules. */
  pruneSkippedBecause: string | null
}

/**
 * What a schedule does each time: commit, then prune by the rules.
 *
 * @param onDatabase  called with the address once it is known, for whoever tells of failures
 * @throws STORE_LOCKED  the run before has not ended
 */
export async function runScheduled(
  context: Context,
  store: Store,
  options: { message: string; retention: RetentionFlags; onDatabase: (address: string) => void },
): Promise<ScheduledResult> {
  const { io, reporter } = context
  const author = await findAuthor(io)
  const common = { author, reporter, signal: io.signal, now: io.now }
  const operation = 'scheduled commit'
  const result = await withSoleOperation(store, { operation, at: io.now() }, async () => {
    const database = await findDatabaseOf(store, context)
    options.onDatabase(describeAddress(database))
    return withOperation(context, store, { command: 'schedule', database }, async ({ outcome }) => {
      const { workingDirectory } = io
      const { message } = options
      const sources = await findSources(store, context)
      const made = await commit(store, { ...common, database, message, sources, workingDirectory })
      outcome.commitBefore = made.commit.parentIds[0] ?? null
      outcome.commitAfter = made.commitId
      return made
    })
  })
  if (!hasRetentionRule(options.retention)) {
    return { commit: result, prune: null, pruneSkippedBecause: null }
  }
  try {
    const { plan } = await previewPrune(store, retentionPolicyOf(options.retention), common)
    return {
      commit: result,
      prune: await applyPrune(store, plan, common),
      pruneSkippedBecause: null,
    }
  } catch (error) {
    // Somebody commits or checks out just now: what is to go can go next time.
    if (!isSnapError(error, 'STORE_LOCKED')) throw error
    return { commit: result, prune: null, pruneSkippedBecause: error.message }
  }
}
