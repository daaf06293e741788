/**
 * Whether rows fit tables whose columns are not those that the rows were read with. Pure.
 */
import { SnapError } from '../errors.ts'
import type { TableEntry } from '../format/values.ts'
import { findNumberedColumns } from '../schema/numbered-columns.ts'
import { unquoteIdentifier } from '../schema/sql-text.ts'
import { parseTableDefinition } from '../schema/table-definition.ts'
import type { TablePair } from './part-target.ts'
import { type SchemaState, tableKey } from './plan-surgery.ts'

/** A column whose values come from somewhere else than the rows. */
export interface ColumnWarning {
  code: 'COLUMN_FILLED' | 'TABLE_LEFT_ALONE'
  subject: string
  detail: string
}

interface Misfit {
  table: string
  columns: string[]
  reason: string
}

/**
 * The commit's rows and the live tables.
 *
 * @throws ROWS_DO_NOT_FIT  naming every table and column
 */
export function assertRowsFit(pairs: readonly TablePair[], live: SchemaState): ColumnWarning[] {
  const misfits: Misfit[] = []
  const warnings: ColumnWarning[] = []
  const unfilled = findUnfilledColumns(live)
  for (const pair of pairs) {
    const table = labelOf((pair.live ?? pair.commit)!)
    if (pair.commit === null) {
      warnings.push({
        code: 'TABLE_LEFT_ALONE',
        subject: table,
        detail: 'the commit has no such table; its rows stay',
      })
      continue
    }
    if (pair.commit.rows === null) continue
    if (pair.live === null) {
      misfits.push({ table, columns: [], reason: 'the database has no such table' })
      continue
    }
    const { columns } = pair.live
    const gone = pair.commit.columns.filter((column) => !columns.includes(column))
    if (gone.length > 0) {
      misfits.push({ table, columns: gone, reason: 'the database has no such column to load' })
    }
    const isEmpty = pair.commit.rows.rowCount === 0
    const added = columns.filter((column) => !pair.commit!.columns.includes(column))
    const required = added.filter((column) => unfilled.get(tableKey(pair.live!))?.has(column))
    if (required.length > 0 && !isEmpty) {
      misfits.push({
        table,
        columns: required,
        reason: 'NOT NULL without a default, and the commit has no values for it',
      })
    } else if (added.length > 0) {
      warnings.push({
        code: 'COLUMN_FILLED',
        subject: `${table} (${added.join(', ')})`,
        detail: 'the commit has no such column: rows that are put back get its default',
      })
    }
  }
  if (misfits.length > 0) throw rowsDoNotFit(misfits, 'the rows of the commit do not fit')
  return warnings
}

/**
 * The live rows and the commit's tables.
 *
 * @throws ROWS_DO_NOT_FIT  naming every table and column
 */
export function assertDefinitionsFit(
  pairs: readonly TablePair[],
  commit: SchemaState,
): ColumnWarning[] {
  const misfits: Misfit[] = []
  const unfilled = findUnfilledColumns(commit)
  for (const { live, commit: table } of pairs) {
    if (live === null || table === null || table.extension !== null) continue
    if (live.rows?.rowCount === 0) continue
    const required = table.columns.filter(
      (column) => !live.columns.includes(column) && unfilled.get(tableKey(table))?.has(column),
    )
    if (required.length === 0) continue
    misfits.push({
      table: labelOf(table),
      columns: required,
      reason: 'NOT NULL without a default, and the present rows have no values for it',
    })
  }
  if (misfits.length > 0) throw rowsDoNotFit(misfits, 'the present rows do not fit')
  return []
}

/** Columns by table that a row has to bring along: not null, without a default, not numbered. */
function findUnfilledColumns(schema: SchemaState): Map<string, Set<string>> {
  const numbered = findNumberedColumns(schema)
  const found = new Map<string, Set<string>>()
  for (const [position, entry] of schema.entries.entries()) {
    if (entry.kind !== 'TABLE') continue
    const required = (parseTableDefinition(entry.definition ?? '')?.columns ?? [])
      .filter((column) => column.notNull !== null)
      .filter((column) => column.default === null && column.generated === null)
      .map(({ name }) => unquoteIdentifier(name))
      .filter((name) => !numbered.get(position)?.has(name))
    found.set(tableKey(entry), new Set(required))
  }
  return found
}

const labelOf = ({ namespace, name }: TableEntry) => `${namespace}.${name}`

function rowsDoNotFit(tables: Misfit[], what: string): SnapError<'ROWS_DO_NOT_FIT'> {
  const [{ table, columns, reason }] = tables as [Misfit]
  const more = tables.length > 1 ? ` (and ${tables.length - 1} more)` : ''
  const where = columns.length === 0 ? `'${table}'` : `'${table}' (${columns.join(', ')})`
  return new SnapError(
    'ROWS_DO_NOT_FIT',
    `${what} ${where}: ${reason}${more}`,
    { tables },
    { hint: 'choose other tables with --table, or restore definitions and rows together' },
  )
}
