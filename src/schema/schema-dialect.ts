/**
 * Rewrites what the bundled pg_dump 18 writes and an older server cannot parse. Pure.
 *
 * pg_dump promises SQL for servers of its own major and newer. Read from an
 * older server and given back to it, all but the cases here is understood by
 * every server from PostgreSQL 14 on (tried with an object of every kind).
 */
import type { SchemaEntry } from '../format/values.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { findParenthesised, quoteIfNeeded, splitTopLevel, unquoteIdentifier } from './sql-text.ts'

/** Returns the entry with DDL for that server; the same entry when it needs no change. */
export function adaptForServer(entry: SchemaEntry, serverVersionNumber: number): SchemaEntry {
  if (entry.definition === null) return entry
  const definition = adaptDefinition(
    { ...entry, definition: entry.definition },
    serverVersionNumber,
  )
  return definition === entry.definition ? entry : { ...entry, definition }
}

type DefinedEntry = SchemaEntry & { definition: string }

function adaptDefinition(entry: DefinedEntry, serverVersionNumber: number): string {
  switch (entry.kind) {
    case 'TABLE':
    case 'FOREIGN TABLE':
      return serverVersionNumber < NAMED_NOT_NULL_SINCE
        ? withNotNullAfterwards(entry)
        : withNotNullNamed(entry)
    case 'SUBSCRIPTION':
      return serverVersionNumber < RUN_AS_OWNER_SINCE ? withoutRunAsOwner(entry) : entry.definition
    case 'SEQUENCE':
      return serverVersionNumber < UNLOGGED_SEQUENCES_SINCE
        ? withoutPersistence(entry)
        : entry.definition
    default:
      return entry.definition
  }
}

const NAMED_NOT_NULL_SINCE = 180000
const RUN_AS_OWNER_SINCE = 160000
const UNLOGGED_SEQUENCES_SINCE = 150000

/**
 * The identity sequence of an unlogged table: pg_dump 18 says that it is logged,
 * which before PostgreSQL 15 every sequence was.
 */
function withoutPersistence(entry: DefinedEntry): string {
  return entry.definition.replace(/^ {4}(?:UN)?LOGGED\n/m, '')
}

/**
 * A child table that makes an inherited column NOT NULL: PostgreSQL 18 has table
 * constraints for that (`NOT NULL b`), before it the column is altered afterwards.
 */
function withNotNullAfterwards(entry: DefinedEntry): string {
  const columns: string[] = []
  const definition = withItems(entry.definition, (item) => {
    const column = NOT_NULL_ITEM.exec(item)?.[1]
    if (column === undefined) return item
    columns.push(column)
    return null
  })
  const table = entry.dropStatement?.replace(/^DROP (?:FOREIGN )?TABLE /, '').replace(/;$/, '')
  const alterations = columns.map(
    (column) => `ALTER TABLE ONLY ${table} ALTER COLUMN ${column} SET NOT NULL;`,
  )
  return [definition, ...alterations].join('\n')
}

const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[\w$]+)`
const NOT_NULL_ITEM = new RegExp(`^(?:CONSTRAINT ${IDENTIFIER} )?NOT NULL (${IDENTIFIER})`, 'u')
const COLUMN_NOT_NULL = new RegExp(
  `^(${IDENTIFIER}) .*?(?<!CONSTRAINT ${IDENTIFIER})( NOT NULL(?: NO INHERIT)?)$`,
  'su',
)

/**
 * pg_dump leaves out a name that the server would choose by itself. But it would
 * choose another when a table created earlier has taken it, as a copy made by
 * `LIKE` does, which keeps the names of the original (seen on PostgreSQL 18.4).
 */
function withNotNullNamed(entry: DefinedEntry): string {
  return withItems(entry.definition, (item) => {
    const match = COLUMN_NOT_NULL.exec(item)
    if (match === null || /^(?:CONSTRAINT|NOT) /.test(item)) return item
    const [, column, notNull] = match
    const name = quoteIdentifier(usualNotNullName(entry, column!))
    return `${item.slice(0, -notNull!.length)} CONSTRAINT ${name}${notNull}`
  })
}

const usualNotNullName = ({ name }: SchemaEntry, column: string) =>
  `${name}_${unquoteIdentifier(column)}_not_null`

const NAMED_NOT_NULL = new RegExp(
  `^(${IDENTIFIER}) .*?( CONSTRAINT (${IDENTIFIER}))( NOT NULL(?: NO INHERIT)?)$`,
  'su',
)

/** Returns a table with the names that its not-null constraints have, which a rename of table or column leaves alone. */
export function withNotNullNames(entry: SchemaEntry, serverVersionNumber: number): SchemaEntry {
  return entry.kind === 'TABLE' && serverVersionNumber >= NAMED_NOT_NULL_SINCE
    ? adaptForServer(entry, serverVersionNumber)
    : entry
}

/** The opposite: leaves out, as pg_dump does, names that the server would choose by itself. */
export function withoutNotNullNames(entry: SchemaEntry, serverVersionNumber: number): SchemaEntry {
  const { kind, definition } = entry
  if (kind !== 'TABLE' || definition === null || serverVersionNumber < NAMED_NOT_NULL_SINCE) {
    return entry
  }
  const shortened = withItems(definition, (item) => {
    const [, column, clause, name, notNull] = NAMED_NOT_NULL.exec(item) ?? []
    if (column === undefined || /^(?:CONSTRAINT|NOT) /.test(item)) return item
    const given = unquoteIdentifier(name!)
    const isUsual = given === usualNotNullName(entry, column)
    const kept = isUsual ? '' : ` CONSTRAINT ${quoteIfNeeded(given)}`
    return `${item.slice(0, -clause!.length - notNull!.length)}${kept}${notNull}`
  })
  return { ...entry, definition: shortened }
}

/** Before PostgreSQL 16 there was no choice: changes were always applied as the subscription's owner. */
function withoutRunAsOwner({ definition }: DefinedEntry): string {
  const list = findParenthesised(definition, 'WITH')
  if (list === undefined) return definition
  const options = splitTopLevel(list.content, ',').filter(
    (option) => !/^run_as_owner\b/.test(option),
  )
  return `${definition.slice(0, list.start)}(${options.join(', ')})${definition.slice(list.end)}`
}

/** Rewrites the items between the parentheses of a CREATE TABLE; null leaves one out. */
function withItems(definition: string, rewrite: (item: string) => string | null): string {
  const list = findParenthesised(definition)
  if (list === undefined) return definition
  const items = splitTopLevel(list.content, ',')
  const rewritten = items.map(rewrite)
  if (rewritten.every((item, position) => item === items[position])) return definition
  const kept = rewritten.filter((item) => item !== null)
  const content = kept.length === 0 ? '' : `\n    ${kept.join(',\n    ')}\n`
  return `${definition.slice(0, list.start)}(${content})${definition.slice(list.end)}`
}
