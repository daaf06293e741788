import { drawGraph } from '../../output/commit-graph.ts'
import { titleOf } from '../../output/commit-text.ts'
import { cutToWidth, fitWidth } from '../../output/fit-width.ts'
import { printable } from '../../output/printable.ts'
import { formatAge } from '../../output/times.ts'
import { formatChange, formatCount, formatSize } from '../../output/units.ts'
import { shownEntries } from '../items.ts'

import type { LogEntry, LogScreen } from '../state.ts'
import { asChosen, type Look, windowOf } from './view.ts'

const WIDTHS = { id: 8, age: 6, rows: 9, size: 10 } as const

/** The commits, one line each. */
export function viewLog(screen: LogScreen, look: Look): string[] {
  const shown = shownEntries(screen)
  const { scroll } = screen
  const lines = windowOf(shown, scroll, look)
  const graph = shown === screen.entries ? drawGraph(shown).slice(scroll.top) : lines.map(() => '*')
  const layout = layOut(lines, graph, look)
  return [
    ...viewFilter(screen, look),
    look.colors.dim(header(layout)),
    ...lines.map((entry, i) => {
      const isChosen = scroll.top + i === scroll.cursor
      return asChosen(
        viewEntry(entry, { screen, layout, graph: graph[i]!, look, isChosen }),
        isChosen,
        look,
      )
    }),
    ...(lines.length > 0 ? [] : [viewEmpty(screen)]),
  ]
}

function viewEmpty({ isComplete, filter }: LogScreen): string {
  if (!isComplete) return ' Reading the history …'
  return filter === '' ? " No commits yet: 'snap commit' makes the first" : ' No commit matches'
}

function viewFilter({ isTyping, filter }: LogScreen, { colors }: Look): string[] {
  if (!isTyping && filter === '') return []
  return [`${colors.cyan('Filter:')} ${printable(filter)}${isTyping ? '█' : ''}`]
}

interface Layout {
  graph: number
  title: number
  migration: number
}

function layOut(lines: readonly LogEntry[], graph: readonly string[], { width }: Look): Layout {
  const graphWidth = Math.max(1, ...graph.slice(0, lines.length).map((text) => text.length))
  const migration = lines.some(({ commit }) => commit.migrations.length > 0)
    ? width < 110
      ? 9
      : 14
    : 0
  // The sign of the chosen line, that of a mark, and a space after each of the columns.
  const fixed = 2 + graphWidth + 1 + WIDTHS.id + 1 + WIDTHS.age + WIDTHS.rows + WIDTHS.size
  const title = Math.max(10, width - fixed - (migration === 0 ? 0 : migration + 1))
  return { graph: graphWidth, title, migration }
}

function header({ graph, title, migration }: Layout): string {
  return [
    ' '.repeat(2 + graph + 1),
    fitWidth('commit', WIDTHS.id + 1),
    fitWidth('message', title),
    fitWidth('age', WIDTHS.age, 'right'),
    fitWidth('rows ±', WIDTHS.rows, 'right'),
    fitWidth('size ±', WIDTHS.size, 'right'),
    migration === 0 ? '' : ` ${fitWidth('migration', migration)}`,
  ].join('')
}

function viewEntry(
  entry: LogEntry,
  {
    screen,
    layout,
    graph,
    look,
    isChosen,
  }: { screen: LogScreen; layout: Layout; graph: string; look: Look; isChosen: boolean },
): string {
  const { commit, id } = entry
  // On the chosen line colours would make holes in the inverted bar.
  const plain = (text: string) => text
  const { yellow, cyan, green, red, dim } = look.colors
  const paint = isChosen
    ? { yellow: plain, cyan: plain, green: plain, red: plain, dim: plain }
    : { yellow, cyan, green, red, dim }
  const place = screen.marked.indexOf(id)
  const mark = place === -1 ? ' ' : String(place + 1)
  const rowChange = entry.rowChange ?? entry.rowCount
  const rows = fitWidth(rowChange === 0 ? '·' : formatChange(rowChange), WIDTHS.rows, 'right')
  const migration = commit.migrations.flatMap(({ heads }) => heads).at(-1) ?? ''
  const pruned = entry.prunedCount === 0 ? '' : ` (… ${formatCount(entry.prunedCount)} pruned)`
  return [
    paint.cyan(mark),
    fitWidth(graph, layout.graph),
    ' ',
    paint.yellow(id.slice(0, WIDTHS.id)),
    ' ',
    viewTitle(entry, titleOf(commit) + pruned, layout.title, paint.cyan),
    fitWidth(formatAge(new Date(commit.createdAt), look.now), WIDTHS.age, 'right'),
    rowChange > 0 ? paint.green(rows) : rowChange < 0 ? paint.red(rows) : rows,
    fitWidth(viewSize(entry.sizeChangeBytes), WIDTHS.size, 'right'),
    layout.migration === 0 ? '' : ` ${paint.dim(fitWidth(printable(migration), layout.migration))}`,
  ].join('')
}

function viewTitle(
  { names }: LogEntry,
  title: string,
  width: number,
  paint: (text: string) => string,
): string {
  if (names.length === 0) return fitWidth(title, width)
  // However long the names, some of the message is left.
  const label = `(${cutToWidth(names.map(printable).join(', '), width - 12)})`
  const whole = fitWidth(`${label} ${title}`, width)
  return paint(label) + whole.slice(label.length)
}

function viewSize(changeBytes: number): string {
  if (changeBytes === 0) return '·'
  return `${changeBytes > 0 ? '+' : '-'}${formatSize(Math.abs(changeBytes))}`
}
