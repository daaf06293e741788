/**
 * Finds what tells the rows of a table apart, from the DDL that pg_dump wrote. Pure.
 */
import type { SchemaEntry } from '../format/values.ts'
import { findParenthesised, splitTopLevel, unquoteIdentifier } from './sql-text.ts'

interface TableName {
  namespace: string
  name: string
}

/**
 * Returns the columns of the primary key, else of the unique constraint or index
 * with the fewest columns, all of them not null; undefined when there is none.
 *
 * A partial index, one over an expression and a temporal key (`WITHOUT
 * OVERLAPS`) are no keys: two rows may agree in their columns.
 *
 * @param table.columns  those that rows are read with; a key of others (generated ones) is of no use
 */
export function findKeyColumns(
  entries: readonly SchemaEntry[],
  table: TableName & { columns: readonly string[] },
): string[] | undefined {
  const own = entries.filter(({ namespace }) => namespace === table.namespace)
  const isReadable = (columns: readonly string[]) =>
    columns.every((column) => table.columns.includes(column))

  const constraints = own
    .filter(({ kind }) => kind === 'CONSTRAINT')
    .flatMap(({ definition }) => parseConstraint(definition ?? '', table))
    .filter(({ columns }) => isReadable(columns))
  const primaryKey = constraints.find(({ isPrimary }) => isPrimary)
  if (primaryKey !== undefined) return primaryKey.columns

  const notNull = new Set(notNullColumns(own, table))
  const indexes = own
    .filter(({ kind }) => kind === 'INDEX')
    .flatMap(({ definition }) => parseUniqueIndex(definition ?? '', table))
  return [...constraints.map(({ columns }) => columns), ...indexes]
    .filter((columns) => isReadable(columns) && columns.every((column) => notNull.has(column)))
    .toSorted((left, right) => left.length - right.length)[0]
}

const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[^\s"().,;]+)`
const QUALIFIED = String.raw`(${IDENTIFIER})\.(${IDENTIFIER})`
const CONSTRAINT = new RegExp(
  String.raw`^ALTER TABLE (?:ONLY )?${QUALIFIED}\s+ADD CONSTRAINT ${IDENTIFIER} (PRIMARY KEY|UNIQUE(?: NULLS NOT DISTINCT)?) \(`,
  'u',
)
const UNIQUE_INDEX = new RegExp(
  String.raw`^CREATE UNIQUE INDEX ${IDENTIFIER} ON (?:ONLY )?${QUALIFIED} USING \w+ \(`,
  'u',
)
const COLUMN_NAME = new RegExp(`^(${IDENTIFIER})$`, 'u')
/** An operator class, collation or order beside a column does not make an expression of it. */
const INDEX_COLUMN = new RegExp(`^(${IDENTIFIER})(?: [^()]*)?$`, 'u')
const NOT_NULL_COLUMN = new RegExp(`^(${IDENTIFIER}) .*? NOT NULL(?: NO INHERIT)?$`, 'su')
/** As PostgreSQL 18 has it for a column that the table inherits. */
const NOT_NULL_ITEM = new RegExp(
  `^(?:CONSTRAINT ${IDENTIFIER} )?NOT NULL (${IDENTIFIER})(?: NO INHERIT)?$`,
  'u',
)

function parseConstraint(
  definition: string,
  table: TableName,
): { isPrimary: boolean; columns: string[] }[] {
  const statement = definition.trim()
  const match = CONSTRAINT.exec(statement)
  if (match === null || !isNameOf(table, match[1]!, match[2]!)) return []
  const columns = parseColumns(statement, COLUMN_NAME)
  return columns === undefined ? [] : [{ isPrimary: match[3] === 'PRIMARY KEY', columns }]
}

function parseUniqueIndex(definition: string, table: TableName): string[][] {
  const statement = definition.trim()
  const match = UNIQUE_INDEX.exec(statement)
  if (match === null || !isNameOf(table, match[1]!, match[2]!)) return []
  const list = findParenthesised(statement)
  if (list === undefined || /\sWHERE\s/.test(statement.slice(list.end))) return []
  const columns = parseColumns(statement, INDEX_COLUMN)
  return columns === undefined ? [] : [columns]
}

/** The names in the first list of a statement; undefined when one of its items is no plain column. */
function parseColumns(statement: string, pattern: RegExp): string[] | undefined {
  const list = findParenthesised(statement)
  if (list === undefined) return undefined
  const names = splitTopLevel(list.content, ',').map((item) => pattern.exec(item)?.[1])
  return names.every((name) => name !== undefined) ? names.map(unquoteIdentifier) : undefined
}

function notNullColumns(own: readonly SchemaEntry[], { name }: TableName): string[] {
  const definition = own.find((entry) => entry.kind === 'TABLE' && entry.name === name)?.definition
  const list = findParenthesised(definition ?? '')
  if (list === undefined) return []
  return splitTopLevel(list.content, ',').flatMap((item) => {
    const constraint = NOT_NULL_ITEM.exec(item)
    if (constraint !== null) return [unquoteIdentifier(constraint[1]!)]
    const column = /^(?:CONSTRAINT|CHECK) /.test(item) ? null : NOT_NULL_COLUMN.exec(item)
    return column === null ? [] : [unquoteIdentifier(column[1]!)]
  })
}

function isNameOf(table: TableName, namespace: string, name: string): boolean {
  return unquoteIdentifier(namespace) === table.namespace && unquoteIdentifier(name) === table.name
}
