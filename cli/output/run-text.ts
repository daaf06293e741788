import type { Alarm, ConditionOutcome } from '../../src/index.ts'
import type { RunReport } from '../guarded-run/compare-with-guard.ts'
import type { RollbackReason } from '../guarded-run/decide-rollback.ts'
import type { ChildOutcome } from '../io.ts'
import { formatShellWords } from '../shell-words.ts'
import { formatStateDiff } from './diff-text.ts'
import { formatField } from './field.ts'
import { cutToWidth } from './fit-width.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatDuration } from './units.ts'

/** A longer command is cut where it is mentioned. */
const MAX_COMMAND_WIDTH = 60

/** `The command ended with 1 after 2.10 s: alembic upgrade head`. */
export function formatEnding(
  command: readonly string[],
  outcome: Exclude<ChildOutcome, { kind: 'notStarted' }>,
  elapsedMs: number,
): string {
  const how =
    outcome.kind === 'exited' ? `ended with ${outcome.exitCode}` : `was ended by ${outcome.signal}`
  return `The command ${how} after ${formatDuration(elapsedMs)}: ${formatCommand(command)}`
}

/** What differs, which migrations came or went, what the rules say. */
export function formatRunReport(
  { isChanged, diff, migrations, alarms }: RunReport,
  { style, where, guard }: { style: TextStyle; where: string; guard: string },
): string[] {
  const { colors } = style
  if (!isChanged) return [`Nothing has changed in ${where}`]
  const differences = diff.isEqual
    ? ['Rows are stored in another order; nothing else has changed']
    : formatStateDiff(diff, style)
  return [
    `Changes in ${where} since the guard commit ${colors.yellow(guard)}:`,
    '',
    ...differences,
    ...(migrations.length === 0 ? [] : ['']),
    ...migrations.map(({ tool, before, after }) =>
      formatField(
        'Migration',
        `${printable(tool)} ${formatHeads(before)} -> ${formatHeads(after)}`,
      ),
    ),
    ...(alarms.length === 0 ? [] : ['', ...alarms.map(formatAlarm)]),
  ]
}

/** Why a run is taken back, as the end of a sentence. */
export function describeRollbackReason(reason: RollbackReason): string {
  switch (reason.kind) {
    case 'failed':
      return 'the command failed'
    case 'condition':
      return describeCondition(printable(reason.condition), reason.outcome)
    case 'alarm':
      return 'there is an alarm'
    case 'asked':
      return 'you said so'
  }
}

function describeCondition(condition: string, { problems, evidence }: ConditionOutcome): string {
  if (problems.length > 0) return `'${condition}' cannot be told: ${printable(problems.join('; '))}`
  const grounds = evidence.map(
    ({ comparison, left, right }) => `${printable(comparison)}: ${left} against ${right}`,
  )
  return `'${condition}' has come true${grounds.length === 0 ? '' : ` (${grounds.join(', ')})`}`
}

function formatAlarm({ severity, message }: Alarm): string {
  return `${severity}: ${printable(message)}`
}

function formatHeads(heads: readonly string[] | null): string {
  if (heads === null) return 'no table'
  return heads.length === 0 ? 'none' : heads.map(printable).join(', ')
}

/** The command as it is typed, on one line and not too long. */
export function formatCommand(command: readonly string[]): string {
  return cutToWidth(printable(formatShellWords(command)), MAX_COMMAND_WIDTH)
}
