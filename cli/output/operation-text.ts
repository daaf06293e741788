import type { Operation, OperationChanges } from '../../src/index.ts'
import { formatShellWords } from '../shell-words.ts'
import { formatField } from './field.ts'
import { cutToWidth } from './fit-width.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_TITLE_WIDTH } from './text-table.ts'
import { formatTime, formatTimeAndAge } from './times.ts'
import { formatCount, formatDuration, formatQuantity } from './units.ts'

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

const COLUMNS = [
  { header: 'number', align: 'right' },
  { header: 'started' },
  { header: 'took', align: 'right' },
  { header: 'state' },
  { header: 'changed', shrinksTo: MIN_TITLE_WIDTH },
  { header: 'command', shrinksTo: MIN_TITLE_WIDTH },
] as const

/** A line for each operation. */
export function formatOperations(
  found: readonly { operation: Operation; state: OperationState }[],
  style: TextStyle,
): string[] {
  const rows = found.map(({ operation, state }) => formatOperationCells(operation, state, style))
  return formatTable(COLUMNS, rows, style)
}

/** One line of cells: number, when, how long, how it went, what it changed, the command. */
export function formatOperationCells(
  operation: Operation,
  state: OperationState,
  { colors, clock }: Pick<TextStyle, 'colors' | 'clock'>,
): string[] {
  const { number, start, end } = operation
  const exitCode = end === null || end.exitCode === 0 ? '' : ` (${end.exitCode})`
  const color = state === 'done' ? colors.green : state === 'running' ? colors.cyan : colors.red
  return [
    colors.yellow(String(number)),
    formatTime(new Date(start.startedAt), clock),
    formatElapsed(operation),
    `${color(STATE_WORDS[state])}${exitCode}`,
    end?.changes ? formatChanges(end.changes) : '',
    cutToWidth(formatOperationCommand(operation), MAX_COMMAND_WIDTH),
  ]
}

/** Of the list only; `snap ops N` has it whole. */
const MAX_COMMAND_WIDTH = 80

/** Everything that is known of one operation. */
export function formatOperation(
  operation: Operation,
  state: OperationState,
  { style, rollback }: { style: TextStyle; rollback: string | null },
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
    ['Started', formatTimeAndAge(startedAt, style.clock)],
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
    style.colors.yellow(`operation ${number}`),
    ...lines.flatMap(([label, text]) =>
      text === null || text === undefined || text === '' ? [] : [formatField(label, text)],
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
    insertedRowCount > 0 ? `+${formatCount(insertedRowCount)}` : '',
    deletedRowCount > 0 ? `-${formatCount(deletedRowCount)}` : '',
    updatedRowCount > 0 ? `~${formatCount(updatedRowCount)}` : '',
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
