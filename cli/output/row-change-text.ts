import {
  decodeField,
  formatCsvLine,
  type RowChange,
  splitFields,
  type TablePair,
} from '../../src/store-index.ts'
import type { Colors } from './colors.ts'
import { cutToWidth } from './fit-width.ts'
import { printable } from './printable.ts'
import { MIN_TITLE_WIDTH } from './text-table.ts'

/** A row that differs, with values as the server prints them. */
export interface ReadableRowChange {
  table: string
  change: RowChange['kind']
  /** The key's values; of a table without key, the whole row. */
  key: Record<string, string | null>
  /** Columns that changed; of a deleted or inserted row, all. */
  columns: string[]
  /** Null where the row does not exist. */
  before: Record<string, string | null> | null
  after: Record<string, string | null> | null
}

export function toReadable(pair: TablePair, change: RowChange): ReadableRowChange {
  const before = change.kind === 'inserted' ? null : valuesOf(pair.before!.columns, change.before)
  const after = change.kind === 'deleted' ? null : valuesOf(pair.after!.columns, change.after)
  const row = (before ?? after)!
  const { keyColumns } = pair
  return {
    table: `${pair.namespace}.${pair.name}`,
    change: change.kind,
    key:
      keyColumns === undefined
        ? row
        : Object.fromEntries(keyColumns.map((column) => [column, row[column] ?? null])),
    columns: change.kind === 'updated' ? change.columns : Object.keys(row),
    before,
    after,
  }
}

function valuesOf(columns: readonly string[], rowText: string): Record<string, string | null> {
  const fields = splitFields(rowText)
  return Object.fromEntries(
    columns.map((column, position) => [column, decodeField(fields[position]!)]),
  )
}

export const ROW_CSV_HEADER = formatCsvLine(['table', 'change', 'key', 'column', 'before', 'after'])

/** One line for each column that changed. */
export function formatRowsAsCsv(row: ReadableRowChange): string[] {
  const key = JSON.stringify(row.key)
  return row.columns.map((column) =>
    formatCsvLine([
      row.table,
      row.change,
      key,
      column,
      row.before?.[column] ?? null,
      row.after?.[column] ?? null,
    ]),
  )
}

const SIGNS: Readonly<Record<RowChange['kind'], string>> = {
  inserted: '+',
  deleted: '-',
  updated: '~',
}

/** A longer value is cut: `--format csv` and `json` have all of it. */
const MAX_VALUE_WIDTH = 48

/** The columns of `formatRowsAsCells`. */
export const ROW_COLUMNS = [
  { header: '' },
  { header: 'key', shrinksTo: MIN_TITLE_WIDTH },
  { header: 'column', shrinksTo: MIN_TITLE_WIDTH },
  { header: 'before', shrinksTo: MIN_TITLE_WIDTH },
  { header: 'after', shrinksTo: MIN_TITLE_WIDTH },
]

/** One line for each column of an updated row, one for the whole of a deleted or inserted one. */
export function formatRowsAsCells(row: ReadableRowChange, colors: Colors): string[][] {
  const paint = { inserted: colors.green, deleted: colors.red, updated: colors.yellow }
  const sign = paint[row.change](SIGNS[row.change])
  const key = formatValues(row.key)
  if (row.change !== 'updated') {
    const { before, after } = row
    return [
      [sign, key, '', before && formatValues(before), after && formatValues(after)].map(
        (cell) => cell ?? '',
      ),
    ]
  }
  return row.columns.map((column) => [
    sign,
    key,
    printable(column),
    formatValue(row.before?.[column]),
    formatValue(row.after?.[column]),
  ])
}

function formatValues(values: Readonly<Record<string, string | null>>): string {
  const parts = Object.entries(values).map(
    ([column, value]) => `${printable(column)}=${formatValue(value)}`,
  )
  return cutToWidth(parts.join(' '), MAX_VALUE_WIDTH)
}

function formatValue(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  return cutToWidth(value === '' ? "''" : printable(value), MAX_VALUE_WIDTH)
}
