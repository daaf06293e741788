/**
 * Restores a tree into the database that is there, in one transaction.
 *
 * Order: lock against writers, make sure that the plan still is about this
 * database (or plan anew), commit the live state for safety, change what differs
 * or rebuild all, prove, COMMIT. Until COMMIT every other session sees the
 * database as it was, and any failure leaves it so.
 */
import { type CapturedSchema, captureSchema } from '../capture/capture-schema.ts'
import { readSequenceStates } from '../capture/capture-sequences.ts'
import { listRelations } from '../capture/list-relations.ts'
import { coversWholeSchema, isWholeDatabase, WHOLE_DATABASE } from '../capture/selection.ts'
import { type Blocker, SnapError } from '../errors.ts'
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
import { findLiveChanges, type LiveChanges } from './find-live-changes.ts'
import type { InPlaceChange } from './in-place-change.ts'
import type { LiveState } from './live-state.ts'
import { raiseMaintenanceMemory } from './maintenance-memory.ts'
import { partFailed } from './part-errors.ts'
import type { PlannedChange } from './plan-change.ts'
import { compareLargeObjects, type Proof, proveRestore } from './prove.ts'
import { restoreBySurgery } from './restore-by-surgery.ts'
import {
  clearForRestore,
  createStructure,
  finishStructure,
  loadBesideTables,
  loadTables,
  ownTables,
  type RestoreTarget,
} from './restore-state.ts'
import { moveSequences } from './set-sequences.ts'
import { manifestsOf, verifyObjects } from './verify-objects.ts'

export interface InPlaceOptions {
  database: DatabaseAddress
  databaseName: string
  lockTimeoutMs: number
  /** Ends sessions that keep the restore from its locks, and is called with each. */
  onTerminated?: ((blocker: Blocker) => void) | undefined
  withRowProof: boolean
  allowsOtherWords: boolean
  planned: PlannedChange
  /** False makes the plan be made anew in any case: it does not say enough, or is too old. */
  isPlanUsable: boolean
  /** Reads the live state again, but for rows that are the same, and plans against it; called with writers locked out. */
  planAnew: (unchangedRows: LiveChanges['unchangedRows']) => Promise<PlannedChange>
  /** Commits the live state for safety; called with writers locked out, before anything is changed. */
  keep: (live: LiveState) => Promise<void>
  /** Called when it is kept for good, and still nothing is changed. */
  settled: () => Promise<void>
}

/** How a restore went about it. */
export type RestoreForm =
  /** Only what differed was changed. */
  | { kind: 'surgical' }
  /** Everything was dropped and created again. */
  | { kind: 'general'; because: string }

export interface InPlaceResult {
  proof: Proof
  form: RestoreForm
  /** As it was carried out: the plan's own, or one made when the database had changed since. */
  change: InPlaceChange
}

/**
 * @throws POSTGRES_LOCK_TIMEOUT  a table is in use; nothing was changed
 * @throws TARGET_CHANGED         somebody changed the schema or large objects meanwhile; nothing was changed
 * @throws DATA_WOULD_BE_LOST     rows that the commit leaves out could not be kept; nothing was changed
 * @throws RESTORE_FAILED, RESTORE_NOT_PROVEN  nothing was changed
 * @throws RESTORE_IN_DOUBT       the connection was lost at COMMIT
 */
export async function restoreInPlace(
  commit: RestoreTarget,
  options: InPlaceOptions,
): Promise<InPlaceResult> {
  const { database, lockTimeoutMs } = options
  const session = await openSession(database, commit.signal ? { signal: commit.signal } : {})
  try {
    await pinSettings(session, { lockTimeoutMs })
    await raiseMaintenanceMemory(session, 1)
    await session.execute('BEGIN')
    const watched = <T>(work: () => Promise<T>) =>
      watchLocks(session, { ...options, address: database, reporter: commit.reporter }, work)

    const settled = await settle(session, commit, options, watched)
    await options.settled()
    const { live, change, target } = settled
    const unmanagedBefore = await readUnmanaged(session, live.schema.entries, target)
    const keptData = (tree: Tree, isRebuilt: (table: TableEntry) => boolean) =>
      findKeptData(session, target.tree, { tree, isStored: live.isStored }, isRebuilt)
    const keptPositions = await readKeptPositions(session, target.tree)

    const prove = async () => {
      await keepPositions(session, keptPositions)
      const proof = await proveRestore(session, target, {
        ...target,
        withRows: options.withRowProof,
        allowsOtherWords: options.allowsOtherWords,
      })
      await proveUnmanaged(session, unmanagedBefore, target)
      return proof
    }
    const outcome =
      change.form === 'general'
        ? ({ kind: 'unsuited', because: change.because, error: undefined } as const)
        : await watched(() => restoreBySurgery(session, { live, change, target, keptData, prove }))
    if (outcome.kind === 'restored') {
      await commitRestore(session, options.databaseName)
      return { proof: outcome.proof, form: { kind: 'surgical' }, change }
    }
    if (target.part !== undefined) throw partFailed(outcome.because, outcome.error, target.part)
    // The plan to change only what differs has not looked at the rest.
    if (change.form === 'surgical') {
      await verifyObjects(target.objects, manifestsOf(target.tree), target)
    }
    const kept = await keptData(live.tree, () => true)
    const creation = await watched(() => clearForRestore(session, live.schema.entries, target))
    await createStructure(session, creation, target)
    await loadTables(session, [...ownTables(target.tree), ...kept], target)
    await loadBesideTables(session, target)
    await finishStructure(session, creation, target)
    const proof = await prove()
    await commitRestore(session, options.databaseName)
    const { because } = outcome
    return { proof, form: { kind: 'general', because }, change: { form: 'general', because } }
  } finally {
    // An open transaction is rolled back by the server.
    await session.close()
  }
}

/**
 * Locks writers out, and returns a plan that is about the database as it is under
 * these locks: the one that was made before if nothing has been written since.
 *
 * @throws TARGET_CHANGED
 */
async function settle(
  session: Session,
  target: RestoreTarget,
  { planned, isPlanUsable, planAnew, keep }: InPlaceOptions,
  watched: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<PlannedChange> {
  emit(target.reporter, { kind: 'phaseStarted', phase: 'lockTables' })
  let changes: LiveChanges | undefined
  if (isPlanUsable) {
    const { live } = planned
    await watched(() => lockOutWriters(session, live.capture.relationNames))
    const found = await findLiveChanges(session, live)
    if (found === null) {
      await keep(live)
      // Not all that can be written to stands under a lock.
      if ((await findLiveChanges(session, live, { areRowsLocked: true })) === null) return planned
    }
    changes = found ?? undefined
    // Rows in a scratch directory have gone with it.
    if (changes && !live.isStored) changes = { ...changes, unchangedRows: new Map() }
  }

  const locked = changes?.schema ?? (await captureSchema(session, target.selection, 'savepoint'))
  await watched(() => lockOutWriters(session, locked.relationNames))
  const again = await planAnew(changes?.unchangedRows ?? new Map())
  await keep(again.live)
  await assertStandsStill(session, locked, again.live, target)
  return again
}

/**
 * The locks hold back changes to tables that are there, not new tables, functions
 * or large objects; reading the live state leaves time for those.
 *
 * @throws TARGET_CHANGED
 */
async function assertStandsStill(
  session: Session,
  locked: CapturedSchema,
  live: LiveState,
  { selection }: RestoreTarget,
): Promise<void> {
  assertSchemaUnchanged(locked.entries, live.schema.entries)
  const standing = await captureSchema(session, selection, 'savepoint')
  assertSchemaUnchanged(live.schema.entries, standing.entries)
  await assertLargeObjectsUnchanged(session, live.tree, selection)
}

/**
 * SHARE ROW EXCLUSIVE lets readers (the safety commit's among them) go on and
 * waits for every transaction that has written to finish.
 */
async function lockOutWriters(session: Session, relationNames: ReadonlySet<string>): Promise<void> {
  const tables = (await listRelations(session)).filter(
    ({ kind, namespace, name }) =>
      (kind === 'table' || kind === 'partitionedTable') &&
      relationNames.has(`${namespace}\0${name}`),
  )
  if (tables.length > 0) {
    const names = tables.map((table) => `ONLY ${qualifiedName(table)}`)
    await session.execute(`LOCK TABLE ${names.join(', ')} IN SHARE ROW EXCLUSIVE MODE`)
  }
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
  live: readonly SchemaEntry[],
  target: RestoreTarget,
): Promise<SchemaEntry[]> {
  if (coversWholeSchema(target.selection)) return []
  const managed = new Set(live.map(textOf))
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
async function keepPositions(session: Session, positions: readonly SequenceState[]): Promise<void> {
  if (positions.length === 0) return
  const relations = await listRelations(session)
  const standing = new Set(
    relations.filter(({ kind }) => kind === 'sequence').map((sequence) => qualifiedName(sequence)),
  )
  await moveSequences(
    session,
    positions.filter((position) => standing.has(qualifiedName(position))),
  )
}

/**
 * Rows that the commit leaves out (`--exclude-table-data`) stay as they are: where
 * their table is built again, they come back from the safety commit.
 *
 * @throws DATA_WOULD_BE_LOST  there is no safety commit to bring them back from
 */
async function findKeptData(
  session: Session,
  target: Tree,
  live: Pick<LiveState, 'tree' | 'isStored'>,
  isRebuilt: (table: TableEntry) => boolean,
): Promise<TableEntry[]> {
  const withoutRows = target.tables.filter(
    (table) => table.rows === null && table.extension === null && isRebuilt(table),
  )
  if (live.isStored) {
    const names = new Set(withoutRows.map(qualifiedName))
    return live.tree.tables.filter(
      (table) => table.rows !== null && names.has(qualifiedName(table)),
    )
  }

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
