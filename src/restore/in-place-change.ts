/**
 * Decides how the live database becomes a commit's state: by changing what
 * differs, or by building everything again. Reads objects alone.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ManifestRef, SchemaEntry, TableEntry } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { findKeyColumns } from '../schema/find-key-columns.ts'
import { compareRows, newRowBudget, type RowComparison } from './compare-rows.ts'
import { isSameStream } from './compare-trees.ts'
import type { LiveState } from './live-state.ts'
import { planSurgery, type Surgery, type SurgeryFacts, tableKey } from './plan-surgery.ts'
import { ownTables, type RestoreTarget } from './restore-state.ts'
import { manifestsOf } from './verify-objects.ts'

export type InPlaceChange =
  /** Only what differs is changed. */
  | {
      form: 'surgical'
      surgery: Surgery
      /** What each table's rows need, by `tableKey`; of tables that both sides have. */
      rows: ReadonlyMap<string, RowComparison>
      facts: SurgeryFacts
    }
  /** Everything is dropped and created again. */
  | { form: 'general'; because: string }

/** @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED */
export async function planInPlaceChange(
  live: LiveState,
  liveObjects: StreamReader,
  target: RestoreTarget,
  { sourceMajor }: { sourceMajor: number },
): Promise<InPlaceChange> {
  const { serverVersionNumber } = live.capture.database
  if (Math.trunc(serverVersionNumber / 10_000) !== sourceMajor) {
    // Another major words definitions in other ways, so that what differs cannot be told.
    return {
      form: 'general',
      because: `the commit was made on PostgreSQL ${sourceMajor}, whose definitions are worded in other ways`,
    }
  }
  const rows = await compareAllRows(live, liveObjects, target)
  const facts: SurgeryFacts = {
    live: live.schema,
    target: { entries: target.entries, facts: target.facts },
    columnDependents: live.columnDependents,
    rowNeeds: new Map(
      [...rows].flatMap(([key, { kind }]) => (kind === 'equal' ? [] : [[key, kind]])),
    ),
    keptRows: tablesWhoseRowsStay(target),
    largeTables: new Set(
      target.tree.tables
        .filter(({ rows }) => (rows?.sizeBytes ?? 0) >= LARGE_TABLE_BYTES)
        .map(tableKey),
    ),
    serverVersionNumber,
    isSuperuser: live.role.isSuperuser,
    withOwners: target.withOwners,
    withPrivileges: target.withPrivileges,
    notAltered: target.part?.rebuilt ?? new Set(),
  }
  const surgery = planSurgery(facts)
  if (surgery === undefined) {
    return { form: 'general', because: 'what differs cannot be changed by itself' }
  }
  return { form: 'surgical', surgery, rows, facts }
}

/** From here on, building an index once costs less than adding every row to it. */
const LARGE_TABLE_BYTES = 1024 * 1024

function tablesWhoseRowsStay({ tree, entries, part }: RestoreTarget): Set<string> {
  const stay = new Set(tree.tables.filter(({ rows }) => rows === null).map(tableKey))
  if (part === undefined) return stay
  // A partitioned table has no rows of its own; its columns are its partitions'.
  const withRows = new Set(tree.tables.map(tableKey))
  for (const entry of entries) {
    const key = tableKey(entry)
    if (entry.kind === 'TABLE' && !withRows.has(key)) stay.add(key)
  }
  return stay
}

async function compareAllRows(
  live: LiveState,
  objects: StreamReader,
  target: RestoreTarget,
): Promise<Map<string, RowComparison>> {
  const liveTables = new Map(live.tree.tables.map((table) => [tableKey(table), table]))
  const comparisons = new Map<string, RowComparison>()
  const budget = newRowBudget()
  const scratchDirectory = await mkdtemp(join(tmpdir(), 'snap-rows-'))
  try {
    for (const table of ownTables(target.tree)) {
      const liveTable = liveTables.get(tableKey(table))
      if (liveTable === undefined) continue
      const comparison = await compareRows(liveTable, table, {
        objects,
        findKey: () => commonKey(live.schema.entries, liveTable, target.entries, table),
        budget,
        scratchDirectory,
        signal: target.signal,
      })
      comparisons.set(tableKey(table), comparison)
    }
  } finally {
    await rm(scratchDirectory, { recursive: true, force: true })
  }
  return comparisons
}

/** A key of one side alone does not tell the other's rows apart. */
function commonKey(
  liveEntries: readonly SchemaEntry[],
  liveTable: TableEntry,
  targetEntries: readonly SchemaEntry[],
  table: TableEntry,
): string[] | undefined {
  const key = findKeyColumns(targetEntries, table)
  const liveKey = findKeyColumns(liveEntries, liveTable)
  return key?.join('\0') === liveKey?.join('\0') ? key : undefined
}

/**
 * The row streams that carrying out the change will read from the store.
 *
 * Those of rows that are moved singly are not among them: comparing has read them.
 */
export function streamsNeeded(
  change: InPlaceChange,
  live: LiveState,
  { tree }: RestoreTarget,
): ManifestRef[] {
  if (change.form === 'general') return manifestsOf(tree)
  const { builtTables, rowSteps } = change.surgery
  const liveConfiguration = new Map(live.tree.tables.map((table) => [tableKey(table), table.rows]))
  const tables = tree.tables.filter((table) => {
    const key = tableKey(table)
    if (table.extension !== null) {
      return !isSameStream(liveConfiguration.get(key) ?? null, table.rows)
    }
    return builtTables.has(key) || rowSteps.get(key) === 'reload'
  })
  const { metadata, pages } = tree.largeObjects
  const found = live.tree.largeObjects
  return [
    tree.schema,
    ...tables.flatMap(({ rows }) => (rows === null ? [] : [rows])),
    tree.sequences,
    ...(isSameStream(metadata, found.metadata) && isSameStream(pages, found.pages)
      ? []
      : [metadata, pages]),
  ]
}
