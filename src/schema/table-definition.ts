/**
 * Takes pg_dump's CREATE TABLE apart, as far as altering a table in place needs it. Pure.
 *
 * What is not understood makes the whole definition unreadable, never half of
 * it: such a table is rebuilt instead.
 */
import { findParenthesised, splitTopLevel } from './sql-text.ts'

export interface ColumnDefinition {
  /** As it stands in SQL, quoted where it has to be. */
  name: string
  type: string
  collation: string | null
  /** The expression of DEFAULT. */
  default: string | null
  /** The whole `GENERATED ALWAYS AS (…)` clause. */
  generated: string | null
  /** `NOT NULL`, with its constraint's name and NO INHERIT where they are written. */
  notNull: string | null
}

export interface TableDefinition {
  /** Qualified, as it stands in SQL. */
  name: string
  isUnlogged: boolean
  columns: ColumnDefinition[]
  /** Checks of the table by name: `CONSTRAINT positive CHECK (…)`. */
  checks: Map<string, string>
  /** Other items: not-null constraints that an inheriting table adds to inherited columns. */
  others: string[]
  /** `INHERITS (…)` and `PARTITION BY …`, between the columns and the storage parameters. */
  heritage: string
  /** Storage parameters by name, `toast.` included. */
  parameters: Map<string, string>
  /** The statements after CREATE TABLE by what they set: `COLUMN a STORAGE` → `EXTERNAL`. */
  settings: Map<string, string>
}

const IDENTIFIER = String.raw`(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)`
const QUALIFIED = `${IDENTIFIER}\\.${IDENTIFIER}`

const HEAD = new RegExp(`^CREATE (UNLOGGED )?TABLE (${QUALIFIED}) \\(`, 'u')
const COLUMN_NAME = new RegExp(`^(${IDENTIFIER}) `, 'u')
const CHECK = new RegExp(`^CONSTRAINT (${IDENTIFIER}) CHECK \\(`, 'u')
const NOT_NULL = new RegExp(` (?:CONSTRAINT ${IDENTIFIER} )?NOT NULL(?: NO INHERIT)?$`, 'u')
const COLLATE = new RegExp(` COLLATE (${QUALIFIED})$`, 'u')
const SETTING = new RegExp(`^ALTER TABLE (?:ONLY )?(${QUALIFIED}) (.*)$`, 'su')
const COLUMN_SETTING = new RegExp(
  `^ALTER COLUMN (${IDENTIFIER}) SET (STATISTICS|STORAGE|COMPRESSION) (\\S+)$`,
  'u',
)
const COLUMN_OPTIONS = new RegExp(`^ALTER COLUMN (${IDENTIFIER}) SET \\((.*)\\)$`, 'su')

/** Returns undefined for a table that is not written in the ordinary way, as one OF a type is not. */
export function parseTableDefinition(definition: string): TableDefinition | undefined {
  const [create, ...statements] = splitTopLevel(definition, ';')
  const head = HEAD.exec(create ?? '')
  const list = create === undefined ? undefined : findParenthesised(create)
  if (create === undefined || head === null || list === undefined) return undefined

  const table: TableDefinition = {
    name: head[2]!,
    isUnlogged: head[1] !== undefined,
    columns: [],
    checks: new Map(),
    others: [],
    heritage: '',
    parameters: new Map(),
    settings: new Map(),
  }
  for (const item of splitTopLevel(list.content, ',')) {
    const check = CHECK.exec(item)
    if (check !== null) table.checks.set(check[1]!, item)
    else if (/^(?:CONSTRAINT|NOT NULL) /.test(item)) table.others.push(item)
    else {
      const column = parseColumn(item)
      if (column === undefined) return undefined
      table.columns.push(column)
    }
  }
  return readTail(table, create.slice(list.end).trim()) && readSettings(table, statements)
    ? table
    : undefined
}

/** pg_dump writes: name, type, DEFAULT or GENERATED, NOT NULL, COLLATE. */
function parseColumn(item: string): ColumnDefinition | undefined {
  const name = COLUMN_NAME.exec(item)?.[1]
  if (name === undefined) return undefined
  let rest = item.slice(name.length + 1)

  const collation = COLLATE.exec(rest)?.[1] ?? null
  if (collation !== null) rest = rest.slice(0, -` COLLATE ${collation}`.length)
  const notNull = NOT_NULL.exec(rest)?.[0] ?? null
  if (notNull !== null) rest = rest.slice(0, -notNull.length)

  const value = / (?:DEFAULT|GENERATED ALWAYS AS) /.exec(rest)
  const type = value === null ? rest : rest.slice(0, value.index)
  const clause = value === null ? null : rest.slice(value.index + 1)
  const isDefault = clause?.startsWith('DEFAULT ') ?? false
  // A type's own name may hold quotes around anything; then the words above cannot be told from it.
  if (type.includes('"') && / (?:DEFAULT|GENERATED) /.test(name)) return undefined
  return {
    name,
    type,
    collation,
    default: isDefault ? clause!.slice('DEFAULT '.length) : null,
    generated: isDefault ? null : clause,
    notNull: notNull === null ? null : notNull.trim(),
  }
}

function readTail(table: TableDefinition, tail: string): boolean {
  const list = findParenthesised(tail, 'WITH')
  if (list === undefined) {
    table.heritage = tail
    return true
  }
  for (const parameter of splitTopLevel(list.content, ',')) {
    const [name, value] = splitOnce(parameter, '=')
    if (value === undefined) return false
    table.parameters.set(name, value)
  }
  table.heritage =
    `${tail.slice(0, list.start).replace(/WITH $/, '')}${tail.slice(list.end)}`.trim()
  return true
}

function readSettings(table: TableDefinition, statements: readonly string[]): boolean {
  for (const statement of statements) {
    const [, name, action] = SETTING.exec(statement) ?? []
    if (name !== table.name || action === undefined) return false
    const [, column, property, value] = COLUMN_SETTING.exec(action) ?? []
    const [, optionColumn, options] = COLUMN_OPTIONS.exec(action) ?? []
    if (column !== undefined) table.settings.set(`COLUMN ${column} ${property}`, value!)
    else if (optionColumn !== undefined) {
      for (const option of splitTopLevel(options!, ',')) {
        const [key, setting] = splitOnce(option, '=')
        table.settings.set(`COLUMN ${optionColumn} OPTION ${key}`, setting ?? '')
      }
    } else if (action === 'FORCE ROW LEVEL SECURITY') table.settings.set('FORCE ROW SECURITY', '')
    else if (/^REPLICA IDENTITY (?:FULL|NOTHING)$/.test(action)) {
      table.settings.set('REPLICA IDENTITY', action.slice('REPLICA IDENTITY '.length))
    } else return false
  }
  return true
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1
    ? [text.trim(), undefined]
    : [text.slice(0, at).trim(), text.slice(at + separator.length).trim()]
}
