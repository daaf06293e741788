import type { AgeCheck } from './check-age.ts'
import type { RulesCheck } from './check-rules.ts'
import type { SqlCheck } from './check-sql.ts'

/** What was checked; null for what was not asked for. */
export interface CheckResult {
  configFile: string | null
  age: AgeCheck | null
  rules: RulesCheck | null
  sql: SqlCheck | null
}

/** Tells whether nothing that was checked gives an alarm; notes do not. */
export function isHealthy(result: CheckResult): boolean {
  return countProblems(result) === 0
}

export function countProblems({ age, rules, sql }: CheckResult): number {
  const alarms = (rules?.alarms ?? []).filter(({ severity }) => severity === 'alarm')
  const findings = (sql?.findings ?? []).filter(({ severity }) => severity !== 'note')
  return (age?.isTooOld === true ? 1 : 0) + alarms.length + findings.length
}
