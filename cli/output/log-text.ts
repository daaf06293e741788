import { type CommitWithId, shortId } from '../../src/store-index.ts'
import type { Decoration } from '../names.ts'
import type { CommitGraph, GraphRow } from './commit-graph.ts'
import {
  formatAuthorAndDate,
  formatCommitLine,
  formatMessage,
  formatMigrations,
  formatNames,
  formatTotals,
  type TreeTotals,
  titleOf,
} from './commit-text.ts'
import { formatField } from './field.ts'
import { cutToWidth } from './fit-width.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatQuantity } from './units.ts'

export interface LogEntry extends CommitWithId {
  names: readonly Decoration[]
  totals: TreeTotals
}

/** A commit in one line, and a second one where commits behind it were pruned; cut to the terminal. */
export function formatLogLines(
  entry: Omit<LogEntry, 'totals'>,
  style: TextStyle,
  graph?: CommitGraph,
): string[] {
  const { colors, columns } = style
  const line =
    `${colors.yellow(shortId(entry.id))}${formatNames(entry.names, colors)} ` +
    titleOf(entry.commit)
  const lines = besideGraph([line, ...formatPruned(entry, style)], graph?.next(entry), style)
  return columns === undefined ? lines : lines.map((each) => cutToWidth(each, columns))
}

/** All that is said of a commit in a log, and an empty line below. */
export function formatLogEntry(entry: LogEntry, style: TextStyle, graph?: CommitGraph): string[] {
  const { commit } = entry
  const { name, serverVersion } = commit.database
  const pruned = formatPruned(entry, style)
  const lines = [
    formatCommitLine(entry.id, entry.names, style.colors),
    ...(commit.parentIds.length > 1
      ? [formatField('Parents', commit.parentIds.map(shortId).join(' '))]
      : []),
    ...formatAuthorAndDate(commit, style),
    formatField('Database', `${printable(name)}, PostgreSQL ${printable(serverVersion)}`),
    formatField('Holds', formatTotals(entry.totals)),
    ...formatMigrations(commit),
    ...formatMessage(commit),
    ...(pruned.length === 0 ? [] : ['', ...pruned]),
    '',
  ]
  return besideGraph(lines, graph?.next(entry), style)
}

function formatPruned({ prunedCount }: Pick<LogEntry, 'prunedCount'>, style: TextStyle): string[] {
  if (prunedCount === 0) return []
  return [style.colors.dim(`… ${formatQuantity(prunedCount, 'commit')} pruned here`)]
}

function besideGraph(
  lines: readonly string[],
  row: GraphRow | undefined,
  { colors }: TextStyle,
): string[] {
  if (row === undefined) return [...lines]
  // The rows beside one commit are as wide as each other, so that its lines begin below each other.
  const width = Math.max(row.own.length, row.below.length)
  const paint = (text: string) => text.replaceAll(/[^* ]+/g, (line) => colors.dim(line))
  const own = paint(row.own.padEnd(width))
  const below = paint(row.below.padEnd(width))
  return lines.map((line, i) => `${i === 0 ? own : below} ${line}`.trimEnd())
}
