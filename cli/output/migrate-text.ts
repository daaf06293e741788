import type { MigrationStatus } from '../../src/index.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_TITLE_WIDTH } from './text-table.ts'
import { formatTime } from './times.ts'
import { formatCount, formatQuantity } from './units.ts'

const WORDS: Readonly<Record<MigrationStatus['state'], string>> = {
  applied: 'applied',
  pending: 'pending',
  changed: 'edited after it was applied',
  missing: 'applied, and the file is gone',
  outOfOrder: 'pending, and belongs before one that is applied',
  unfinished: 'failed half-way, outside a transaction',
}

const COLUMNS = [
  { header: 'file', shrinksTo: MIN_TITLE_WIDTH },
  { header: 'state', shrinksTo: MIN_TITLE_WIDTH },
  { header: '', shrinksTo: MIN_TITLE_WIDTH },
]

/** A line for each file and each entry of the history, and what they come to. */
export function formatMigrationStatus(
  statuses: readonly MigrationStatus[],
  style: TextStyle,
): string[] {
  const { colors, clock } = style
  const rows = statuses.map(({ name, state, isFaked, isTransactional, appliedAt }) => {
    const color =
      state === 'applied' ? colors.green : state === 'pending' ? colors.yellow : colors.red
    const notes = [
      appliedAt === null ? '' : formatTime(appliedAt, clock),
      isFaked ? 'not run (--fake)' : '',
      isTransactional === false ? 'runs outside a transaction' : '',
    ]
    return [printable(name), color(WORDS[state]), notes.filter(Boolean).join(', ')]
  })
  const count = (state: MigrationStatus['state']) =>
    statuses.filter((status) => status.state === state).length
  const pendingCount = count('pending') + count('outOfOrder')
  return [
    ...formatTable(COLUMNS, rows, style),
    ...(rows.length === 0 ? [] : ['']),
    `${formatQuantity(count('applied'), 'migration')} applied, ${formatCount(pendingCount)} pending`,
  ]
}
