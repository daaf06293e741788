import {
  type KeepReason,
  type PruneDecision,
  type PrunePlan,
  removalsOf,
  shortId,
  shortRefName,
} from '../../src/store-index.ts'
import { titleOf } from './commit-text.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_TITLE_WIDTH } from './text-table.ts'
import { type Clock, formatTime } from './times.ts'
import { formatCount, formatQuantity } from './units.ts'

/** Every commit, newest first, with the reasons for which it is kept, or that it goes. */
export function formatPrunePlan(plan: PrunePlan, style: TextStyle): string[] {
  const { colors } = style
  const rows = plan.decisions.map((decision) => rowOf(decision, style))
  const removed = removalsOf(plan)
  const keptCount = plan.decisions.length - removed.length
  return [
    ...formatTable(
      [{}, {}, {}, { shrinksTo: MIN_TITLE_WIDTH }, { shrinksTo: MIN_TITLE_WIDTH }],
      rows,
      style,
    ),
    ...plan.removedRefs.map(
      ({ name, id }) =>
        `${colors.red('remove')}  ${printable(shortRefName(name))}, which is at ${shortId(id)}`,
    ),
    `${formatQuantity(removed.length, 'commit')} to remove, ${formatCount(keptCount)} kept`,
  ]
}

function rowOf({ id, commit, reasons }: PruneDecision, { colors, clock }: TextStyle): string[] {
  return [
    reasons.length > 0 ? colors.green('keep') : colors.red('remove'),
    colors.yellow(shortId(id)),
    formatDateOf(commit.createdAt, clock),
    titleOf(commit),
    reasons.map((reason) => formatReason(reason, clock)).join(', '),
  ]
}

/** In UTC, because the days and weeks of which one commit is kept are. */
function formatDateOf(createdAt: string, clock: Clock): string {
  return clock.date === null
    ? `${createdAt.slice(0, 16).replace('T', ' ')}Z`
    : formatTime(new Date(createdAt), clock)
}

/** `last 3`, `daily 2026-11-20`, `daily, oldest`, `tag v1`; the line is named where it is not the branch `main`. */
function formatReason(reason: KeepReason, clock: Clock): string {
  switch (reason.kind) {
    case 'head':
      return 'HEAD'
    case 'tip':
      return `tip of ${printable(shortRefName(reason.refName))}`
    case 'tag':
      return `tag ${printable(shortRefName(reason.refName))}`
    case 'pin':
      return `pinned: ${printable(reason.message)}`
    case 'undo':
      return 'undo of the last checkout'
    case 'last':
      return `last ${reason.place}${onLine(reason.line)}`
    case 'within':
      return `within${onLine(reason.line)}`
    case 'beforeMigration': {
      const names = reason.migrations.map(({ tool, heads }) => `${tool} ${heads.join(', ')}`)
      return `only one before ${printable(names.join('; ') || 'migrations were taken away')}`
    }
    case 'safety':
      return `safety, ${formatTime(new Date(reason.since), clock)}`
    case 'offBranch':
      return `on no branch, last seen ${formatTime(new Date(reason.since), clock)}`
    case 'ref':
      return printable(reason.refName)
    default:
      return reason.isOldest
        ? `${reason.kind}, oldest${onLine(reason.line)}`
        : `${reason.kind} ${reason.period}${onLine(reason.line)}`
  }
}

function onLine(line: string): string {
  return line === 'main' ? '' : ` of ${printable(line)}`
}
