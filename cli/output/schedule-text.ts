import { shortId } from '../../src/index.ts'
import type { ScheduledResult } from '../schedule/run-scheduled.ts'
import { formatGcResult } from './gc-text.ts'
import { printable } from './printable.ts'
import { formatQuantity, formatSize } from './units.ts'

/** Says what one scheduled run did. */
export function formatScheduledResult(result: ScheduledResult): string[] {
  const { commit, prune, pruneSkippedBecause } = result
  const { totals, isUnchanged } = commit
  return [
    `Committed ${shortId(commit.commitId)}: ${formatQuantity(totals.tableCount, 'table')}, ` +
      `${formatQuantity(totals.rowCount, 'row')}; ` +
      (isUnchanged ? 'nothing changed' : `${formatSize(totals.storedSizeBytes)} stored`),
    ...(prune === null
      ? []
      : [
          `Removed ${formatQuantity(prune.removedCommitIds.length, 'commit')}`,
          ...formatGcResult(prune.gc),
        ]),
    ...(pruneSkippedBecause === null
      ? []
      : [`Nothing was pruned this time: ${printable(pruneSkippedBecause)}`]),
  ]
}
