/**
 * Writes the statements that turn rows and sequences of one state into another's. Pure.
 */
import { decodeField, splitFields } from '../format/copy-text.ts'
import type { SequenceState, TableEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { TablePair } from './diff-states.ts'
import type { RowChange } from './row-diff.ts'

/** Writes the statement that makes one row of a table what it is in the other state. */
export function formatRowChange(pair: TablePair, change: RowChange): string {
  const table = qualifiedName(pair)
  switch (change.kind) {
    case 'deleted':
      return `DELETE FROM ONLY ${table} WHERE ${matchRow(pair, table, change.before)};`
    case 'inserted':
      return formatInsert(pair.after!, table, change.after)
    case 'updated': {
      const values = valuesOf(pair.after!, change.after)
      const settings = change.columns.map(
        (column) => `${quoteIdentifier(column)} = ${literal(values.get(column))}`,
      )
      const condition = matchKey(pair.keyColumns!, valuesOf(pair.before!, change.before))
      return `UPDATE ONLY ${table} SET ${settings.join(', ')} WHERE ${condition};`
    }
  }
}

/** Writes the statement that gives a sequence its position. */
export function formatSequencePosition({
  namespace,
  name,
  lastValue,
  isCalled,
}: SequenceState): string {
  const sequence = quoteLiteral(qualifiedName({ namespace, name }))
  return `SELECT pg_catalog.setval(${sequence}, ${lastValue}, ${isCalled});`
}

function formatInsert({ columns }: TableEntry, table: string, rowText: string): string {
  if (columns.length === 0) return `INSERT INTO ${table} DEFAULT VALUES;`
  const names = columns.map(quoteIdentifier).join(', ')
  const values = splitFields(rowText).map((field) => literal(decodeField(field)))
  // Takes the value also where the column would make its own; without such a column it says nothing.
  return `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE VALUES (${values.join(', ')});`
}

function matchRow(pair: TablePair, table: string, rowText: string): string {
  const values = valuesOf(pair.before!, rowText)
  if (pair.keyColumns !== undefined) return matchKey(pair.keyColumns, values)
  // Equal rows cannot be told apart, and one of them is meant. As text, because
  // some types (json, point) know no equality.
  const isEqual = [...values].map(
    ([column, value]) => `${quoteIdentifier(column)}::text IS NOT DISTINCT FROM ${literal(value)}`,
  )
  const condition = isEqual.length === 0 ? 'true' : isEqual.join(' AND ')
  return `ctid = (SELECT ctid FROM ONLY ${table} WHERE ${condition} LIMIT 1)`
}

function matchKey(
  keyColumns: readonly string[],
  values: ReadonlyMap<string, string | null>,
): string {
  return keyColumns
    .map((column) => `${quoteIdentifier(column)} = ${literal(values.get(column))}`)
    .join(' AND ')
}

function valuesOf({ columns }: TableEntry, rowText: string): Map<string, string | null> {
  const fields = splitFields(rowText)
  return new Map(columns.map((column, position) => [column, decodeField(fields[position]!)]))
}

function literal(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'NULL'
  if (!NOT_PRINTABLE.test(value)) return quoteLiteral(value)
  // A script is read by people and on terminals too; what would move the cursor is written as an escape.
  const quoted = value.replaceAll("'", "''").replaceAll('\\', '\\\\')
  return `E'${quoted.replaceAll(NOT_PRINTABLES, toEscape)}'`
}

const NOT_PRINTABLES = /[\u0001-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const NOT_PRINTABLE = new RegExp(NOT_PRINTABLES.source)

function toEscape(character: string): string {
  if (character === '\n') return '\\n'
  return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`
}
