import type { SchemaEntry, TableChange } from '../../../src/index.ts'
import { fitWidth } from '../../output/fit-width.ts'
import { printable } from '../../output/printable.ts'
import { formatChange, formatCount, formatQuantity, formatSize } from '../../output/units.ts'
import { textOf } from '../items.ts'
import type { CommitScreen } from '../state.ts'
import { asChosen, type Look, windowOf } from './view.ts'

const CHANGES: Readonly<Record<TableChange['change'], string>> = {
  unchanged: '',
  changed: 'changed',
  missing: 'new',
  extra: 'gone',
  dataKept: 'no rows',
}

/** What a commit holds: its tables, its schema, or where it came from. */
export function viewCommit(screen: CommitScreen, look: Look): string[] {
  const { details, tab, scroll } = screen
  if (details === null) return [' Reading the commit …']
  const { colors } = look
  const tabs = [
    ['tables', formatQuantity(details.tables.length, 'table')],
    ['schema', formatQuantity(details.schema.length, 'schema entry', 'schema entries')],
    ['about', 'about'],
  ] as const
  const tabLine = tabs
    .map(([name, label]) => (name === tab ? colors.bold(`[${label}]`) : ` ${label} `))
    .join(' ')
  if (tab === 'about') return [tabLine, '', ...windowOf(textOf(screen, look.width), scroll, look)]
  const lines =
    tab === 'tables'
      ? windowOf(details.tables, scroll, look).map((table) => viewTable(table, look))
      : windowOf(details.schema, scroll, look).map((entry) => viewEntry(entry, look))
  const header = tab === 'tables' ? tableHeader(look) : entryHeader(look)
  return [
    tabLine,
    colors.dim(` ${header}`),
    ...lines.map((line, i) => asChosen(line, scroll.top + i === scroll.cursor, look)),
  ]
}

const NUMBER_WIDTH = 12
const CHANGE_WIDTH = 9

const nameWidth = ({ width }: Look) => Math.max(20, width - 1 - 3 * NUMBER_WIDTH - CHANGE_WIDTH)

function tableHeader(look: Look): string {
  const numbers = ['rows', 'rows ±', 'size'].map((title) => fitWidth(title, NUMBER_WIDTH, 'right'))
  return [fitWidth('table', nameWidth(look)), ...numbers, '  change'].join('')
}

function viewTable(table: TableChange, look: Look): string {
  const { rowsAfter, rowsBefore, sizeBytesAfter, change } = table
  const difference = (rowsAfter ?? 0) - (rowsBefore ?? 0)
  const numbers = [
    rowsAfter === null ? '-' : formatCount(rowsAfter),
    change === 'unchanged' ? '' : formatChange(difference),
    sizeBytesAfter === null ? '-' : formatSize(sizeBytesAfter),
  ]
  return [
    fitWidth(printable(`${table.namespace}.${table.name}`), nameWidth(look)),
    ...numbers.map((text) => fitWidth(text, NUMBER_WIDTH, 'right')),
    fitWidth(`  ${CHANGES[change]}`, CHANGE_WIDTH),
  ].join('')
}

const KIND_WIDTH = 20

function entryHeader({ width }: Look): string {
  return fitWidth(`${fitWidth('kind', KIND_WIDTH)} name`, width - 1)
}

function viewEntry({ kind, namespace, name }: SchemaEntry, { width }: Look): string {
  const full = printable(namespace === null ? name : `${namespace}.${name}`)
  return fitWidth(`${fitWidth(printable(kind), KIND_WIDTH)} ${full}`, width - 1)
}
