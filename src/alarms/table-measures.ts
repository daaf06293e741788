/**
 * What happened to each table between two states, as numbers. Pure.
 */
import type { StateDiff, TableDiff } from '../diff/diff-states.ts'
import type { SchemaEntry, TableEntry } from '../format/values.ts'
import { listPartitions, type Partition } from '../schema/list-partitions.ts'
import { listTableColumns } from '../schema/list-table-columns.ts'

export interface TableMeasures {
  namespace: string
  name: string
  /** Whether there is such a table; one that is not there has no rows and no columns. */
  existsBefore: boolean
  existsAfter: boolean
  /** What a table that is not there any more is called now; null where it is gone, or that cannot be told. */
  renamedTo: { namespace: string; name: string } | null
  columnsBefore: string[]
  columnsAfter: string[]
  /** Null when one of the states does not hold the rows. Of a partitioned table: those of its partitions. */
  rows: RowMeasures | null
  /** Rows have no key to be paired by: an updated row counts as one deleted and one inserted. */
  isKeyless: boolean
}

export interface RowMeasures {
  countBefore: number
  countAfter: number
  inserted: number
  deleted: number
  updated: number
}

/** The parts of a state that measuring needs; a `DatabaseState` is one. */
export interface MeasuredState {
  tree: { tables: readonly TableEntry[] }
  schema: readonly SchemaEntry[]
}

/**
 * Measures every table of two states, sorted by namespace and name.
 *
 * @param diff  the difference of the same states, of all tables
 */
export function measureTables(
  before: MeasuredState,
  after: MeasuredState,
  diff: Pick<StateDiff, 'tables'>,
): TableMeasures[] {
  const diffs = new Map(diff.tables.map((table) => [keyOf(table), table]))
  const sides = { before: tablesOf(before), after: tablesOf(after) }
  const plain = [...new Set([...sides.before.keys(), ...sides.after.keys()])].map((key) => {
    const [tableBefore, tableAfter] = [sides.before.get(key), sides.after.get(key)]
    const { namespace, name } = (tableBefore ?? tableAfter)!
    const tableDiff = diffs.get(key)
    return {
      namespace,
      name,
      existsBefore: tableBefore !== undefined,
      existsAfter: tableAfter !== undefined,
      renamedTo: tableDiff?.change === 'removed' ? tableDiff.renamed : null,
      columnsBefore: tableBefore?.columns ?? [],
      columnsAfter: tableAfter?.columns ?? [],
      rows: measureRows(tableBefore, tableAfter, tableDiff),
      isKeyless: tableDiff !== undefined && tableDiff.keyColumns === null,
    }
  })
  const partitions = [...listPartitions(before.schema), ...listPartitions(after.schema)]
  return withPartitionedRows(plain, partitions).sort(
    (left, right) => compare(left.namespace, right.namespace) || compare(left.name, right.name),
  )
}

interface TableSide {
  namespace: string
  name: string
  columns: string[]
  /** Undefined for what never has rows of its own; null when they are not held. */
  rowCount: number | null | undefined
}

/** The tables with rows, and those that only the schema knows: partitioned ones. */
function tablesOf({ tree, schema }: MeasuredState): Map<string, TableSide> {
  const tables = new Map<string, TableSide>()
  for (const entry of schema) {
    if (entry.kind !== 'TABLE' || entry.namespace === null) continue
    const { namespace, name } = entry
    const columns = listTableColumns(entry.definition ?? '')
    tables.set(keyOf({ namespace, name }), { namespace, name, columns, rowCount: undefined })
  }
  for (const { namespace, name, columns, rows } of tree.tables) {
    const key = keyOf({ namespace, name })
    // A generated column is only in the definition, an inherited one only among the columns of the rows.
    const all = [...new Set([...columns, ...(tables.get(key)?.columns ?? [])])]
    const rowCount = rows === null ? null : rows.rowCount
    tables.set(key, { namespace, name, columns: all, rowCount })
  }
  return tables
}

function measureRows(
  before: TableSide | undefined,
  after: TableSide | undefined,
  diff: TableDiff | undefined,
): RowMeasures | null {
  if (before?.rowCount === null || after?.rowCount === null) return null
  if (diff !== undefined && diff.rows === null) return null
  return {
    countBefore: before?.rowCount ?? 0,
    countAfter: after?.rowCount ?? 0,
    inserted: diff?.rows?.inserted ?? 0,
    deleted: diff?.rows?.deleted ?? 0,
    updated: diff?.rows?.updated ?? 0,
  }
}

/** Gives partitioned tables the sum of what happened to their partitions, of all levels. */
function withPartitionedRows(
  tables: readonly TableMeasures[],
  partitions: readonly Partition[],
): TableMeasures[] {
  const byKey = new Map(tables.map((table) => [keyOf(table), table]))
  const children = new Map<string, Set<string>>()
  for (const { parent, partition } of partitions) {
    const key = keyOf(parent)
    children.set(key, (children.get(key) ?? new Set()).add(keyOf(partition)))
  }
  const leavesOf = (key: string): TableMeasures[] =>
    [...(children.get(key) ?? [])].flatMap((child) => {
      const table = byKey.get(child)
      return children.has(child) ? leavesOf(child) : table === undefined ? [] : [table]
    })
  return tables.map((table) => {
    const leaves = leavesOf(keyOf(table))
    if (leaves.length === 0) return table
    return { ...table, rows: sumRows(leaves), isKeyless: leaves.some((leaf) => leaf.isKeyless) }
  })
}

function sumRows(tables: readonly TableMeasures[]): RowMeasures | null {
  const sum = { countBefore: 0, countAfter: 0, inserted: 0, deleted: 0, updated: 0 }
  for (const { rows } of tables) {
    if (rows === null) return null
    sum.countBefore += rows.countBefore
    sum.countAfter += rows.countAfter
    sum.inserted += rows.inserted
    sum.deleted += rows.deleted
    sum.updated += rows.updated
  }
  return sum
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}\0${name}`

const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
