/**
 * Writes SQL that turns one state of a database into another. Pure.
 *
 * Rows and sequences become statements. Schema entries that only one state has
 * become statements too, and so do those that can be dropped and made again
 * without touching rows. Every other change of an entry (a column of a table,
 * say) is left to a person, as a comment: there is no telling from two
 * definitions how one was meant to become the other.
 */
import { decodeField, splitFields } from '../format/copy-text.ts'
import type { SchemaEntry, SequenceState, TableEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { SchemaEntryChange, TablePair } from './diff-states.ts'
import type { RowChange } from './row-diff.ts'

/** Goes by itself, takes nothing with it and holds no rows. */
const REPLACEABLE = new Set([
  'CHECK CONSTRAINT',
  'CONSTRAINT',
  'DEFAULT',
  'FK CONSTRAINT',
  'INDEX',
  'POLICY',
  'RULE',
  'STATISTICS',
  'TRIGGER',
])

/** Its definition says the whole, whatever was said before. */
const RESTATABLE = new Set(['COMMENT'])

export interface SchemaScript {
  /** Statements to run before rows are changed: drops, and what rows need. */
  beforeRows: string[]
  /** Indexes, constraints, triggers and the like. */
  afterRows: string[]
  /** Changes that the script does not make. */
  leftOut: SchemaEntryChange[]
}

export function planSchemaScript(changes: readonly SchemaEntryChange[]): SchemaScript {
  const script: SchemaScript = { beforeRows: [], afterRows: [], leftOut: [] }
  const isReplaced = (change: SchemaEntryChange) =>
    change.change === 'changed' &&
    REPLACEABLE.has(change.after.kind) &&
    change.before.dropStatement !== null &&
    change.after.definition !== null
  const isRestated = (change: SchemaEntryChange) =>
    change.change === 'changed' &&
    RESTATABLE.has(change.after.kind) &&
    change.after.definition !== null

  // What depends on others was created after them, and so goes before them.
  for (const change of changes.toReversed()) {
    if (change.change === 'added') continue
    if (change.change === 'changed' && !isReplaced(change)) continue
    if (change.before.dropStatement !== null) script.beforeRows.push(change.before.dropStatement)
    else if (isLeftBehind(change.before, changes)) script.leftOut.push(change)
  }
  for (const change of changes) {
    if (change.change === 'removed') continue
    if (change.change === 'changed' && !isReplaced(change) && !isRestated(change)) {
      script.leftOut.push(change)
    } else if (change.after.definition !== null) {
      const { section, definition } = change.after
      const statements = section === 'postData' ? script.afterRows : script.beforeRows
      statements.push(definition)
    }
  }
  return script
}

/** A comment or a grant that was taken from an object that stays; with its object it would go by itself. */
function isLeftBehind(entry: SchemaEntry, changes: readonly SchemaEntryChange[]): boolean {
  if (!['ACL', 'COMMENT', 'DEFAULT ACL', 'SECURITY LABEL'].includes(entry.kind)) return false
  const goesWith = ({ kind, namespace, name }: SchemaEntry) =>
    namespace === entry.namespace &&
    (entry.name === `${kind} ${name}` || entry.name.startsWith(`COLUMN ${name}.`))
  return !changes.some((change) => change.change === 'removed' && goesWith(change.before))
}

/** What values are written under; a script has to set the same. */
export const SCRIPT_SETTINGS: readonly string[] = [
  `SET LOCAL client_encoding = 'UTF8';`,
  'SET LOCAL standard_conforming_strings = on;',
  `SET LOCAL search_path = '';`,
  `SET LOCAL "DateStyle" = 'ISO, YMD';`,
  `SET LOCAL "IntervalStyle" = 'postgres';`,
  `SET LOCAL "TimeZone" = 'UTC';`,
  'SET LOCAL extra_float_digits = 3;',
  'SET LOCAL check_function_bodies = off;',
  'SET LOCAL row_security = off;',
]

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
