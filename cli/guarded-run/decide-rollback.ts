import type { ConditionOutcome } from '../../src/index.ts'
import type { RunReport } from './compare-with-guard.ts'

export interface RollbackWishes {
  onFailure: boolean
  onAlarm: boolean
  /** As typed. */
  conditions: readonly string[]
}

/** Why a run is taken back. */
export type RollbackReason =
  | { kind: 'failed' }
  | { kind: 'condition'; condition: string; outcome: ConditionOutcome }
  | { kind: 'alarm' }
  | { kind: 'asked' }

/**
 * Decides whether a run is to be taken back, by what was wished for before it began. Pure.
 *
 * @param report  undefined when it could not be made
 */
export function decideRollback(
  wishes: RollbackWishes,
  { hasFailed, report }: { hasFailed: boolean; report: RunReport | undefined },
): RollbackReason | undefined {
  if (hasFailed && wishes.onFailure) return { kind: 'failed' }
  if (report === undefined) return undefined
  for (const [position, outcome] of report.conditions.entries()) {
    // What cannot be told is no reason to keep: the condition was there to be safe.
    if (outcome.isMet || outcome.problems.length > 0) {
      return { kind: 'condition', condition: wishes.conditions[position] ?? '', outcome }
    }
  }
  const hasAlarm = report.alarms.some(({ severity }) => severity === 'alarm')
  return hasAlarm && wishes.onAlarm ? { kind: 'alarm' } : undefined
}
