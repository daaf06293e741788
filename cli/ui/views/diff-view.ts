import type { SourceDiff, TableDiff } from '../../../src/index.ts'
import { createColors } from '../../output/colors.ts'
import { nameOfEntry } from '../../output/diff-text.ts'
import { fitWidth } from '../../output/fit-width.ts'
import { printable } from '../../output/printable.ts'
import { formatRowsAsCells, type ReadableRowChange } from '../../output/row-change-text.ts'
import { changeOf } from '../../output/source-text.ts'
import { formatCount } from '../../output/units.ts'
import { type DiffItem, diffItems } from '../items.ts'
import type { DiffScreen, RowsScreen } from '../state.ts'
import { asChosen, type Look, windowOf } from './view.ts'

/** What differs: tables with their counts, schema entries, other datastores with counts of their paths. */
export function viewDiff(screen: DiffScreen, look: Look): string[] {
  const { found, progress, scroll, after } = screen
  if (found === null) {
    return [` Comparing${after === null ? ' with the database' : ''} … ${progress}`]
  }
  const items = diffItems(screen)
  if (items.length === 0) return viewOthers(screen)
  return [
    look.colors.dim(` ${header(look)}`),
    ...windowOf(items, scroll, look).map((item, i) =>
      viewItem(item, scroll.top + i === scroll.cursor, look),
    ),
  ]
}

/** Tables and schema are equal; what else may differ has few words. */
function viewOthers({ found }: DiffScreen): string[] {
  const { diff } = found!
  if (diff.isEqual) return [' Nothing differs.']
  const { added, removed, changed } = diff.largeObjects
  const parts = [
    [diff.sequences.length, 'sequences'],
    [added.length + removed.length + changed.length, 'large objects'],
    [diff.materializedViews.length, 'materialized views'],
  ] as const
  const named = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return [` Tables and schema are equal; other than before: ${named.join(', ')}`]
}

const COUNT_WIDTH = 11

const nameWidth = ({ width }: Look) => Math.max(20, width - 1 - 3 * COUNT_WIDTH)

function header(look: Look): string {
  const titles = ['inserted', 'deleted', 'updated']
  return (
    fitWidth('table, schema entry or source', nameWidth(look)) +
    titles.map((title) => fitWidth(title, COUNT_WIDTH, 'right')).join('')
  )
}

const SIGNS = { added: '+', removed: '-', changed: '~', reordered: ' ' } as const

function viewItem(item: DiffItem, isChosen: boolean, look: Look): string {
  const { colors } = look
  const { change, name, counts } = describeItem(item)
  const paint =
    change === 'added' ? colors.green : change === 'removed' ? colors.red : colors.yellow
  const label = fitWidth(`${SIGNS[change]} ${name}`, nameWidth(look))
  return asChosen((isChosen ? label : paint(label)) + counts, isChosen, look)
}

function describeItem(item: DiffItem) {
  if (item.kind === 'table') {
    const { namespace, name, change, rows } = item.table
    return { change, name: printable(`${namespace}.${name}`), counts: viewCounts(countsOf(rows)) }
  }
  if (item.kind === 'schema') {
    return { change: item.change.change, name: nameOfEntry(item.change), counts: '' }
  }
  const { change, name, kind } = item.source
  const counts = kind === 'files' ? viewCounts(pathCountsOf(item.source)) : ''
  return { change, name: `source ${printable(name)}`, counts }
}

const countsOf = (rows: TableDiff['rows']) =>
  rows === null ? undefined : [rows.inserted, rows.deleted, rows.updated]

const pathCountsOf = ({ files }: SourceDiff) =>
  (['added', 'removed', 'changed'] as const).map(
    (wanted) => files.filter((file) => changeOf(file) === wanted).length,
  )

function viewCounts(counts: readonly number[] | undefined): string {
  const texts = counts?.map((count) => (count === 0 ? '·' : formatCount(count)))
  return (texts ?? ['-', '-', '-']).map((text) => fitWidth(text, COUNT_WIDTH, 'right')).join('')
}

/** The rows of one table that differ, one line each. */
export function viewRows(screen: RowsScreen, look: Look): string[] {
  const { changes, scroll, isComplete } = screen
  if (changes.length === 0) {
    return [isComplete ? ' No row differs: the columns, or where rows are, do' : ' Reading rows …']
  }
  return [
    look.colors.dim(`   ${fitWidth('key', keyWidth(look))} what changed`),
    ...windowOf(changes, scroll, look).map((row, i) =>
      viewRow(row, scroll.top + i === scroll.cursor, look),
    ),
  ]
}

const PLAIN = createColors(false)

const keyWidth = ({ width }: Look) => Math.min(40, Math.floor(width / 3))

function viewRow(row: ReadableRowChange, isChosen: boolean, look: Look): string {
  const { colors, width } = look
  const cells = formatRowsAsCells(row, PLAIN)
  const [sign = '', key = ''] = cells[0] ?? []
  const text =
    row.change === 'updated'
      ? cells.map(([, , column, before, after]) => `${column}: ${before} → ${after}`).join(', ')
      : cells.map(([, , , before, after]) => before || after).join('')
  const line = fitWidth(`${sign} ${fitWidth(key, keyWidth(look))} ${text}`, width - 1)
  const paint =
    row.change === 'inserted' ? colors.green : row.change === 'deleted' ? colors.red : colors.yellow
  return asChosen(isChosen ? line : paint(line), isChosen, look)
}
