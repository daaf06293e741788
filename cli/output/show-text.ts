import type { Commit, Selection, TableChange, Tree } from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { formatAuthorAndDate, formatMigrations, formatTotals, totalsOf } from './commit-text.ts'
import { formatField } from './field.ts'
import { printable } from './printable.ts'
import { formatMoments } from './source-text.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_NAME_WIDTH } from './text-table.ts'
import { formatChange, formatCount, formatQuantity, formatSize } from './units.ts'

/** A longer list of tables is shortened to those that changed, unless all are asked for. */
const MAX_TABLE_LINES = 30

/** Says where a commit came from: parents, author, server, migrations, git, selection. */
export function formatOrigin(commit: Commit, style: Pick<TextStyle, 'clock'>): string[] {
  const { database, git, tools } = commit
  const isImported = database.oid === 0
  const system = database.systemIdentifier === null ? '' : ` on system ${database.systemIdentifier}`
  return [
    ...commit.parentIds.map((id) => formatField('Parent', id)),
    formatField('Tree', commit.treeId),
    ...formatAuthorAndDate(commit, style),
    formatField(
      'Database',
      `${printable(database.name)}${isImported ? ', imported: on which system is not known' : system}`,
    ),
    formatField(
      isImported ? 'Restored' : 'Server',
      `PostgreSQL ${printable(database.serverVersion)}, ${printable(database.encoding)}, ` +
        `${printable(database.collate)}; read with pg_dump ${printable(tools.pgDump)}`,
    ),
    ...(database.lsn === null ? [] : [formatField('LSN', database.lsn)]),
    ...formatMigrations(commit),
    ...(git === null || git.commit === null
      ? []
      : [formatField('Git', `${printable(git.branch ?? 'detached HEAD')} ${git.commit}`)]),
    ...formatSelection(commit.selection),
  ]
}

function formatSelection(selection: Selection): string[] {
  const parts: [label: string, patterns: readonly string[]][] = [
    ['only tables', selection.tables],
    ['without tables', selection.excludeTables],
    ['without rows of', selection.excludeTableData],
    ['only schemas', selection.schemas],
    ['without schemas', selection.excludeSchemas],
  ]
  return parts
    .filter(([, patterns]) => patterns.length > 0)
    .map(([label, patterns]) =>
      formatField('Selection', `${label} ${patterns.map(printable).join(', ')}`),
    )
}

/** Lists tables with rows, bytes and their change against the parent. */
export function formatTables(
  changes: readonly TableChange[],
  { isWhole, style }: { isWhole: boolean; style: TextStyle },
): string[] {
  const { colors } = style
  const shown =
    isWhole || changes.length <= MAX_TABLE_LINES
      ? changes
      : changes.filter(({ change }) => change !== 'unchanged')
  const rows = shown.map((table) => [
    printable(`${table.namespace}.${table.name}`),
    table.rowsAfter === null ? '' : formatCount(table.rowsAfter),
    table.change === 'unchanged' || table.change === 'dataKept'
      ? ''
      : paintChange(rowCountChange(table), colors),
    table.sizeBytesAfter === null ? '' : formatSize(table.sizeBytesAfter),
    paintState(table.change, colors),
  ])
  const columns = [
    { header: 'table', shrinksTo: MIN_NAME_WIDTH },
    { header: 'rows', align: 'right' },
    { header: 'change', align: 'right' },
    { header: 'size', align: 'right' },
    { header: '' },
  ] as const
  const leftOut = changes.length - shown.length
  return [
    ...(rows.length === 0 ? [] : [...formatTable(columns, rows, style), '']),
    ...(leftOut === 0
      ? []
      : [`${formatQuantity(leftOut, 'unchanged table')} not listed (--tables lists all)`, '']),
  ]
}

const CHANGE_TEXTS: Readonly<Record<TableChange['change'], string>> = {
  unchanged: '',
  changed: 'changed',
  missing: 'new',
  extra: 'gone',
  dataKept: 'without its rows',
}

function paintState(change: TableChange['change'], colors: Colors): string {
  const { green, red, yellow } = colors
  const paint = { unchanged: yellow, changed: yellow, missing: green, extra: red, dataKept: yellow }
  return paint[change](CHANGE_TEXTS[change])
}

function paintChange(change: number, colors: Colors): string {
  const text = formatChange(change)
  return change === 0 ? text : change > 0 ? colors.green(text) : colors.red(text)
}

function rowCountChange({ rowsBefore, rowsAfter }: TableChange): number {
  return (rowsAfter ?? 0) - (rowsBefore ?? 0)
}

/** Says what else is in a commit, and what is not. */
export function formatContents(commit: Commit, tree: Tree): string[] {
  const notCaptured = commit.notCaptured.map(
    (left) => `  ${printable(left.kind)} ${printable(left.name)}: ${printable(left.reason)}`,
  )
  return [
    formatTotals(totalsOf(tree)),
    `${formatQuantity(tree.schema.rowCount, 'schema entry', 'schema entries')}, ` +
      `${formatQuantity(tree.sequences.rowCount, 'sequence')}, ` +
      formatQuantity(tree.largeObjects.metadata.rowCount, 'large object'),
    ...formatMoments(commit.database.snapshotAt, commit.sources ?? []),
    ...(notCaptured.length === 0 ? [] : ['', 'Not captured:', ...notCaptured]),
  ]
}
