/**
 * Makes the contents of an open transaction's database equal to a tree.
 *
 * The general form: drop all that the commit manages, create it again, load
 * rows, then indexes and constraints, then privileges. Nothing here commits.
 */

import { captureStream } from '../capture/capture-stream.ts'
import { copyOutStatement } from '../capture/copy-out-statement.ts'
import { isWholeDatabase } from '../capture/selection.ts'
import { throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { CatalogFact, SchemaEntry, Selection, TableEntry, Tree } from '../format/values.ts'
import { HashingSink } from '../objects/object-sink.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { isSameStream } from './compare-trees.ts'
import { dropLargeObjects, loadLargeObjects } from './load-large-objects.ts'
import { loadRows } from './load-rows.ts'
import { type CreationPlan, planCreation, planRefreshes } from './plan-creation.ts'
import { planDrops } from './plan-drops.ts'
import { planDefaultPrivilegeReset, planSchemaPrivilegeReset } from './reset-privileges.ts'
import { runRefreshes } from './run-refreshes.ts'
import { readSequences, setSequences } from './set-sequences.ts'
import { DEFAULT_SEARCH_PATH, NO_SEARCH_PATH, runStatements } from './statement.ts'

/** What of a target is restored. */
export interface RestoredPart {
  /** Entries that are the live ones, as `describeEntry` names them. */
  outside: ReadonlySet<string>
  /** The columns that tables will have, by `tableKey`, where the rows to load have others. */
  standingColumns: ReadonlyMap<string, readonly string[]>
  /** Tables that cannot be altered into what they are to be, as `describeEntry` names them. */
  rebuilt: ReadonlySet<string>
}

export interface RestoreTarget {
  tree: Tree
  entries: readonly SchemaEntry[]
  /** What the catalog knew of the entries when they were captured, one for each. */
  facts: readonly CatalogFact[]
  selection: Selection
  withOwners: boolean
  withPrivileges: boolean
  objects: StreamReader
  /** Set where only a part is restored: everything else is as it is live, and has to stay so. */
  part?: RestoredPart | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

/**
 * Drops what the target does not keep, and plans how the rest is created.
 *
 * @param live  entries of the same selection, as the open transaction sees them
 */
export async function clearForRestore(
  session: Session,
  live: readonly SchemaEntry[],
  target: RestoreTarget,
): Promise<CreationPlan> {
  emit(target.reporter, { kind: 'phaseStarted', phase: 'dropObjects' })
  if (isWholeDatabase(target.selection)) await dropLargeObjects(session)
  const drops = planDrops(live, target.entries)
  await runStatements(session, drops.statements)
  if (target.withPrivileges) {
    await runStatements(session, await planSchemaPrivilegeReset(session, drops.schemasToReset))
    await runStatements(session, await planDefaultPrivilegeReset(session, live))
  }

  const [user] = await session.query<{ name: string }>('SELECT current_user::text AS name')
  return planCreation(target.entries, {
    serverVersionNumber: session.serverVersionNumber,
    currentUser: user?.name ?? '',
    withOwners: target.withOwners,
    withPrivileges: target.withPrivileges,
    standing: drops.standing,
  })
}

/** Creates schemas, types, functions, tables: everything rows depend on. */
export async function createStructure(
  session: Session,
  creation: CreationPlan,
  { reporter }: RestoreTarget,
): Promise<void> {
  emit(reporter, { kind: 'phaseStarted', phase: 'createObjects' })
  await runStatements(session, creation.beforeRows)
}

/** Tables that the restore itself creates; an extension's tables are the extension's. */
export function ownTables(tree: Tree): TableEntry[] {
  return tree.tables.filter((table) => table.extension === null && table.rows !== null)
}

/** Loads what is not a table of our own: extensions' configuration, large objects, sequence positions. */
export async function loadBesideTables(session: Session, target: RestoreTarget): Promise<void> {
  const { objects, tree } = target
  for (const table of tree.tables) await reloadConfiguration(session, table, target)
  await loadLargeObjects(session, objects, tree.largeObjects, target)
  await setSequences(session, await readSequences(objects, tree.sequences))
}

/**
 * Replaces the rows of an extension's configuration table where they are not the
 * tree's; leaves every other table alone.
 */
export async function reloadConfiguration(
  session: Session,
  table: TableEntry,
  { objects, reporter }: RestoreTarget,
): Promise<void> {
  if (table.extension === null || table.rows === null) return
  // An extension's tables are often not the role's to write, and seldom different.
  const standing = await captureStream(session.copyOut(copyOutStatement(table)), new HashingSink())
  if (isSameStream(standing, table.rows)) return
  await session.execute(`DELETE FROM ONLY ${qualifiedName(table)} ${table.extension.condition}`)
  await loadRows(session, objects, table, { isNew: false, reporter })
}

/** Loads tables created or truncated in this transaction, one after the other. */
export async function loadTables(
  session: Session,
  tables: readonly TableEntry[],
  { objects, reporter, signal, tree }: RestoreTarget,
): Promise<void> {
  emit(reporter, { kind: 'phaseStarted', phase: 'loadRows' })
  const standing = new Map(tree.tables.map((table) => [qualifiedName(table), table.columns]))
  emit(reporter, {
    kind: 'tablesPlanned',
    tableCount: tables.length,
    estimatedSizeBytes: tables.reduce((sum, { rows }) => sum + (rows?.sizeBytes ?? 0), 0),
  })
  // A CHECK constraint or a generated column may call a function that names things without their schema.
  await session.execute(DEFAULT_SEARCH_PATH)
  for (const table of tables) {
    throwIfAborted(signal, 'checkout')
    // Rows that were kept may have columns that the table has no longer.
    const known = standing.get(qualifiedName(table)) ?? table.columns
    const columns = table.columns.filter((column) => known.includes(column))
    await loadRows(session, objects, table, { isNew: true, columns, reporter })
  }
  await session.execute(NO_SEARCH_PATH)
}

/** Creates indexes, constraints, triggers, privileges, event triggers; refreshes materialized views. */
export async function finishStructure(
  session: Session,
  creation: Pick<CreationPlan, 'afterRows' | 'privileges' | 'eventTriggers'>,
  { entries, tree, reporter }: RestoreTarget,
): Promise<void> {
  emit(reporter, { kind: 'phaseStarted', phase: 'createIndexes' })
  await runStatements(session, creation.afterRows)
  await runStatements(session, creation.privileges)
  await runRefreshes(session, planRefreshes(entries, tree.materializedViews))
  await runStatements(session, creation.eventTriggers)
}
