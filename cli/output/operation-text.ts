import type { Operation, OperationChanges } from '../../src/index.ts'
import { formatShellWords } from '../shell-words.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import { formatAbsoluteTime, formatRelativeTime } from './times.ts'
import { formatDuration, formatQuantity } from './units.ts'

/** How an operation stands: how it ended, or that it did not. */
export type OperationState = 'done' | 'failed' | 'rolledBack' | 'running' | 'unfinished'

const STATE_WORDS: Readonly<Record<OperationState, string>> = {
  done: 'done',
  failed: 'failed',
  rolledBack: 'rolled back',
  running: 'running',
  unfinished: 'never finished',
}

/** `snap run -- alembic upgrade head`, on one line. */
export function formatOperationCommand({ start }: Operation): string {
  return printable(formatShellWords(['snap', ...start.arguments]))
}

/** One line of cells: number, when, how long, how it went, what it changed, the command. */
export function formatOperationCells(
  operation: Operation,
  state: OperationState,
  { colors, now }: { colors: Colors; now: Date },
): string[] {
  const { number, start, end } = operation
  const exitCode = end === null || end.exitCode === 0 ? '' : ` (${end.exitCode})`
  const color = state === 'done' ? colors.green : state === 'running' ? colors.cyan : colors.red
  return [
    colors.yellow(String(number)),
    formatRelativeTime(new Date(start.startedAt), now),
    formatElapsed(operation),
    `${color(STATE_WORDS[state])}${exitCode}`,
    end?.changes ? formatChanges(end.changes) : '',
    shorten(formatOperationCommand(operation)),
  ]
}

/** Of the list only; `snap ops N` has it whole. */
const MAX_COMMAND_CHARACTERS = 80

function shorten(command: string): string {
  return command.length <= MAX_COMMAND_CHARACTERS
    ? command
    : `${command.slice(0, MAX_COMMAND_CHARACTERS - 1)}…`
}

/** Everything that is known of one operation. */
export function formatOperation(
  operation: Operation,
  state: OperationState,
  { colors, now, rollback }: { colors: Colors; now: Date; rollback: string | null },
): string[] {
  const { number, start, kept, end } = operation
  const startedAt = new Date(start.startedAt)
  const lines: (readonly [label: string, text: string | null | undefined])[] = [
    ['Command', formatOperationCommand(operation)],
    [
      'State',
      end === null ? STATE_WORDS[state] : `${STATE_WORDS[state]}, exit code ${end.exitCode}`,
    ],
    ['Error', end?.errorCode],
    ['Started', `${formatAbsoluteTime(startedAt)} (${formatRelativeTime(startedAt, now)})`],
    ['Took', formatElapsed(operation)],
    ['By', `${printable(start.user)} on ${printable(start.host)}, process ${start.pid}`],
    ['Within', start.withinNumber === null ? null : `operation ${start.withinNumber}`],
    ['Database', start.database === null ? null : printable(start.database)],
    ['Before', kept?.commitId ?? end?.commitBefore],
    ['After', end?.commitAfter],
    ['Taken back', end?.takenBackId],
    ['Changed', end === null ? null : describeChange(end)],
    ['To return', rollback],
  ]
  return [
    colors.yellow(`operation ${number}`),
    ...lines.flatMap(([label, text]) =>
      text === null || text === undefined || text === ''
        ? []
        : [`${`${label}:`.padEnd(12)}${text}`],
    ),
  ]
}

function describeChange({ databaseChange, changes }: NonNullable<Operation['end']>): string {
  if (databaseChange === 'unknown') return 'not known'
  if (changes === null) return databaseChange === 'none' ? 'nothing in the database' : 'yes'
  return formatChanges(changes) || 'nothing in the database'
}

/** `+3 -40 ~1 rows, 2 schema entries`. */
export function formatChanges(changes: OperationChanges): string {
  const { insertedRowCount, deletedRowCount, updatedRowCount, schemaEntryCount } = changes
  const rows = [
    insertedRowCount > 0 ? `+${insertedRowCount}` : '',
    deletedRowCount > 0 ? `-${deletedRowCount}` : '',
    updatedRowCount > 0 ? `~${updatedRowCount}` : '',
  ].filter((part) => part !== '')
  return [
    rows.length === 0 ? '' : `${rows.join(' ')} rows`,
    schemaEntryCount === 0
      ? ''
      : formatQuantity(schemaEntryCount, 'schema entry', 'schema entries'),
  ]
    .filter((part) => part !== '')
    .join(', ')
}

function formatElapsed({ start, end }: Operation): string {
  if (end === null) return ''
  return formatDuration(Math.max(0, Date.parse(end.finishedAt) - Date.parse(start.startedAt)))
}
