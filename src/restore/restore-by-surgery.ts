/**
 * Restores a tree by changing what differs, inside the caller's open transaction.
 *
 * Each attempt runs after a savepoint. One that the server refuses or the proof
 * denies is rolled back to it, and the next alters less and rebuilds more; when
 * none is left, the caller restores in the general form.
 */
import { captureSchema } from '../capture/capture-schema.ts'
import { listRelations } from '../capture/list-relations.ts'
import { isWholeDatabase } from '../capture/selection.ts'
import { isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { emit } from '../events.ts'
import type { TableEntry, Tree } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { compareSchemas } from '../schema/compare-schemas.ts'
import { applyRowDelta } from './apply-row-delta.ts'
import { hasSameLargeObjects } from './compare-trees.ts'
import { describeEntry } from './entry-kinds.ts'
import { assertForeignKeysHold } from './foreign-keys-hold.ts'
import { type InPlaceChange, stateAfter, withoutRenames } from './in-place-change.ts'
import type { LiveState } from './live-state.ts'
import { dropLargeObjects, loadLargeObjects } from './load-large-objects.ts'
import { planRefreshes } from './plan-creation.ts'
import type { RenamePlan } from './plan-renames.ts'
import { planSurgery, type Surgery, type SurgeryFacts, tableKey } from './plan-surgery.ts'
import type { Proof } from './prove.ts'
import { readColumnDependents } from './read-column-dependents.ts'
import { planDefaultPrivilegeReset } from './reset-privileges.ts'
import { loadTables, ownTables, type RestoreTarget, reloadConfiguration } from './restore-state.ts'
import { runRefreshes } from './run-refreshes.ts'
import { moveSequences, readSequences } from './set-sequences.ts'
import { runStatements } from './statement.ts'
import { scriptOf } from './surgery-script.ts'

type SurgicalChange = Extract<InPlaceChange, { form: 'surgical' }>

export interface SurgeryInput {
  live: LiveState
  /** Planned against `live`. */
  change: SurgicalChange
  target: RestoreTarget
  /** Finds the rows that the commit leaves out, for tables that are created again, among those of a live tree. */
  keptData: (tree: Tree, isRebuilt: (table: TableEntry) => boolean) => Promise<TableEntry[]>
  prove: () => Promise<Proof>
}

export type SurgeryOutcome =
  | { kind: 'restored'; proof: Proof }
  | { kind: 'unsuited'; because: string; error: unknown }

/** One attempt: what is renamed, and what is then done. */
interface Attempt {
  renames: RenamePlan | null
  surgery: Surgery
  facts: SurgeryFacts
}

/** @throws what is not the attempt's fault: locks, a lost connection, an interruption, a damaged store */
export async function restoreBySurgery(
  session: Session,
  input: SurgeryInput,
): Promise<SurgeryOutcome> {
  const notAltered = new Set(input.change.facts.notAltered)
  let attempt: Attempt | undefined = input.change
  let because = ''
  let lastError: unknown
  for (let count = 0; count < MAX_ATTEMPTS && attempt !== undefined; count++) {
    await session.execute('SAVEPOINT snap_surgery')
    let tried: Attempt | undefined
    try {
      tried = await rename(session, attempt, input)
      await perform(session, tried, input)
      const proof = await input.prove()
      await session.execute('RELEASE SAVEPOINT snap_surgery')
      return { kind: 'restored', proof }
    } catch (error) {
      if (!isAttemptsFault(error)) throw error
      if (input.target.part !== undefined)
        await assertForeignKeysHold(session, error, (tried ?? attempt).surgery)
      because = error.message
      lastError = error
      await session.execute('ROLLBACK TO SAVEPOINT snap_surgery; RELEASE SAVEPOINT snap_surgery')
      emit(input.target.reporter, {
        kind: 'warning',
        code: 'RESTORE_RETRIED',
        subject: input.live.capture.database.name,
        detail: because,
      })
      attempt = nextAttempt(error, attempt, tried, notAltered, input)
    }
  }
  return { kind: 'unsuited', because, error: lastError }
}

const MAX_ATTEMPTS = 4

/**
 * Gives up the alterations that failed; where none did, or some have before, the
 * renames; and at last everything.
 *
 * @param tried  undefined when the names themselves were refused
 */
function nextAttempt(
  error: AttemptError,
  { renames, facts }: Attempt,
  tried: Attempt | undefined,
  notAltered: Set<string>,
  { change, live, target }: SurgeryInput,
): Attempt | undefined {
  const isFirst = notAltered.size === 0
  const isBlamed = tried !== undefined && blameAlterations(error, tried.surgery, notAltered)
  if (renames !== null && !(isFirst && isBlamed)) {
    notAltered.clear()
    const plan = withoutRenames(change, live, target)
    return plan.surgery === undefined
      ? undefined
      : { ...plan, renames: null, surgery: plan.surgery }
  }
  if (!isBlamed) return undefined
  const without = { ...facts, notAltered }
  const planned = planSurgery(without)
  return planned === undefined ? undefined : { renames, surgery: planned, facts: without }
}

/**
 * Gives things their names back. Where the server then words anything otherwise
 * than the plan has it, the rest is planned anew from what is really there.
 *
 * @throws RESTORE_FAILED  the server refused a name, or what came of it cannot be changed by itself
 */
async function rename(session: Session, attempt: Attempt, input: SurgeryInput): Promise<Attempt> {
  const { renames, facts } = attempt
  if (renames === null) return attempt
  emit(input.target.reporter, { kind: 'phaseStarted', phase: 'renameObjects' })
  await runStatements(session, renames.statements)
  const found = await captureSchema(session, input.target.selection, 'savepoint')
  if (compareSchemas(renames.live.schema.entries, found.entries).length === 0) return attempt
  const seen: SurgeryFacts = {
    ...facts,
    live: found,
    columnDependents: await readColumnDependents(session, found.entries, found.facts),
  }
  const surgery = planSurgery(seen)
  if (surgery === undefined) {
    throw new SnapError(
      'RESTORE_FAILED',
      'what differs after renaming cannot be changed by itself',
      { step: 'names' },
    )
  }
  return { renames, surgery, facts: seen }
}

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

async function perform(
  session: Session,
  { surgery, facts, renames }: Attempt,
  input: SurgeryInput,
): Promise<void> {
  const { target, keptData, change, live } = input
  const { reporter } = target
  const isBuilt = (table: TableEntry) => surgery.builtTables.has(tableKey(table))
  const kept = await keptData(stateAfter(live, renames).tree, isBuilt)
  const script = scriptOf(surgery, {
    ...target,
    tables: ownTables(target.tree),
    serverVersionNumber: session.serverVersionNumber,
    currentUser: live.role.name,
  })
  emit(reporter, { kind: 'phaseStarted', phase: 'dropObjects' })
  if (surgery.resetsDefaultPrivileges) {
    await runStatements(session, await planDefaultPrivilegeReset(session, facts.live.entries))
  }
  await runStatements(session, script.lateDrops)
  await assertUndisturbed(session, [...surgery.rowSteps.keys()])
  await runStatements(session, [...script.truncation, ...script.drops])

  emit(reporter, { kind: 'phaseStarted', phase: 'createObjects' })
  await runStatements(session, script.structure)

  const built = ownTables(target.tree).filter(isBuilt)
  const reloaded = ownTables(target.tree).filter(
    (table) => surgery.rowSteps.get(tableKey(table)) === 'reload',
  )
  await loadTables(session, [...built, ...kept, ...reloaded], target)
  for (const table of ownTables(target.tree)) {
    throwIfAborted(target.signal, 'checkout')
    const comparison = change.rows.get(tableKey(table))
    if (surgery.rowSteps.get(tableKey(table)) !== 'delta' || comparison?.kind !== 'delta') continue
    await applyRowDelta(session, table, comparison.delta)
  }
  await loadBesideRows(session, input)

  emit(reporter, { kind: 'phaseStarted', phase: 'createIndexes' })
  await runStatements(session, script.finish)
  await refreshViews(session, surgery, target)
  await runStatements(session, script.eventTriggers)
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

  if (isWholeDatabase(target.selection) && !hasSameLargeObjects(live.tree, tree)) {
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
