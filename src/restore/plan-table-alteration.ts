/**
 * Plans how a table that stands is altered into what its definition in a commit
 * says, without being created again. Pure.
 *
 * Works on the two definitions as pg_dump writes them, which is also what the
 * proof compares afterwards. What it cannot do, or is not sure of, it leaves:
 * such a table is rebuilt.
 */
import { quoteIdentifier } from '../postgres/quote.ts'
import { unquoteIdentifier } from '../schema/sql-text.ts'
import {
  type ColumnDefinition,
  parseTableDefinition,
  type TableDefinition,
} from '../schema/table-definition.ts'

export interface TableAlteration {
  /** Takes away what is not wanted; runs when everything that depends on it has gone. */
  relax: string[]
  /** Adds what is wanted, except what rows have to meet; runs in the table's turn among what is created. */
  reshape: string[]
  /** What the commit's rows meet and the present ones may not; runs when the rows are in place. */
  tighten: string[]
  /** Columns that go or change their type, by name; what depends on one of them has to go first. */
  disturbedColumns: string[]
  /** Columns that are added and whose values only the commit has. */
  addedColumns: string[]
  /** What partitions lose and gain with the table: `drop check a`, `not null b`. */
  passedOn: Set<string>
}

export interface AlterationOptions {
  serverVersionNumber: number
  /** The present rows stay, so that a column that is added is filled with its default. */
  fillsAddedColumns?: boolean
  /** What goes may be its parent's, and have gone with that already. */
  isPartition?: boolean
  /** The alteration of the table this is a partition of: its columns change with the parent's. */
  parent?: TableAlteration | undefined
}

/** Returns undefined when the table has to be rebuilt. */
export function planTableAlteration(
  liveDefinition: string,
  targetDefinition: string,
  options: AlterationOptions,
): TableAlteration | undefined {
  const live = parseTableDefinition(liveDefinition)
  const target = parseTableDefinition(targetDefinition)
  if (live === undefined || target === undefined) return undefined
  const isSameShape =
    live.name === target.name &&
    live.heritage === target.heritage &&
    live.others.join('\0') === target.others.join('\0')
  if (!isSameShape) return undefined

  const columns = matchColumns(live, target)
  if (columns === undefined) return undefined
  const alteration: TableAlteration = {
    relax: [],
    reshape: [],
    tighten: [],
    disturbedColumns: [],
    addedColumns: [],
    passedOn: new Set(),
  }
  const context = { table: target.name, alteration, options }
  alterChecks(live, target, context)
  for (const column of columns.dropped) dropColumn(column, context)
  for (const [before, after] of columns.kept) {
    if (!alterColumn(before, after, context)) return undefined
  }
  for (const column of columns.added) addColumn(column, context)
  alterSettings(live, target, new Set(columns.dropped.map(({ name }) => name)), context)
  alterStorage(live, target, context)
  return alteration
}

interface Context {
  /** Qualified and quoted. */
  table: string
  alteration: TableAlteration
  options: AlterationOptions
}

interface MatchedColumns {
  kept: [before: ColumnDefinition, after: ColumnDefinition][]
  dropped: ColumnDefinition[]
  added: ColumnDefinition[]
}

/** A new column can only be the last one; a wanted order that this does not give needs a new table. */
function matchColumns(live: TableDefinition, target: TableDefinition): MatchedColumns | undefined {
  const wanted = new Map(target.columns.map((column) => [column.name, column]))
  const kept: MatchedColumns['kept'] = []
  const dropped: ColumnDefinition[] = []
  for (const before of live.columns) {
    const after = wanted.get(before.name)
    if (after === undefined || isComputedOtherwise(before, after)) dropped.push(before)
    else kept.push([before, after])
  }
  const keptNames = new Set(kept.map(([, after]) => after.name))
  const added = target.columns.filter(({ name }) => !keptNames.has(name))
  const order = [...kept.map(([, after]) => after.name), ...added.map(({ name }) => name)]
  const isInOrder = target.columns.every(({ name }, position) => name === order[position])
  // What a generated column is computed from may go, so it goes first.
  dropped.sort((a, b) => Number(b.generated !== null) - Number(a.generated !== null))
  return isInOrder ? { kept, dropped, added } : undefined
}

function isComputedOtherwise(before: ColumnDefinition, after: ColumnDefinition): boolean {
  if (before.generated === null && after.generated === null) return false
  return (
    before.generated !== after.generated ||
    before.type !== after.type ||
    before.collation !== after.collation
  )
}

function alterChecks(live: TableDefinition, target: TableDefinition, context: Context): void {
  const { table, alteration, options } = context
  const ifExists = options.isPartition ? 'IF EXISTS ' : ''
  for (const [name, check] of live.checks) {
    if (target.checks.get(name) === check || isPassedOn(`drop check ${name}`, context)) continue
    alteration.relax.push(`ALTER TABLE ${table} DROP CONSTRAINT ${ifExists}${name}`)
  }
  for (const [name, check] of target.checks) {
    if (live.checks.get(name) === check || isPassedOn(`check ${name}`, context)) continue
    alteration.tighten.push(`ALTER TABLE ${table} ADD ${check}`)
  }
}

/** Whether the parent has done it for its partitions already; notes that it is done for the table's own. */
function isPassedOn(what: string, { alteration, options }: Context): boolean {
  alteration.passedOn.add(what)
  return options.parent?.passedOn.has(what) ?? false
}

function dropColumn({ name }: ColumnDefinition, { table, alteration, options }: Context): void {
  alteration.disturbedColumns.push(unquoteIdentifier(name))
  if (options.parent?.disturbedColumns.includes(unquoteIdentifier(name))) return
  alteration.relax.push(`ALTER TABLE ${table} DROP COLUMN ${name}`)
}

function addColumn(column: ColumnDefinition, context: Context): void {
  const { table, alteration, options } = context
  const { name, type, collation, generated, notNull } = column
  const isInherited = options.parent?.addedColumns.includes(unquoteIdentifier(name)) ?? false
  if (!isInherited) {
    const clauses = [name, type]
    if (collation !== null) clauses.push(`COLLATE ${collation}`)
    if (generated !== null) clauses.push(generated)
    if (column.default !== null && options.fillsAddedColumns) {
      clauses.push(`DEFAULT ${column.default}`)
    }
    alteration.reshape.push(`ALTER TABLE ${table} ADD COLUMN ${clauses.join(' ')}`)
  }
  // Only now, or the server would fill it in for rows that the commit's values come for.
  if (column.default !== null) alteration.reshape.push(setDefault(table, column))
  if (generated === null) alteration.addedColumns.push(unquoteIdentifier(name))
  if (notNull === null || isPassedOn(`not null ${name}`, context)) return
  alteration.tighten.push(setNotNull(table, name, notNull))
}

/** @returns false when only a new table will do */
function alterColumn(before: ColumnDefinition, after: ColumnDefinition, context: Context): boolean {
  const { table, alteration, options } = context
  const { name } = after
  const isRetyped = before.type !== after.type || before.collation !== after.collation
  const changesDefault = before.default !== after.default || (isRetyped && after.default !== null)
  if (changesDefault && before.default !== null) {
    alteration.relax.push(`ALTER TABLE ONLY ${table} ALTER COLUMN ${name} DROP DEFAULT`)
  }
  // The old type may have to go before the new one comes.
  if (isRetyped && hasOwnType(before) && hasOwnType(after)) return false
  if (isRetyped) {
    alteration.disturbedColumns.push(unquoteIdentifier(name))
    if (!options.parent?.disturbedColumns.includes(unquoteIdentifier(name))) {
      // Without one, it is the type's own, of which pg_dump says nothing either.
      const collate = after.collation === null ? '' : ` COLLATE ${after.collation}`
      // Through text, as the rows would take when they are loaded.
      const using = before.type === after.type ? '' : ` USING ${name}::text::${after.type}`
      // A type that stands already lets the old one go; another may only be created by then.
      const steps = hasOwnType(after) ? alteration.reshape : alteration.relax
      steps.push(`ALTER TABLE ${table} ALTER COLUMN ${name} TYPE ${after.type}${collate}${using}`)
    }
  }
  if (changesDefault && after.default !== null) alteration.reshape.push(setDefault(table, after))

  if (before.notNull === after.notNull) return true
  if (before.notNull === null) {
    if (isPassedOn(`not null ${name}`, context)) return true
    alteration.tighten.push(setNotNull(table, name, after.notNull!))
  } else if (after.notNull === null) {
    if (isPassedOn(`null ${name}`, context)) return true
    alteration.relax.push(`ALTER TABLE ${table} ALTER COLUMN ${name} DROP NOT NULL`)
  } else {
    if (isNotInherited(before.notNull) !== isNotInherited(after.notNull)) return false
    const [from, to] = [before, after].map((column) => notNullName(table, column))
    const renaming = [from, to].map((name) => unquoteIdentifier(name!)).join(' to ')
    if (isPassedOn(`rename ${renaming}`, context)) return true
    alteration.relax.push(`ALTER TABLE ${table} RENAME CONSTRAINT ${from} TO ${to}`)
  }
  return true
}

/** PostgreSQL's own types are written without their schema. */
const hasOwnType = ({ type, collation }: ColumnDefinition) =>
  /[".]/.test(type) || (collation !== null && !collation.startsWith('pg_catalog.'))

const isNotInherited = (notNull: string) => notNull.endsWith(' NO INHERIT')

const setDefault = (table: string, column: ColumnDefinition) =>
  `ALTER TABLE ONLY ${table} ALTER COLUMN ${column.name} SET DEFAULT ${column.default}`

/** `NOT NULL` alone stands for a constraint whose name the server chooses. */
function setNotNull(table: string, name: string, notNull: string): string {
  if (notNull === 'NOT NULL') return `ALTER TABLE ${table} ALTER COLUMN ${name} SET NOT NULL`
  return `ALTER TABLE ${table} ADD ${notNull.replace('NOT NULL', `NOT NULL ${name}`)}`
}

function notNullName(table: string, { name, notNull }: ColumnDefinition): string {
  const named = /^CONSTRAINT (.*) NOT NULL/s.exec(notNull ?? '')?.[1]
  if (named !== undefined) return named
  const tableName = unquoteIdentifier(/(?:"(?:[^"]|"")*"|[^."]+)$/.exec(table)?.[0] ?? '')
  return quoteIdentifier(`${tableName}_${unquoteIdentifier(name)}_not_null`)
}

function alterSettings(
  live: TableDefinition,
  target: TableDefinition,
  dropped: ReadonlySet<string>,
  { table, alteration, options }: Context,
): void {
  const alter = (action: string) => {
    alteration.reshape.push(`ALTER TABLE ONLY ${table} ${action}`)
  }
  for (const setting of live.settings.keys()) {
    if (target.settings.has(setting)) continue
    const column = columnOf(setting)
    if (column !== undefined && dropped.has(column)) continue
    const type = target.columns.find(({ name }) => name === column)?.type ?? ''
    alter(resetSetting(setting, type, options.serverVersionNumber))
  }
  for (const [setting, value] of target.settings) {
    const column = columnOf(setting)
    const isNew = column !== undefined && dropped.has(column)
    if (!isNew && live.settings.get(setting) === value) continue
    alter(applySetting(setting, value))
  }
}

const COLUMN_SETTING = /^COLUMN (.*) (STATISTICS|STORAGE|COMPRESSION|OPTION \S+)$/s

const columnOf = (setting: string) => COLUMN_SETTING.exec(setting)?.[1]

function applySetting(setting: string, value: string): string {
  const [, column, property] = COLUMN_SETTING.exec(setting) ?? []
  if (column === undefined) {
    return setting === 'FORCE ROW SECURITY'
      ? 'FORCE ROW LEVEL SECURITY'
      : `REPLICA IDENTITY ${value}`
  }
  if (property!.startsWith('OPTION ')) {
    return `ALTER COLUMN ${column} SET (${property!.slice('OPTION '.length)}=${value})`
  }
  return `ALTER COLUMN ${column} SET ${property} ${value}`
}

function resetSetting(setting: string, type: string, serverVersionNumber: number): string {
  const [, column, property] = COLUMN_SETTING.exec(setting) ?? []
  if (column === undefined) {
    return setting === 'FORCE ROW SECURITY'
      ? 'NO FORCE ROW LEVEL SECURITY'
      : 'REPLICA IDENTITY DEFAULT'
  }
  switch (property) {
    case 'STATISTICS':
      return `ALTER COLUMN ${column} SET STATISTICS -1`
    case 'COMPRESSION':
      return `ALTER COLUMN ${column} SET COMPRESSION default`
    case 'STORAGE':
      return `ALTER COLUMN ${column} SET STORAGE ${usualStorage(type, serverVersionNumber)}`
    default:
      return `ALTER COLUMN ${column} RESET (${property!.slice('OPTION '.length)})`
  }
}

const STORAGE_DEFAULT_SINCE = 160000

function usualStorage(type: string, serverVersionNumber: number): string {
  if (serverVersionNumber >= STORAGE_DEFAULT_SINCE) return 'DEFAULT'
  return /^(?:numeric|inet|cidr)\b/.test(type) ? 'MAIN' : 'EXTENDED'
}

function alterStorage(
  live: TableDefinition,
  target: TableDefinition,
  { table, alteration }: Context,
): void {
  if (live.isUnlogged !== target.isUnlogged) {
    alteration.reshape.push(`ALTER TABLE ${table} SET ${target.isUnlogged ? 'UNLOGGED' : 'LOGGED'}`)
  }
  const [before, after] = [live, target].map(({ parameters }) => [...parameters])
  if (JSON.stringify(before) === JSON.stringify(after)) return
  // All of them, so that they come in the commit's order.
  if (live.parameters.size > 0) {
    const names = [...live.parameters.keys()].join(', ')
    alteration.reshape.push(`ALTER TABLE ONLY ${table} RESET (${names})`)
  }
  if (target.parameters.size > 0) {
    const list = [...target.parameters].map(([name, value]) => `${name}=${value}`).join(', ')
    alteration.reshape.push(`ALTER TABLE ONLY ${table} SET (${list})`)
  }
}
