/**
 * What is known of the tables that a script works on: those of a committed
 * schema, and those that the script has made itself.
 */
import type { SchemaEntry, TableEntry } from '../format/values.ts'
import { asKind, type RangeVar, type SqlParser, SyntaxProblem } from './sql-parser.ts'
import { type SqlType, toSqlType } from './type-change.ts'

/** A table as a script names it; without a namespace where it does not say one. */
export interface TableName {
  namespace: string | null
  name: string
}

export function tableNameOf(relation: RangeVar | undefined): TableName {
  return { namespace: relation?.schemaname ?? null, name: relation?.relname ?? '' }
}

export function formatTableName({ namespace, name }: TableName): string {
  return namespace === null ? name : `${namespace}.${name}`
}

/** The parts of a state that are looked at; a `DatabaseState` is one. */
export interface KnownState {
  tree: { tables: readonly TableEntry[] }
  schema: readonly SchemaEntry[]
}

interface FreshTable extends TableName {
  isTemporary: boolean
}

/** What a script has made. */
interface FreshObjects {
  tables: FreshTable[]
  columns: { table: TableName; column: string }[]
}

export class KnownTables {
  readonly #parser: SqlParser
  readonly #state: KnownState | null
  /** What a bare name is taken for; null where nothing is known. */
  #defaultNamespace: string | null = 'public'
  readonly #columnTypes = new Map<string, Map<string, SqlType>>()
  /** Made by the script: losing their rows takes nothing away that was there before. */
  #fresh: FreshTable[] = []
  /** Columns that the script has added to tables that were there. */
  #freshColumns: { table: TableName; column: string }[] = []

  constructor(parser: SqlParser, state: KnownState | null) {
    this.#parser = parser
    this.#state = state
  }

  /** The script has set search_path: a bare name is none of `public` any more, nor what it was before. */
  notePathChange(): void {
    this.#defaultNamespace = null
    this.#fresh = this.#fresh.filter(
      ({ namespace, isTemporary }) => isTemporary || namespace !== null,
    )
    this.#freshColumns = this.#freshColumns.filter(({ table }) => table.namespace !== null)
  }

  addFresh(table: TableName, options: { ifNotExists: boolean; isTemporary: boolean }): void {
    // With IF NOT EXISTS the table may be one that is there; only a known schema can say that it is not.
    const mayExist =
      options.ifNotExists && (this.#state === null || this.#find(table) !== undefined)
    if (!mayExist || options.isTemporary)
      this.#fresh.push({ ...table, isTemporary: options.isTemporary })
  }

  removeFresh(table: TableName): void {
    this.#fresh = this.#fresh.filter((other) => !this.#isFreshName(other, table))
  }

  renameFresh(table: TableName, name: string): void {
    this.#fresh = this.#fresh.map((other) =>
      this.#isFreshName(other, table) ? { ...other, name } : other,
    )
  }

  isFresh(table: TableName): boolean {
    return (
      table.namespace === 'pg_temp' || this.#fresh.some((other) => this.#isFreshName(other, table))
    )
  }

  /** Tells whether the name is that of a temporary table of the script, which no other table references. */
  isTemporary(table: TableName): boolean {
    const named = this.#fresh.find((other) => this.#isFreshName(other, table))
    return table.namespace === 'pg_temp' || named?.isTemporary === true
  }

  /** Returns what the script has made so far, for `restore`. */
  remember(): FreshObjects {
    return { tables: [...this.#fresh], columns: [...this.#freshColumns] }
  }

  restore({ tables, columns }: FreshObjects): void {
    this.#fresh = [...tables]
    this.#freshColumns = [...columns]
  }

  addFreshColumn(table: TableName, column: string): void {
    this.#freshColumns.push({ table, column })
  }

  isFreshColumn(table: TableName, column: string): boolean {
    if (this.isFresh(table)) return true
    return this.#freshColumns.some(
      (other) => other.column === column && this.#isSameName(other.table, table),
    )
  }

  /** Returns how many rows the state holds of a table; null where it is not known. */
  findRowCount(table: TableName): number | null {
    const entry = this.#find(table)
    const rows = this.#state?.tree.tables.find(
      ({ namespace, name }) => namespace === entry?.namespace && name === entry.name,
    )?.rows
    return rows?.rowCount ?? null
  }

  /** Returns the type that a column has in the state, if that is known. */
  findColumnType(table: TableName, column: string): SqlType | undefined {
    const entry = this.#find(table)
    if (entry === undefined) return undefined
    const key = `${entry.namespace}\0${entry.name}`
    const types = this.#columnTypes.get(key) ?? this.#parseColumnTypes(entry)
    this.#columnTypes.set(key, types)
    return types.get(column)
  }

  /**
   * A name without a schema is taken for one of `public`. Where the server's own search_path says
   * otherwise, a table is not recognised as made by the script: too many findings, and never too few.
   */
  #isSameName(left: TableName, right: TableName): boolean {
    if (left.name !== right.name) return false
    const [ofLeft, ofRight] = [left, right].map(
      ({ namespace }) => namespace ?? this.#defaultNamespace,
    )
    return ofLeft === ofRight
  }

  /** A temporary table hides one of the same name, but not from those who name its schema. */
  #isFreshName(fresh: FreshTable, table: TableName): boolean {
    if (!fresh.isTemporary) return this.#isSameName(fresh, table)
    const isByName = table.namespace === null || table.namespace === 'pg_temp'
    return isByName && fresh.name === table.name
  }

  /** A bare name means the table of `public`, else the only one of that name. */
  #find({ namespace, name }: TableName): SchemaEntry | undefined {
    if (namespace === null && this.#defaultNamespace === null) return undefined
    const named = (this.#state?.schema ?? []).filter(
      (entry) =>
        entry.kind === 'TABLE' &&
        entry.name === name &&
        (namespace === null || entry.namespace === namespace),
    )
    return named.length === 1 ? named[0] : named.find((entry) => entry.namespace === 'public')
  }

  #parseColumnTypes({ definition }: SchemaEntry): Map<string, SqlType> {
    const statements = this.#parser.parse(definition ?? '')
    if (statements instanceof SyntaxProblem) return new Map()
    const elements = statements.flatMap((node) => asKind(node, 'CreateStmt')?.tableElts ?? [])
    return new Map(
      elements.flatMap((element) => {
        const column = asKind(element, 'ColumnDef')
        const type = toSqlType(column?.typeName)
        return column?.colname === undefined || type === undefined ? [] : [[column.colname, type]]
      }),
    )
  }
}
