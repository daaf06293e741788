import {
  type Alarm,
  diffStates,
  findAlarms,
  measureTables,
  type ObjectId,
  type Rules,
  type Store,
} from '../../src/index.ts'
import { type LiveFlags, withComparison } from '../compared-states.ts'
import type { Context } from '../context.ts'

/** What the rules say of the difference between HEAD and the database as it is now. */
export interface RulesCheck {
  commitId: ObjectId | null
  alarms: Alarm[]
}

/** Reads the database as `snap status` does. */
export async function checkRules(
  context: Context,
  store: Store,
  { rules, live }: { rules: Rules; live: LiveFlags },
): Promise<RulesCheck> {
  const wanted = { revisions: [], live, withSources: false }
  return withComparison(context, store, wanted, async (comparison) => {
    const { before, after, scratchDirectory } = comparison
    const diff = await diffStates(before, after, { scratchDirectory, signal: context.io.signal })
    const alarms = findAlarms(rules, measureTables(before, after, diff))
    return { commitId: before.commitId, alarms }
  })
}
