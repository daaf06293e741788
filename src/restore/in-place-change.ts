/**
 * Decides how the live database becomes a commit's state: by changing what
 * differs, or by building everything again. Reads objects alone.
 */
import { coversWholeSchema } from '../capture/selection.ts'
import type { Commit, ManifestRef, SchemaEntry, TableEntry, Tree } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { withScratchDirectory } from '../objects/with-scratch-directory.ts'
import { serverMajorOf } from '../postgres/server-major.ts'
import { findKeyColumns } from '../schema/find-key-columns.ts'
import { compareRows, newRowBudget, type RowComparison } from './compare-rows.ts'
import { hasSameLargeObjects, isSameStream } from './compare-trees.ts'
import type { LiveState } from './live-state.ts'
import { planRenames, type RenamePlan } from './plan-renames.ts'
import { planSurgery, type Surgery, type SurgeryFacts, tableKey } from './plan-surgery.ts'
import { ownTables, type RestoreTarget } from './restore-state.ts'
import { manifestsOf } from './verify-objects.ts'

export type InPlaceChange =
  /** Only what differs is changed. */
  | {
      form: 'surgical'
      /** What gets its name back first; null when nothing was renamed. */
      renames: RenamePlan | null
      /** The rest; planned against the live state as the renames should leave it. */
      surgery: Surgery
      /** What each table's rows need, by `tableKey`; of tables that both sides then have. */
      rows: ReadonlyMap<string, RowComparison>
      facts: SurgeryFacts
    }
  /** Everything is dropped and created again. */
  | { form: 'general'; because: string }

/** What a plan takes the live database for: as it was read, or as renames should leave it. */
export interface PlannedState {
  schema: SurgeryFacts['live']
  columnDependents: SurgeryFacts['columnDependents']
  tree: Tree
}

/**
 * @param source  the database that the target was captured from
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function planInPlaceChange(
  live: LiveState,
  liveObjects: StreamReader,
  target: RestoreTarget,
  source: Commit['database'],
): Promise<InPlaceChange> {
  const sourceMajor = serverMajorOf(source)
  if (serverMajorOf(live.capture.database) !== sourceMajor) {
    // Another major words definitions in other ways, so that what differs cannot be told.
    return {
      form: 'general',
      because: `the commit was made on PostgreSQL ${sourceMajor}, whose definitions are worded in other ways`,
    }
  }
  const renames = planRenamesBetween(live, target, source)
  if (renames !== null) {
    const state = stateAfter(live, renames)
    const rows = await compareAllRows(state, liveObjects, target)
    const facts = surgeryFacts(live, state, target, needsOf(rows))
    const surgery = planSurgery(facts)
    if (surgery !== undefined) return { form: 'surgical', renames, surgery, rows, facts }
  }
  const rows = await compareAllRows(live, liveObjects, target)
  const facts = surgeryFacts(live, live, target, needsOf(rows))
  const surgery = planSurgery(facts)
  if (surgery === undefined) {
    return { form: 'general', because: 'what differs cannot be changed by itself' }
  }
  return { form: 'surgical', renames: null, surgery, rows, facts }
}

/** OIDs say something about this database alone; those of a copy, or of another one, are about other things. */
function planRenamesBetween(
  live: LiveState,
  target: RestoreTarget,
  source: Commit['database'],
): RenamePlan | null {
  const { systemIdentifier, oid } = live.capture.database
  const isSameDatabase =
    systemIdentifier !== null &&
    systemIdentifier === source.systemIdentifier &&
    oid !== undefined &&
    oid === source.oid
  // Where patterns choose what is in a commit, what has another name may be out of sight.
  if (!isSameDatabase || !coversWholeSchema(target.selection) || target.part !== undefined) {
    return null
  }
  const renames = planRenames({
    live: live.schema,
    target: { entries: target.entries, facts: target.facts },
    columnDependents: live.columnDependents,
    tables: live.tree.tables,
    materializedViews: live.tree.materializedViews,
    sequences: live.capture.sequences,
    isSuperuser: live.role.isSuperuser,
    currentUser: live.role.name,
    serverVersionNumber: live.capture.database.serverVersionNumber,
    withOwners: target.withOwners,
  })
  return renames ?? null
}

/** The live state as it should be after renames; what does not name anything stays as it was. */
export function stateAfter(live: LiveState, renames: RenamePlan | null): PlannedState {
  if (renames === null) return live
  const { schema, columnDependents, tables, materializedViews } = renames.live
  return { schema, columnDependents, tree: { ...live.tree, tables, materializedViews } }
}

export function surgeryFacts(
  { capture, role }: LiveState,
  { schema, columnDependents }: Pick<PlannedState, 'schema' | 'columnDependents'>,
  target: RestoreTarget,
  rowNeeds: SurgeryFacts['rowNeeds'],
): SurgeryFacts {
  return {
    live: schema,
    target: { entries: target.entries, facts: target.facts },
    columnDependents,
    rowNeeds,
    keptRows: tablesWhoseRowsStay(target),
    largeTables: new Set(
      target.tree.tables
        .filter(({ rows }) => (rows?.sizeBytes ?? 0) >= LARGE_TABLE_BYTES)
        .map(tableKey),
    ),
    serverVersionNumber: capture.database.serverVersionNumber,
    isSuperuser: role.isSuperuser,
    withOwners: target.withOwners,
    withPrivileges: target.withPrivileges,
    notAltered: target.part?.rebuilt ?? new Set(),
  }
}

const needsOf = (rows: ReadonlyMap<string, RowComparison>): SurgeryFacts['rowNeeds'] =>
  new Map([...rows].flatMap(([key, { kind }]) => (kind === 'equal' ? [] : [[key, kind]])))

/**
 * The plan that does without renames, for when they did not work out. No rows are
 * compared again: a table that renames have nothing to do with keeps what was found of it.
 */
export function withoutRenames(
  change: Extract<InPlaceChange, { form: 'surgical' }>,
  live: LiveState,
  target: RestoreTarget,
): { surgery: Surgery | undefined; facts: SurgeryFacts } {
  const then = new Map(
    stateAfter(live, change.renames).tree.tables.map((table, each) => [
      live.tree.tables[each]!,
      table,
    ]),
  )
  const liveTables = new Map(live.tree.tables.map((table) => [tableKey(table), table]))
  const rowNeeds = new Map<string, 'delta' | 'reload'>()
  for (const table of ownTables(target.tree)) {
    const key = tableKey(table)
    const found = liveTables.get(key)
    if (found === undefined) continue
    const comparison = change.rows.get(key)
    const isUntouched = JSON.stringify(then.get(found)) === JSON.stringify(found)
    const isEqual =
      isSameStream(found.rows, table.rows) && found.columns.join('\0') === table.columns.join('\0')
    if (isUntouched && comparison !== undefined) {
      if (comparison.kind !== 'equal') rowNeeds.set(key, comparison.kind)
    } else if (!isEqual) rowNeeds.set(key, 'reload')
  }
  const facts = surgeryFacts(live, live, target, rowNeeds)
  return { surgery: planSurgery(facts), facts }
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
  live: PlannedState,
  objects: StreamReader,
  target: RestoreTarget,
): Promise<Map<string, RowComparison>> {
  const liveTables = new Map(live.tree.tables.map((table) => [tableKey(table), table]))
  const comparisons = new Map<string, RowComparison>()
  const budget = newRowBudget()
  await withScratchDirectory(async (scratchDirectory) => {
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
  })
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
  const { tables: liveTables } = stateAfter(live, change.renames).tree
  const liveConfiguration = new Map(liveTables.map((table) => [tableKey(table), table.rows]))
  const tables = tree.tables.filter((table) => {
    const key = tableKey(table)
    if (table.extension !== null) {
      return !isSameStream(liveConfiguration.get(key) ?? null, table.rows)
    }
    return builtTables.has(key) || rowSteps.get(key) === 'reload'
  })
  const { metadata, pages } = tree.largeObjects
  return [
    tree.schema,
    ...tables.flatMap(({ rows }) => (rows === null ? [] : [rows])),
    tree.sequences,
    ...(hasSameLargeObjects(live.tree, tree) ? [] : [metadata, pages]),
  ]
}
