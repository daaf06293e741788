import { collectGarbage, planGarbageCollection } from '../../src/store-index.ts'
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
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface GcFlags {
  dryRun?: true
  grace?: number
  delta: boolean
}

export interface GcJson {
  plan: GcPlanJson
  /** Null for a dry run. */
  result: GcResultJson | null
}

export const defineGc: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Gives back the space of what nothing names: commits that were pruned, and what was written ' +
      'by commits that were interrupted. A pack in which nothing is needed is removed; one of ' +
      'which a quarter or more is not needed is written again without that, and many small ones ' +
      'are written again as one, so that the store opens faster. Packs younger than ' +
      'the grace period stay, because what they hold may be about to be named. No commit is ' +
      "removed: 'snap prune' decides that.",
    examples: [
      ['snap gc --dry-run', 'what it would give back'],
      ['snap gc', 'give it back'],
      ['snap gc --no-delta --grace 0min', 'also store every chunk whole'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.backend,
    ],
    seeAlso: ['snap prune', 'snap fsck', 'snap help store'],
  })
    .option('--dry-run', 'show what would be done, and do nothing')
    .option('--grace <age>', 'leave packs alone that are younger (default 2h)', parseAgeMs)
    .option(
      '--no-delta',
      'write what is stored as a delta whole, for versions of snap before deltas',
    )
    .action((flags: GcFlags) => collect(context, flags))
}

async function collect(context: Context, flags: GcFlags): Promise<void> {
  const { io, options, output, reporter } = context
  context.interruptedState = 'nothing that is needed was removed; the next gc goes on'
  const settings = {
    graceMs: flags.grace,
    withDeltas: flags.delta,
    reporter,
    signal: io.signal,
    now: io.now,
  }
  await withStore(context, async (store) => {
    if (flags.dryRun) {
      const plan = await planGarbageCollection(store, settings)
      if (options.json) output.json<GcJson>({ plan: gcPlanAsJson(plan), result: null })
      else output.result(...formatGcPlan(plan))
      if (plan.totals.reclaimableSizeBytes > 0) {
        await giveHint(context, store, DRY_RUN_HINT)
      }
      return
    }
    const result = await collectGarbage(store, settings)
    if (options.json)
      output.json<GcJson>({ plan: gcPlanAsJson(result.plan), result: gcResultAsJson(result) })
    else output.result(...formatGcResult(result))
  })
}
