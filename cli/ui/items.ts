import type { SchemaEntryChange, SourceDiff, TableDiff } from '../../src/index.ts'
import { wrapToWidth } from '../output/fit-width.ts'
import {
  bodyHeight,
  type DiffScreen,
  type LogEntry,
  type LogScreen,
  type Screen,
  type TerminalSize,
  type UiState,
} from './state.ts'

/** What a screen lists, and how much of it fits: pure answers about the state. */

/** The commits that the filter lets through; each word of it must occur. */
export function shownEntries({ entries, filter }: LogScreen): readonly LogEntry[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return entries
  return entries.filter((entry) => {
    const text = searchText(entry)
    return words.every((word) => text.includes(word))
  })
}

function searchText({ id, commit, names }: LogEntry): string {
  const { message, author, migrations } = commit
  const heads = migrations.flatMap(({ tool, heads }) => [tool, ...heads])
  return [id, message, author.name, author.email, ...names, ...heads].join('\n').toLowerCase()
}

export type DiffItem =
  | { kind: 'table'; table: TableDiff }
  | { kind: 'schema'; change: SchemaEntryChange }
  | { kind: 'source'; source: SourceDiff }

/** Tables first, then the schema entries, then other datastores. */
export function diffItems({ found }: DiffScreen): readonly DiffItem[] {
  if (found === null) return []
  return [
    ...found.diff.tables
      .filter(({ change }) => change !== 'reordered')
      .map((table) => ({ kind: 'table', table }) as const),
    ...found.diff.schema.map((change) => ({ kind: 'schema', change }) as const),
    ...found.diff.sources.map((source) => ({ kind: 'source', source }) as const),
  ]
}

/** How many lines the cursor, or the window, moves over. */
export function itemCountOf(screen: Screen, { columns }: TerminalSize): number {
  switch (screen.kind) {
    case 'log':
      return shownEntries(screen).length
    case 'diff':
      return diffItems(screen).length
    case 'rows':
      return screen.changes.length
    case 'table':
      return screen.rowCount ?? 0
    case 'operations':
      return screen.operations?.length ?? 0
    case 'commit':
      if (screen.tab !== 'about') return screen.details?.[screen.tab].length ?? 0
      return textOf(screen, columns).length
    default:
      return textOf(screen, columns).length
  }
}

/** The text of a screen that has one, broken to the width of the terminal. */
export function textOf(screen: Screen, columns: number): string[] {
  return linesOf(screen).flatMap((line) => wrapToWidth(line.replaceAll('\t', '    '), columns))
}

function linesOf(screen: Screen): readonly string[] {
  switch (screen.kind) {
    case 'text':
    case 'checkout':
      return screen.lines
    case 'commit':
      return screen.details?.about ?? []
    case 'store':
      return [...(screen.lines ?? []), ...(screen.job?.lines ? ['', ...screen.job.lines] : [])]
    default:
      return []
  }
}

/** True where nothing is chosen and keys move the whole text. */
export function isText(screen: Screen): boolean {
  return (
    screen.kind === 'text' ||
    screen.kind === 'checkout' ||
    screen.kind === 'store' ||
    (screen.kind === 'commit' && screen.tab === 'about')
  )
}

/** The lines left for a screen's list below what stands above it. */
export function listHeight(state: UiState, screen: Screen): number {
  return Math.max(1, bodyHeight(state.size) - headLines(screen))
}

function headLines(screen: Screen): number {
  switch (screen.kind) {
    case 'log':
      return screen.isTyping || screen.filter !== '' ? 2 : 1
    case 'commit':
      return 2
    case 'diff':
    case 'rows':
    case 'table':
    case 'operations':
      return 1
    case 'checkout':
    case 'store':
      return 2
    case 'text':
      return 0
  }
}
