import {
  applyPrune,
  type Commit,
  type KeepReason,
  type ObjectId,
  type PruneDecision,
  type PrunePlan,
  type PrunePreview,
  type PruneResult,
  previewPrune,
  removalsOf,
  type Store,
} from '../../src/store-index.ts'
import { findAuthor } from '../author.ts'
import { requireConfirmation } from '../confirm.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { DRY_RUN_HINT, giveHint } from '../hint.ts'
import { parseAgeMs } from '../options.ts'
import {
  formatGcPlan,
  formatGcResult,
  type GcPlanJson,
  type GcResultJson,
  gcPlanAsJson,
  gcResultAsJson,
} from '../output/gc-text.ts'
import { formatPrunePlan } from '../output/prune-text.ts'
import { formatQuantity } from '../output/units.ts'
import { addRetentionOptions, type RetentionFlags, retentionPolicyOf } from '../retention.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface PruneFlags extends RetentionFlags {
  grace?: number
  dryRun?: true
  yes?: true
}

export interface PruneJson {
  plan: PrunePlanJson
  /** Null for a dry run. */
  result: PruneResultJson | null
}

interface PrunePlanJson extends Pick<PrunePlan, 'policy' | 'at' | 'removedRefs'> {
  commits: PrunedCommitJson[]
  gc: GcPlanJson
}

interface PrunedCommitJson extends Pick<Commit, 'createdAt' | 'message' | 'purpose'> {
  commitId: ObjectId
  isKept: boolean
  reasons: readonly KeepReason[]
}

interface PruneResultJson extends Pick<PruneResult, 'removedCommitIds' | 'removedRefs'> {
  gc: GcResultJson
}

export const definePrune: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Removes the commits that no rule keeps, then reclaims their space as gc does. Rules for ' +
      'numbers and periods are applied to the history of each branch, newest first, a child ' +
      'before its parent whatever their clocks said; of a period the newest commit is kept, ' +
      'periods without commits do not count, and while there are fewer than asked for, the ' +
      'oldest commit is kept, too. A commit stays when any rule keeps it. Kept in any case: what HEAD, a branch, a pin or (unless --keep-tag says ' +
      'otherwise) a tag points at, what snap undo returns to, and one commit from before each ' +
      'migration. Safety commits, and commits that no branch leads to any more, are kept for ' +
      '--keep-safety. What is removed cannot be brought back; the history keeps its place: ' +
      'HEAD~3 still names what it named, and log says where commits were pruned.',
    examples: [
      ['snap prune --keep-last 7 --keep-daily 30 --dry-run', 'each commit, and why it would stay'],
      ['snap prune --keep-last 7 --keep-daily 30 --keep-monthly 12 -y', 'nightly, without asking'],
      ["snap prune --keep-within 14d --keep-tag 'v*'", 'two weeks, and the tags that begin with v'],
      ['snap prune --keep-daily 7 --time-zone Europe/Berlin', 'days that begin at midnight there'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.refused,
      ExitCode.backend,
    ],
    seeAlso: ['snap gc', 'snap pin', 'snap schedule', 'snap help store'],
  })
  addRetentionOptions(command)
    .option('--dry-run', 'show each commit and why it stays, and do nothing')
    .option('-y, --yes', 'do not ask')
    .option('--grace <age>', 'leave packs alone that are younger (default 2h)', parseAgeMs)
    .action((flags: PruneFlags) => withStore(context, (store) => prune(context, store, flags)))
}

async function prune(context: Context, store: Store, flags: PruneFlags): Promise<void> {
  const { io, options, output, reporter } = context
  const settings = { graceMs: flags.grace, reporter, signal: io.signal, now: io.now }
  context.interruptedState = 'nothing was changed'
  const preview = await previewPrune(store, retentionPolicyOf(flags), settings)
  const { plan } = preview
  const removed = removalsOf(plan)
  if (flags.dryRun) {
    if (options.json) output.json<PruneJson>({ plan: planAsJson(preview), result: null })
    else output.result(...linesOf(context, preview, flags))
    if (removed.length > 0 || preview.gc.totals.reclaimableSizeBytes > 0) {
      await giveHint(context, store, DRY_RUN_HINT)
    }
    return
  }
  const mustAsk = flags.yes !== true && removed.length > 0
  if (options.json !== true) {
    // What a question is about must be seen, however quiet the rest is.
    if (mustAsk) output.insist(...linesOf(context, preview, flags))
    else output.note(...linesOf(context, preview, flags))
  }
  if (mustAsk) {
    await requireConfirmation(
      context,
      `Remove ${formatQuantity(removed.length, 'commit')} for good?`,
    )
  }
  context.interruptedState = 'what was to stay is there; the next prune or gc goes on'
  const result = await applyPrune(store, plan, { ...settings, author: await findAuthor(io) })
  if (options.json) {
    const { removedCommitIds, removedRefs, gc } = result
    output.json<PruneJson>({
      plan: planAsJson(preview),
      result: { removedCommitIds, removedRefs, gc: gcResultAsJson(gc) },
    })
    return
  }
  output.result(
    `Removed ${formatQuantity(result.removedCommitIds.length, 'commit')}`,
    ...formatGcResult(result.gc),
  )
}

function linesOf({ output }: Context, { plan, gc }: PrunePreview, flags: PruneFlags): string[] {
  const style = flags.dryRun ? output.style : output.messageStyle
  return [...formatPrunePlan(plan, style), ...formatGcPlan(gc)]
}

function planAsJson({ plan, gc }: PrunePreview): PrunePlanJson {
  const { policy, at, decisions, removedRefs } = plan
  return { policy, at, commits: decisions.map(commitAsJson), removedRefs, gc: gcPlanAsJson(gc) }
}

function commitAsJson({ id, commit, reasons }: PruneDecision): PrunedCommitJson {
  const { createdAt, message, purpose } = commit
  return { commitId: id, createdAt, message, purpose, isKept: reasons.length > 0, reasons }
}
