import { type DatabaseAddress, type Diagnosis, describeAddress } from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import { formatQuantity } from './units.ts'

/** One line for each subject, with what to do below it, and a count at the end. */
export function formatDiagnoses(
  diagnoses: readonly Diagnosis[],
  { database, colors }: { database: DatabaseAddress | undefined; colors: Colors },
): string[] {
  const paint = {
    ok: colors.green,
    notice: colors.yellow,
    warning: colors.yellow,
    problem: colors.red,
  }
  const lines = diagnoses.flatMap(({ level, finding, advice }) => [
    `${paint[level](level.padEnd(7))}  ${printable(finding)}`,
    ...(advice === null ? [] : [`         ${colors.cyan('hint:')} ${printable(advice)}`]),
  ])
  const count = (level: Diagnosis['level']) =>
    diagnoses.filter((diagnosis) => diagnosis.level === level).length
  return [
    ...(database === undefined ? [] : [`Database: ${printable(describeAddress(database))}`]),
    ...lines,
    `${formatQuantity(count('problem'), 'problem')}, ${formatQuantity(count('warning'), 'warning')}, ${formatQuantity(count('notice'), 'notice')}`,
  ]
}
