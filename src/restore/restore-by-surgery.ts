/**
 * Restores a tree by changing what differs, inside the caller's open transaction.
 *
 * Each attempt runs after a savepoint. One that the server refuses or the proof
 * denies is rolled back to it, and the next alters less and rebuilds more; when
 * none is left, the caller restores in the general form.
 */
import { listRelations } from '../capture/list-relations.ts'
import { isWholeDatabase } from '../capture/selection.ts'
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { emit } from '../events.ts'
import type { TableEntry } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { applyRowDelta } from './apply-row-delta.ts'
import { isSameStream } from './compare-trees.ts'
import { describeEntry } from './entry-kinds.ts'
import type { InPlaceChange } from './in-place-change.ts'
import type { LiveState } from './live-state.ts'
import { dropLargeObjects, loadLargeObjects } from './load-large-objects.ts'
import { planCreation, planRefreshes } from './plan-creation.ts'
import { planSurgery, type Surgery, tableKey } from './plan-surgery.ts'
import type { Proof } from './prove.ts'
import { planDefaultPrivilegeReset } from './reset-privileges.ts'
import { loadTables, ownTables, type RestoreTarget, reloadConfiguration } from './restore-state.ts'
import { runRefreshes } from './run-refreshes.ts'
import { moveSequences, readSequences } from './set-sequences.ts'
import { runStatements } from './statement.ts'

type SurgicalChange = Extract<InPlaceChange, { form: 'surgical' }>

export interface SurgeryInput {
  live: LiveState
  /** Planned against `live`. */
  change: SurgicalChange
  target: RestoreTarget
  /** Finds the rows that the commit leaves out, for tables that are created again. */
  keptData: (isRebuilt: (table: TableEntry) => boolean) => Promise<TableEntry[]>
  prove: () => Promise<Proof>
}

export type SurgeryOutcome =
  | { kind: 'restored'; proof: Proof }
  | { kind: 'unsuited'; because: string }

/** @throws what is not the attempt's fault: locks, a lost connection, an interruption, a damaged store */
export async function restoreBySurgery(
  session: Session,
  input: SurgeryInput,
): Promise<SurgeryOutcome> {
  const { facts } = input.change
  const notAltered = new Set(facts.notAltered)
  let surgery: Surgery | undefined = input.change.surgery
  let because = ''
  for (let attempt = 0; attempt < MAX_ATTEMPTS && surgery !== undefined; attempt++) {
    await session.execute('SAVEPOINT snap_surgery')
    try {
      await perform(session, surgery, input)
      const proof = await input.prove()
      await session.execute('RELEASE SAVEPOINT snap_surgery')
      return { kind: 'restored', proof }
    } catch (error) {
      if (!isAttemptsFault(error)) throw error
      because = error.message
      await session.execute('ROLLBACK TO SAVEPOINT snap_surgery; RELEASE SAVEPOINT snap_surgery')
      emit(input.target.reporter, {
        kind: 'warning',
        code: 'RESTORE_RETRIED',
        subject: input.live.capture.database.name,
        detail: because,
      })
      if (!blameAlterations(error, surgery, notAltered)) break
      surgery = planSurgery({ ...facts, notAltered })
    }
  }
  return { kind: 'unsuited', because }
}

const MAX_ATTEMPTS = 3

type AttemptError = SnapError<
  'RESTORE_FAILED' | 'RESTORE_NOT_PROVEN' | 'POSTGRES_REFUSED' | 'POSTGRES_PERMISSION_DENIED'
>

function isAttemptsFault(error: unknown): error is AttemptError {
  // What the server has run out of, rebuilding more would need more of.
  if (isOutOfResources(error)) return false
  return (
    isSnapError(error, 'RESTORE_FAILED') ||
    isSnapError(error, 'RESTORE_NOT_PROVEN') ||
    isSnapError(error, 'POSTGRES_REFUSED') ||
    isSnapError(error, 'POSTGRES_PERMISSION_DENIED')
  )
}

function isOutOfResources(error: unknown): boolean {
  if (isSnapError(error, 'RESTORE_FAILED')) return isOutOfResources(error.cause)
  return isSnapError(error, 'POSTGRES_REFUSED') && error.data.sqlState.startsWith('53')
}

/**
 * Notes which alterations are not tried again: the one that failed, or all when
 * none can be told apart.
 *
 * @returns false when nothing was altered that could be rebuilt instead
 */
function blameAlterations(
  error: AttemptError,
  { altered }: Surgery,
  notAltered: Set<string>,
): boolean {
  const names = [...altered]
    .filter(([, { statements }]) => statements.length > 0)
    .map(([entry]) => describeEntry(entry))
  const failed = isSnapError(error, 'RESTORE_FAILED') ? error.data.step : undefined
  const blamed = failed !== undefined && names.includes(failed) ? [failed] : names
  for (const name of blamed) notAltered.add(name)
  return blamed.length > 0
}

async function perform(session: Session, surgery: Surgery, input: SurgeryInput): Promise<void> {
  const { target, keptData, change, live } = input
  const { reporter } = target
  const isBuilt = (table: TableEntry) => surgery.builtTables.has(tableKey(table))
  const kept = await keptData(isBuilt)
  emit(reporter, { kind: 'phaseStarted', phase: 'dropObjects' })
  if (surgery.resetsDefaultPrivileges) {
    await runStatements(session, await planDefaultPrivilegeReset(session, live.schema.entries))
  }
  await runStatements(session, surgery.lateDrops)
  const reloaded = ownTables(target.tree).filter(
    (table) => surgery.rowSteps.get(tableKey(table)) === 'reload',
  )
  await assertUndisturbed(session, [...surgery.rowSteps.keys()])
  if (reloaded.length > 0) {
    await session.execute(
      `TRUNCATE ${reloaded.map((table) => `ONLY ${qualifiedName(table)}`).join(', ')}`,
    )
  }
  await runStatements(session, surgery.drops)

  emit(reporter, { kind: 'phaseStarted', phase: 'createObjects' })
  const wanted = new Set([...surgery.created, ...surgery.altered.keys()])
  const creation = planCreation(
    target.entries.filter((entry) => wanted.has(entry)),
    {
      serverVersionNumber: session.serverVersionNumber,
      currentUser: live.role.name,
      withOwners: target.withOwners,
      withPrivileges: target.withPrivileges,
      standing: (entry) => surgery.altered.get(entry),
      attachesLate: true,
    },
  )
  await runStatements(session, creation.beforeRows)

  const built = ownTables(target.tree).filter(isBuilt)
  await loadTables(session, [...built, ...kept, ...reloaded], target)
  for (const table of ownTables(target.tree)) {
    throwIfAborted(target.signal, 'checkout')
    const comparison = change.rows.get(tableKey(table))
    if (surgery.rowSteps.get(tableKey(table)) !== 'delta' || comparison?.kind !== 'delta') continue
    await applyRowDelta(session, table, comparison.delta)
  }
  await loadBesideRows(session, input)

  emit(reporter, { kind: 'phaseStarted', phase: 'createIndexes' })
  await runStatements(session, [...surgery.tighten, ...creation.afterRows, ...creation.privileges])
  await refreshViews(session, surgery, target)
  await runStatements(session, creation.eventTriggers)
}

/**
 * A foreign key, trigger or rule that still stood would change other rows than planned.
 *
 * @throws RESTORE_NOT_PROVEN  the plan has overlooked one
 */
async function assertUndisturbed(session: Session, tableKeys: readonly string[]): Promise<void> {
  if (tableKeys.length === 0) return
  const names = tableKeys.map((key) => {
    const [namespace, name] = key.split('\0') as [string, string]
    return qualifiedName({ namespace, name })
  })
  const rows = await session.query<{ description: string }>(
    `WITH touched AS (SELECT name::regclass AS oid FROM unnest($1::text[]) AS name)
     SELECT 'foreign key ' || conname AS description FROM pg_catalog.pg_constraint, touched
      WHERE contype = 'f' AND (conrelid = touched.oid OR confrelid = touched.oid)
     UNION ALL SELECT 'trigger ' || tgname FROM pg_catalog.pg_trigger, touched
      WHERE tgrelid = touched.oid AND NOT tgisinternal
     UNION ALL SELECT 'rule ' || rulename FROM pg_catalog.pg_rewrite, touched WHERE ev_class = touched.oid`,
    [names],
  )
  if (rows.length === 0) return
  const differences = rows.map(({ description }) => `${description} stands in the way of rows`)
  throw new SnapError(
    'RESTORE_NOT_PROVEN',
    `cannot change rows safely: ${differences[0]}`,
    { differences },
    { hint: 'nothing was changed' },
  )
}

/** Extensions' configuration, large objects and sequence positions, as far as they are not the commit's already. */
async function loadBesideRows(session: Session, { live, target }: SurgeryInput): Promise<void> {
  const { tree, objects } = target
  for (const table of tree.tables) await reloadConfiguration(session, table, target)

  const { metadata, pages } = live.tree.largeObjects
  const isEqual =
    isSameStream(metadata, tree.largeObjects.metadata) &&
    isSameStream(pages, tree.largeObjects.pages)
  if (isWholeDatabase(target.selection) && !isEqual) {
    await dropLargeObjects(session)
    await loadLargeObjects(session, objects, tree.largeObjects, target)
  }
  await moveSequences(session, await readSequences(objects, tree.sequences))
}

async function refreshViews(
  session: Session,
  { refreshed }: Surgery,
  target: RestoreTarget,
): Promise<void> {
  const wanted = target.tree.materializedViews
  if (wanted.length === 0) return
  const populated = new Map(
    (await listRelations(session)).map((relation) => [tableKey(relation), relation.isPopulated]),
  )
  const differ = new Set(
    wanted.filter((view) => populated.get(tableKey(view)) !== view.isPopulated).map(tableKey),
  )
  const due = target.entries.filter(
    (entry) =>
      entry.kind === 'MATERIALIZED VIEW' &&
      (differ.has(tableKey(entry)) || refreshed.includes(entry)),
  )
  await runRefreshes(session, planRefreshes(due, wanted))
  const emptied = wanted.filter((view) => !view.isPopulated && differ.has(tableKey(view)))
  await runStatements(
    session,
    emptied.map((view) => ({
      subject: `rows of MATERIALIZED VIEW ${view.namespace}.${view.name}`,
      sql: `REFRESH MATERIALIZED VIEW ${qualifiedName(view)} WITH NO DATA`,
    })),
  )
}
