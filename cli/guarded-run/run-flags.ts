import { type Condition, parseCondition, SnapError } from '../../src/index.ts'
import { canAsk } from '../confirm.ts'
import type { Context } from '../context.ts'
import type { NamingFlags } from '../protection.ts'
import type { RollbackWishes } from './decide-rollback.ts'

export interface RunFlags extends NamingFlags {
  message?: string[]
  rollbackOnFailure?: true
  rollbackOnAlarm?: true
  rollbackIf?: string[]
  ask?: true
  report: boolean
  onStart?: true
  minInterval?: number
  jobs?: number
  lockTimeout?: number
}

export interface Wishes extends RollbackWishes {
  parsedConditions: readonly Condition[]
}

/**
 * Reads what the flags wish for, and refuses those that contradict each other.
 *
 * @throws USAGE
 * @throws CONDITION_INVALID
 */
export function readWishes(context: Context, flags: RunFlags): Wishes {
  const conditions = flags.rollbackIf ?? []
  const given: Record<string, boolean> = {
    '--rollback-on-failure': flags.rollbackOnFailure === true,
    '--rollback-on-alarm': flags.rollbackOnAlarm === true,
    '--rollback-if': conditions.length > 0,
    '--ask': flags.ask === true,
    '--no-report': !flags.report,
  }
  const isGiven = (name: string) => given[name] === true
  const needReport = ['--rollback-on-alarm', '--rollback-if', '--ask'].filter(isGiven)
  if (!flags.report && needReport.length > 0) {
    throw usage('--no-report', `${needReport[0]} needs the report that --no-report leaves out`)
  }
  const [first] = Object.keys(given).filter(isGiven)
  if (flags.onStart && first !== undefined) {
    throw usage(
      first,
      `--on-start does not look at what the command changes: ${first} means nothing`,
    )
  }
  if (flags.minInterval !== undefined && !flags.onStart) {
    throw usage('--min-interval', '--min-interval goes with --on-start')
  }
  if (flags.ask && !canAsk(context)) {
    throw usage('--ask', 'cannot ask: no terminal', 'use --rollback-on-failure or --rollback-if')
  }
  return {
    onFailure: flags.rollbackOnFailure === true,
    onAlarm: flags.rollbackOnAlarm === true,
    conditions,
    parsedConditions: conditions.map(parseCondition),
  }
}

function usage(argument: string, message: string, hint?: string): SnapError {
  return new SnapError('USAGE', message, { argument }, hint === undefined ? {} : { hint })
}
