import type { TableEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import { type BlockRange, rangeCondition } from './block-ranges.ts'

/**
 * Writes the COPY that reads a table's own rows in heap order.
 *
 * An explicit column list keeps generated columns out. A table without any
 * column to copy has none to list: then COPY's default list is right, one empty
 * line per row.
 */
export function copyOutStatement(
  table: Pick<TableEntry, 'namespace' | 'name' | 'columns' | 'extension'>,
): string {
  const name = qualifiedName(table)
  const columns = table.columns.map(quoteIdentifier).join(', ')
  const condition = table.extension?.condition ?? ''
  if (condition !== '') return `COPY (SELECT ${columns} FROM ${rowSource(table)}) TO STDOUT`
  return columns === '' ? `COPY ${name} TO STDOUT` : `COPY ${name} (${columns}) TO STDOUT`
}

/** Writes the COPY that reads those of a table's own rows that lie in a range of its blocks. */
export function copyRangeStatement(
  table: Pick<TableEntry, 'namespace' | 'name' | 'columns'>,
  range: BlockRange,
): string {
  const columns = table.columns.map(quoteIdentifier).join(', ')
  const from = `ONLY ${qualifiedName(table)}`
  return `COPY (SELECT ${columns} FROM ${from} WHERE ${rangeCondition(range)}) TO STDOUT`
}

/** The rows that the COPY reads, for a FROM clause. */
export function rowSource(table: Pick<TableEntry, 'namespace' | 'name' | 'extension'>): string {
  return `ONLY ${qualifiedName(table)} ${table.extension?.condition ?? ''}`
}
