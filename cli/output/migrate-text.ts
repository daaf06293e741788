import type { MigrationStatus } from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import { formatTable } from './text-table.ts'
import { formatRelativeTime } from './times.ts'
import { formatQuantity } from './units.ts'

const WORDS: Readonly<Record<MigrationStatus['state'], string>> = {
  applied: 'applied',
  pending: 'pending',
  changed: 'edited after it was applied',
  missing: 'applied, and the file is gone',
  outOfOrder: 'pending, and belongs before one that is applied',
  unfinished: 'failed half-way, outside a transaction',
}

/** A line for each file and each entry of the history, and what they come to. */
export function formatMigrationStatus(
  statuses: readonly MigrationStatus[],
  { colors, now }: { colors: Colors; now: Date },
): string[] {
  const rows = statuses.map(({ name, state, isFaked, isTransactional, appliedAt }) => {
    const color =
      state === 'applied' ? colors.green : state === 'pending' ? colors.yellow : colors.red
    const notes = [
      appliedAt === null ? '' : formatRelativeTime(appliedAt, now),
      isFaked ? 'not run (--fake)' : '',
      isTransactional === false ? 'runs outside a transaction' : '',
    ]
    return [printable(name), color(WORDS[state]), notes.filter(Boolean).join(', ')]
  })
  const count = (state: MigrationStatus['state']) =>
    statuses.filter((status) => status.state === state).length
  const pendingCount = count('pending') + count('outOfOrder')
  return [
    ...formatTable([{}, {}, {}], rows),
    ...(rows.length === 0 ? [] : ['']),
    `${formatQuantity(count('applied'), 'migration')} applied, ${pendingCount} pending`,
  ]
}
