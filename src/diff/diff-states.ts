/**
 * What differs between two states of a database: tables, schema entries,
 * sequences, large objects, materialized views. `before` is turned into `after`.
 */
import { isDeepStrictEqual } from 'node:util'
import { InvariantError, throwIfAborted } from '../errors.ts'
import { splitFields } from '../format/copy-text.ts'
import { encodeManifestNode } from '../format/manifest-node.ts'
import { objectIdOf } from '../format/object-id.ts'
import { checkLargeObjectEntry, checkSequenceState } from '../format/stream-entries.ts'
import type {
  LargeObjectEntry,
  ManifestRef,
  MaterializedViewEntry,
  SchemaEntry,
  SequenceState,
  TableEntry,
} from '../format/values.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { compareSchemas, type SchemaDifference } from '../schema/compare-schemas.ts'
import { findKeyColumns } from '../schema/find-key-columns.ts'
import { diffSources, type SourceDiff } from '../sources/diff-sources.ts'
import { type ColumnComparison, compareColumns } from './column-comparison.ts'
import type { DatabaseState } from './database-state.ts'
import { findRenamedTables } from './find-renamed-tables.ts'
import {
  countRowChanges,
  diffRows,
  type RowChange,
  type RowCounts,
  type RowDiffOptions,
  type TableState,
} from './row-diff.ts'

export interface StateDiff {
  /** Nothing differs but, perhaps, the order in which rows are stored. */
  isEqual: boolean
  /** Sorted by namespace and name; tables that are equal are not in it. */
  tables: TableDiff[]
  schema: SchemaEntryChange[]
  sequences: ValueChange<SequenceState>[]
  largeObjects: LargeObjectChanges
  materializedViews: ValueChange<MaterializedViewEntry>[]
  /** Sorted by name; empty where one of the states has not been looked at. */
  sources: SourceDiff[]
}

export interface TableDiff {
  namespace: string
  name: string
  /** `reordered`: the same rows, stored in another order. */
  change: 'added' | 'removed' | 'changed' | 'reordered'
  /**
   * Of a table that was added or removed, the name that it has in the other state; null where it
   * has none there, or where that cannot be told: in two databases, or after a dump and restore.
   */
  renamed: { namespace: string; name: string } | null
  /** Null where there is no table, or the state does not hold its rows. */
  rowCountBefore: number | null
  rowCountAfter: number | null
  columns: ColumnComparison
  /** What pairs rows as updated; null where the table has no usable key on both sides. */
  keyColumns: string[] | null
  /** Null when one of the states does not hold the rows. */
  rows: RowCounts | null
}

export type SchemaEntryChange =
  | { change: 'added'; before: null; after: SchemaEntry; fields: null }
  | { change: 'removed'; before: SchemaEntry; after: null; fields: null }
  | {
      change: 'changed'
      before: SchemaEntry
      after: SchemaEntry
      /** The fields in which they differ. */
      fields: Array<keyof SchemaEntry>
    }

/** One named value that differs; null where it does not exist. */
export interface ValueChange<T> {
  namespace: string
  name: string
  before: T | null
  after: T | null
}

/** OIDs, ascending. */
export interface LargeObjectChanges {
  added: number[]
  removed: number[]
  /** Contents, owner, privileges or comment differ. */
  changed: number[]
}

export interface DiffOptions extends Omit<RowDiffOptions, 'keyColumns'> {
  /** Which tables' rows to compare; all when not given. The rest are left out of `tables`. */
  isWanted?: ((table: { namespace: string; name: string }) => boolean) | undefined
}

/**
 * Compares two states. Rows are read only where chunks differ.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function diffStates(
  before: DatabaseState,
  after: DatabaseState,
  options: DiffOptions,
): Promise<StateDiff> {
  throwIfAborted(options.signal, 'comparing states')
  const isSame = before.treeId === after.treeId
  const found = {
    tables: isSame ? [] : await diffTables(before, after, options),
    schema: isSame ? [] : diffSchemas(before.schema, after.schema),
    sequences: isSame ? [] : await diffSequences(before, after),
    largeObjects: isSame
      ? { added: [], removed: [], changed: [] }
      : await diffLargeObjects(before, after, options),
    materializedViews: isSame
      ? []
      : diffNamed(before.tree.materializedViews, after.tree.materializedViews),
    sources:
      before.sources === null || after.sources === null
        ? []
        : await diffSources(before.sources, after.sources, options),
  }
  const { added, removed, changed } = found.largeObjects
  const isEqual =
    found.tables.every(({ change }) => change === 'reordered') &&
    found.schema.length === 0 &&
    found.sequences.length === 0 &&
    added.length + removed.length + changed.length === 0 &&
    found.materializedViews.length === 0 &&
    found.sources.length === 0
  return { isEqual, ...found }
}

/** Both states of one table, and what pairs its rows. */
export interface TablePair {
  namespace: string
  name: string
  before: TableEntry | undefined
  after: TableEntry | undefined
  columns: ColumnComparison
  keyColumns: string[] | undefined
}

/** Pairs the tables of two states by name and lists those whose rows or columns may differ, sorted. */
export function listChangedTables(
  before: DatabaseState,
  after: DatabaseState,
  isWanted: DiffOptions['isWanted'] = () => true,
): TablePair[] {
  const changed = diffNamed(before.tree.tables, after.tree.tables, isSameTable).filter(isWanted)
  return changed.map((pair) => {
    const tableBefore = pair.before ?? undefined
    const tableAfter = pair.after ?? undefined
    return {
      namespace: pair.namespace,
      name: pair.name,
      before: tableBefore,
      after: tableAfter,
      columns: compareColumns(tableBefore?.columns ?? [], tableAfter?.columns ?? []),
      keyColumns: commonKey(pair, before.schema, after.schema),
    }
  })
}

/**
 * Yields the rows in which two states of a table differ, as `diffRows` does. A table that one side
 * does not have, has no rows there.
 */
export async function* diffTableRows(
  before: DatabaseState,
  after: DatabaseState,
  pair: TablePair,
  options: Omit<RowDiffOptions, 'keyColumns'>,
): AsyncGenerator<RowChange> {
  if (pair.before?.rows === null || pair.after?.rows === null) return
  const { keyColumns } = pair
  yield* diffRows(...tableStates(before, after, pair), { ...options, keyColumns })
}

function tableStates(
  before: DatabaseState,
  after: DatabaseState,
  pair: TablePair,
): [before: TableState, after: TableState] {
  const columns = pair.before?.columns ?? pair.after?.columns ?? []
  const stateOf = (state: DatabaseState, table: TableEntry | undefined): TableState => ({
    columns: table?.columns ?? columns,
    rows: table?.rows ?? NO_ROWS,
    objects: table === undefined ? EMPTY_STREAM : state.objects,
  })
  return [stateOf(before, pair.before), stateOf(after, pair.after)]
}

const NO_ROWS: ManifestRef = {
  rootId: objectIdOf(encodeManifestNode({ level: 0, chunks: [] })),
  sizeBytes: 0,
  rowCount: 0,
  chunkCount: 0,
}

/** No store holds the node of an empty stream unless some table in it is empty. */
const EMPTY_STREAM: StreamReader = {
  readNode: () => Promise.resolve({ level: 0, chunks: [] }),
  readChunk: () => Promise.reject(new InvariantError('an empty stream has no chunk to read')),
}

async function diffTables(
  before: DatabaseState,
  after: DatabaseState,
  options: DiffOptions,
): Promise<TableDiff[]> {
  const tables: TableDiff[] = []
  const { namesAfter, namesBefore } = findRenamedTables(before, after)
  for (const pair of listChangedTables(before, after, options.isWanted)) {
    throwIfAborted(options.signal, 'comparison')
    const rows = await countRows(before, after, pair, options)
    tables.push({
      namespace: pair.namespace,
      name: pair.name,
      change: changeOf(pair, rows),
      renamed:
        (pair.before === undefined && namesBefore.get(qualifiedName(pair))) ||
        (pair.after === undefined && namesAfter.get(qualifiedName(pair))) ||
        null,
      rowCountBefore: pair.before?.rows?.rowCount ?? null,
      rowCountAfter: pair.after?.rows?.rowCount ?? null,
      columns: pair.columns,
      keyColumns: pair.keyColumns ?? null,
      rows,
    })
  }
  return tables
}

async function countRows(
  before: DatabaseState,
  after: DatabaseState,
  pair: TablePair,
  options: DiffOptions,
): Promise<RowCounts | null> {
  const { rows: rowsBefore = NO_ROWS } = pair.before ?? {}
  const { rows: rowsAfter = NO_ROWS } = pair.after ?? {}
  if (rowsBefore === null || rowsAfter === null) return null
  const isWhole = pair.before === undefined || pair.after === undefined
  // Of a table that only one side has, the manifest knows the count.
  if (isWhole) return { deleted: rowsBefore.rowCount, inserted: rowsAfter.rowCount, updated: 0 }
  const { keyColumns } = pair
  return countRowChanges(...tableStates(before, after, pair), { ...options, keyColumns })
}

function changeOf(
  { before, after, columns }: TablePair,
  rows: RowCounts | null,
): TableDiff['change'] {
  if (before === undefined) return 'added'
  if (after === undefined) return 'removed'
  const isSameColumns = columns.onlyBefore.length === 0 && columns.onlyAfter.length === 0
  const hasRowChanges = rows === null || rows.deleted + rows.inserted + rows.updated > 0
  return isSameColumns && !hasRowChanges ? 'reordered' : 'changed'
}

/** Rows that a state was told to leave out say nothing about the other side's. */
function isSameTable(before: TableEntry, after: TableEntry): boolean {
  const isSameRows =
    before.rows === null || after.rows === null || before.rows.rootId === after.rows.rootId
  return isSameRows && before.columns.join('\0') === after.columns.join('\0')
}

/** A key that holds on both sides pairs rows; one that a side lacks may repeat there. */
function commonKey(
  { before, after }: ValueChange<TableEntry>,
  schemaBefore: readonly SchemaEntry[],
  schemaAfter: readonly SchemaEntry[],
): string[] | undefined {
  const keyBefore = before === null ? undefined : findKeyColumns(schemaBefore, before)
  const keyAfter = after === null ? undefined : findKeyColumns(schemaAfter, after)
  if (before === null) return keyAfter
  if (after === null) return keyBefore
  return keyBefore?.join('\0') === keyAfter?.join('\0') ? keyBefore : undefined
}

function diffSchemas(
  before: readonly SchemaEntry[],
  after: readonly SchemaEntry[],
): SchemaEntryChange[] {
  return compareSchemas(before, after).map(toEntryChange)
}

function toEntryChange(difference: SchemaDifference): SchemaEntryChange {
  switch (difference.kind) {
    case 'missing':
      return { change: 'removed', before: difference.expected, after: null, fields: null }
    case 'extra':
      return { change: 'added', before: null, after: difference.found, fields: null }
    case 'different': {
      const { expected, found, fields } = difference
      return { change: 'changed', before: expected, after: found, fields }
    }
  }
}

async function diffSequences(
  before: DatabaseState,
  after: DatabaseState,
): Promise<ValueChange<SequenceState>[]> {
  if (before.tree.sequences.rootId === after.tree.sequences.rootId) return []
  const read = ({ objects, tree }: DatabaseState) =>
    readJsonStream(objects, tree.sequences, checkSequenceState)
  return diffNamed(await read(before), await read(after))
}

async function diffLargeObjects(
  before: DatabaseState,
  after: DatabaseState,
  options: DiffOptions,
): Promise<LargeObjectChanges> {
  const read = async ({ objects, tree }: DatabaseState) => {
    const entries = await readJsonStream(objects, tree.largeObjects.metadata, checkLargeObjectEntry)
    return new Map(entries.map((entry) => [entry.oid, entry]))
  }
  const [entriesBefore, entriesAfter] = [await read(before), await read(after)]
  const changed = new Set<number>()
  for (const [oid, entry] of entriesAfter) {
    const counterpart = entriesBefore.get(oid)
    if (counterpart !== undefined && !isSameLargeObject(entry, counterpart)) changed.add(oid)
  }
  for await (const oid of listChangedPages(before, after, options)) {
    if (entriesBefore.has(oid) && entriesAfter.has(oid)) changed.add(oid)
  }
  const onlyIn = (some: ReadonlyMap<number, unknown>, others: ReadonlyMap<number, unknown>) =>
    [...some.keys()].filter((oid) => !others.has(oid))
  return {
    added: onlyIn(entriesAfter, entriesBefore),
    removed: onlyIn(entriesBefore, entriesAfter),
    changed: [...changed].sort((left, right) => left - right),
  }
}

async function* listChangedPages(
  before: DatabaseState,
  after: DatabaseState,
  options: DiffOptions,
): AsyncGenerator<number> {
  const pagesOf = ({ tree, objects }: DatabaseState) => ({
    columns: ['oid', 'page', 'data'],
    rows: tree.largeObjects.pages,
    objects,
  })
  const keyColumns = ['oid', 'page']
  for await (const change of diffRows(pagesOf(before), pagesOf(after), {
    ...options,
    keyColumns,
  })) {
    const row = change.kind === 'inserted' ? change.after : change.before
    yield Number(splitFields(row)[0])
  }
}

const isSameLargeObject = (left: LargeObjectEntry, right: LargeObjectEntry) =>
  left.owner === right.owner && left.acl === right.acl && left.comment === right.comment

/** Pairs two lists by name and returns what differs, sorted by namespace and name in code unit order. */
function diffNamed<T extends { namespace: string; name: string }>(
  before: readonly T[],
  after: readonly T[],
  isSame: (left: T, right: T) => boolean = isDeepStrictEqual,
): ValueChange<T>[] {
  const keyed = (values: readonly T[]) =>
    new Map(values.map((value) => [`${value.namespace}\0${value.name}`, value]))
  const [valuesBefore, valuesAfter] = [keyed(before), keyed(after)]
  return [...new Set([...valuesBefore.keys(), ...valuesAfter.keys()])].sort().flatMap((key) => {
    const change = { before: valuesBefore.get(key) ?? null, after: valuesAfter.get(key) ?? null }
    if (change.before !== null && change.after !== null && isSame(change.before, change.after)) {
      return []
    }
    const { namespace, name } = (change.before ?? change.after)!
    return [{ namespace, name, ...change }]
  })
}
