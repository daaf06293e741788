/**
 * Restores a tree into the database that is there, in one transaction.
 *
 * Order: lock against writers, commit the live state for safety under that
 * lock, drop and rebuild, prove, COMMIT. Until COMMIT every other session sees
 * the database as it was, and any failure leaves it so.
 */
import { type CapturedSchema, captureSchema } from '../capture/capture-schema.ts'
import { readSequenceStates } from '../capture/capture-sequences.ts'
import { listRelations } from '../capture/list-relations.ts'
import { coversWholeSchema, isWholeDatabase, WHOLE_DATABASE } from '../capture/selection.ts'
import { SnapError } from '../errors.ts'
import { emit } from '../events.ts'
import type { SchemaEntry, Selection, SequenceState, TableEntry, Tree } from '../format/values.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { watchLocks } from '../postgres/lock-watch.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { compareSchemas, describeDifference } from '../schema/compare-schemas.ts'
import { commitRestore } from './commit-transaction.ts'
import { tablesWithoutRows } from './compare-trees.ts'
import { compareLargeObjects, type Proof, proveRestore } from './prove.ts'
import {
  clearForRestore,
  createStructure,
  finishStructure,
  loadBesideTables,
  loadTables,
  ownTables,
  type RestoreTarget,
} from './restore-state.ts'
import { setSequences } from './set-sequences.ts'

export interface InPlaceOptions {
  database: DatabaseAddress
  databaseName: string
  lockTimeoutMs: number
  withRowProof: boolean
  allowsOtherWords: boolean
  /**
   * Called once writers are locked out and before anything is changed; commits
   * the live state and returns its tree and schema, or null without a safety commit.
   */
  beforeChange: () => Promise<{ tree: Tree; schema: readonly SchemaEntry[] } | null>
}

/**
 * @throws POSTGRES_LOCK_TIMEOUT  a table is in use; nothing was changed
 * @throws TARGET_CHANGED         somebody changed the schema or large objects meanwhile; nothing was changed
 * @throws DATA_WOULD_BE_LOST     rows that the commit leaves out could not be kept; nothing was changed
 * @throws RESTORE_FAILED, RESTORE_NOT_PROVEN  nothing was changed
 * @throws RESTORE_IN_DOUBT       the connection was lost at COMMIT
 */
export async function restoreInPlace(
  target: RestoreTarget,
  options: InPlaceOptions,
): Promise<Proof> {
  const { database, lockTimeoutMs } = options
  const session = await openSession(database, target.signal ? { signal: target.signal } : {})
  try {
    await pinSettings(session, { lockTimeoutMs })
    await session.execute('BEGIN')
    const watched = <T>(work: () => Promise<T>) =>
      watchLocks(session, database, target.reporter, work)

    const live = await watched(() => lockOutWriters(session, target))
    const safety = await options.beforeChange()
    if (safety !== null) assertSchemaUnchanged(live.entries, safety.schema)
    // The locks hold back changes to tables that are there, not new tables; a long safety commit leaves time for those.
    const standing = await captureSchema(session, target.selection, 'savepoint')
    assertSchemaUnchanged(live.entries, standing.entries)
    const unmanagedBefore = await readUnmanaged(session, live, target)
    const keptData = await planKeptData(session, target.tree, safety?.tree)
    const keptPositions = await readKeptPositions(session, target.tree)
    if (safety !== null) await assertLargeObjectsUnchanged(session, safety.tree, target.selection)

    const creation = await watched(() => clearForRestore(session, live.entries, target))
    await createStructure(session, creation, target)
    await loadTables(session, [...ownTables(target.tree), ...keptData], target)
    await loadBesideTables(session, target)
    await setKeptPositions(session, keptPositions)
    await finishStructure(session, creation, target)

    const proof = await proveRestore(
      session,
      { tree: target.tree, entries: target.entries },
      { ...target, withRows: options.withRowProof, allowsOtherWords: options.allowsOtherWords },
    )
    await proveUnmanaged(session, unmanagedBefore, target)
    await commitRestore(session, options.databaseName)
    return proof
  } finally {
    // An open transaction is rolled back by the server.
    await session.close()
  }
}

/**
 * SHARE ROW EXCLUSIVE lets readers (the safety commit's among them) go on and
 * waits for every transaction that has written to finish.
 */
async function lockOutWriters(session: Session, target: RestoreTarget): Promise<CapturedSchema> {
  emit(target.reporter, { kind: 'phaseStarted', phase: 'lockTables' })
  const live = await captureSchema(session, target.selection, 'savepoint')
  const tables = (await listRelations(session)).filter(
    ({ kind, namespace, name }) =>
      (kind === 'table' || kind === 'partitionedTable') &&
      live.relationNames.has(`${namespace}\0${name}`),
  )
  if (tables.length > 0) {
    const names = tables.map((table) => `ONLY ${qualifiedName(table)}`)
    await session.execute(`LOCK TABLE ${names.join(', ')} IN SHARE ROW EXCLUSIVE MODE`)
  }
  return live
}

function assertSchemaUnchanged(live: readonly SchemaEntry[], now: readonly SchemaEntry[]): void {
  const [difference] = compareSchemas(live, now)
  if (difference === undefined) return
  throw new SnapError(
    'TARGET_CHANGED',
    `somebody is changing the schema: ${describeDifference(difference)}`,
    { expected: 'the schema to stand still', found: describeDifference(difference) },
    { hint: 'wait until the migration that is running has finished, then run again' },
  )
}

/** No lock that an ordinary role can take keeps others from writing large objects; so they are compared at the last moment. */
async function assertLargeObjectsUnchanged(
  session: Session,
  committed: Tree,
  selection: Selection,
): Promise<void> {
  if (!isWholeDatabase(selection)) return
  const everything = { withOwners: true, withPrivileges: true }
  const [difference] = await compareLargeObjects(session, committed, everything)
  if (difference === undefined) return
  throw new SnapError(
    'TARGET_CHANGED',
    `somebody is writing large objects: ${difference}`,
    { expected: 'the large objects to stand still', found: difference },
    { hint: 'stop what writes them, then run again' },
  )
}

/** Everything that a partial commit does not manage, or nothing when it manages all. */
async function readUnmanaged(
  session: Session,
  live: CapturedSchema,
  target: RestoreTarget,
): Promise<SchemaEntry[]> {
  if (coversWholeSchema(target.selection)) return []
  const managed = new Set(live.entries.map(textOf))
  const all = await captureSchema(session, WHOLE_DATABASE, 'savepoint')
  return all.entries.filter((entry) => !managed.has(textOf(entry)))
}

/** A CASCADE may not have taken what the commit says nothing of. */
async function proveUnmanaged(
  session: Session,
  before: readonly SchemaEntry[],
  target: RestoreTarget,
): Promise<void> {
  if (coversWholeSchema(target.selection)) return
  const managed = new Set(target.entries.map(textOf))
  const all = await captureSchema(session, WHOLE_DATABASE, 'savepoint')
  const after = all.entries.filter((entry) => !managed.has(textOf(entry)))
  const differences = compareSchemas(before, after).map(describeDifference)
  if (differences.length === 0) return
  throw new SnapError(
    'RESTORE_NOT_PROVEN',
    `restoring part of the database would change what is outside of it: ${differences[0]}`,
    { differences },
    {
      hint: 'nothing was changed; check out a commit of the whole database, or drop what depends on these tables',
    },
  )
}

const textOf = ({ kind, namespace, name, definition }: SchemaEntry) =>
  JSON.stringify([kind, namespace, name, definition])

/** Sequences go on where the rows that stay have been numbered up to. */
async function readKeptPositions(session: Session, target: Tree): Promise<SequenceState[]> {
  const withoutRows = tablesWithoutRows(target)
  if (withoutRows.size === 0) return []
  const relations = await listRelations(session)
  return readSequenceStates(
    session,
    relations.filter(({ ownedBy }) => ownedBy !== null && withoutRows.has(qualifiedName(ownedBy))),
  )
}

/** The commit may know a column without its sequence. */
async function setKeptPositions(
  session: Session,
  positions: readonly SequenceState[],
): Promise<void> {
  if (positions.length === 0) return
  const relations = await listRelations(session)
  const standing = new Set(
    relations.filter(({ kind }) => kind === 'sequence').map((sequence) => qualifiedName(sequence)),
  )
  await setSequences(
    session,
    positions.filter((position) => standing.has(qualifiedName(position))),
  )
}

/**
 * Rows that the commit leaves out (`--exclude-table-data`) stay as they are:
 * their table is rebuilt, so they come back from the safety commit.
 */
async function planKeptData(
  session: Session,
  target: Tree,
  safety: Tree | undefined,
): Promise<TableEntry[]> {
  const withoutRows = target.tables.filter(
    ({ rows, extension }) => rows === null && extension === null,
  )
  const kept = withoutRows.flatMap(({ namespace, name }) => {
    const live = safety?.tables.find(
      (table) => table.namespace === namespace && table.name === name && table.rows !== null,
    )
    return live === undefined ? [] : [live]
  })
  if (safety !== undefined) return kept

  const wouldLose: string[] = []
  for (const table of withoutRows) {
    const name = qualifiedName(table)
    const [found] = await session.query<{ exists: boolean }>(
      'SELECT pg_catalog.to_regclass($1) IS NOT NULL AS exists',
      [name],
    )
    if (!found?.exists) continue
    const [row] = await session.query<{ has_rows: boolean }>(
      `SELECT EXISTS (SELECT FROM ONLY ${name}) AS has_rows`,
    )
    if (row?.has_rows) wouldLose.push(`${table.namespace}.${table.name}`)
  }
  if (wouldLose.length === 0) return []
  throw new SnapError(
    'DATA_WOULD_BE_LOST',
    `the commit does not hold the rows of '${wouldLose[0]}', and without a safety commit they cannot be kept`,
    { tables: wouldLose },
    { hint: 'run again without --no-safety' },
  )
}
