/**
 * Carries out a checkout plan.
 *
 * The order is the promise: the live state is a commit before anything is
 * changed; the database is proven equal before COMMIT; HEAD moves only then, and
 * only then are other datastores touched, whose files have been staged before.
 */
import { commitCapture, hasSameState } from '../capture/commit.ts'
import { DEFAULT_LOCK_TIMEOUT_MS, defaultJobs } from '../capture/default-jobs.ts'
import { type Blocker, InvariantError, isSnapError, SnapError } from '../errors.ts'
import { emit } from '../events.ts'
import { shortId } from '../format/object-id.ts'
import type { CheckoutReason, HeadValue, PartOfDatabase } from '../format/ref-record.ts'
import type { ObjectId, SchemaEntry, TableEntry } from '../format/values.ts'
import { assertCommitIsKept } from '../maintenance/name-commit.ts'
import { withStoreLock } from '../maintenance/with-store-lock.ts'
import { HashingSink, type ObjectSink } from '../objects/object-sink.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { serverMajorOf } from '../postgres/server-major.ts'
import { openSession } from '../postgres/session.ts'
import { moveHead, readHead } from '../refs/head.ts'
import { SAFETY_REF } from '../refs/ref-name.ts'
import { entryKey } from '../schema/compare-schemas.ts'
import {
  type PreparedSources,
  prepareSources,
  type RestoredSource,
} from '../sources/restore-sources.ts'
import type { Store } from '../store.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { findLiveChanges, type LiveChanges } from './find-live-changes.ts'
import type { InPlaceChange } from './in-place-change.ts'
import { isStillStored, type LiveState } from './live-state.ts'
import type { PlannedChange } from './plan-change.ts'
import { type CheckoutOptions, intoTarget, planAnew, restoreTargetOf } from './plan-checkout.ts'
import { listRestorable } from './plan-sources.ts'
import { tableKey } from './plan-surgery.ts'
import type { Proof } from './prove.ts'
import { type InPlaceOptions, type RestoreForm, restoreInPlace } from './restore-in-place.ts'
import { restoreInto } from './restore-into.ts'
import { ownTables } from './restore-state.ts'

export interface CheckoutResult {
  commitId: ObjectId
  /** The commit of the state before: a new one, or one that held it already; null with `--no-safety` and `--into`. */
  safetyCommitId: ObjectId | null
  /** Where HEAD is now. */
  head: HeadValue
  databaseName: string
  restored: RestoredTotals
  /** Of other datastores, as far as the commit holds them. */
  sources: RestoredSource[]
  /** Null when there was nothing to restore: the database equalled the commit already. */
  proof: Proof | null
  /** How it was done; null when nothing was, or a new database was filled. */
  form: RestoreForm | null
  /** Sessions that were ended, while planning and since. */
  terminated: Blocker[]
  elapsedMs: number
}

/** What was written to the database. */
export interface RestoredTotals {
  /** Tables whose rows were loaded or changed. */
  tableCount: number
  /** Tables whose rows stayed as they were. */
  keptTableCount: number
  /** Rows sent, as COPY text of `sizeBytes`. */
  rowCount: number
  sizeBytes: number
  /** Rows deleted one by one; those of tables emptied or dropped are not counted. */
  deletedRowCount: number
  /** Schema entries created, altered or dropped. */
  schemaEntryCount: number
}

/**
 * Makes the database equal to the plan's commit and moves HEAD.
 *
 * @throws POSTGRES_LOCK_TIMEOUT, TARGET_CHANGED, DATA_WOULD_BE_LOST, RESTORE_FAILED,
 *         RESTORE_NOT_PROVEN, ABORTED  nothing was changed
 * @throws COMMIT_PRUNED     the commit was pruned since it was planned; nothing was changed
 * @throws SOURCE_UNREADABLE, SOURCE_CHANGED, SOURCE_COMMAND_FAILED  another datastore could not be
 *         read; nothing was changed
 * @throws SOURCES_NOT_RESTORED  the database was restored and HEAD moved, another datastore was not
 * @throws RESTORE_IN_DOUBT  the connection was lost at COMMIT
 */
export function applyCheckout(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
): Promise<CheckoutResult> {
  return applyPlan(store, plan, options)
}

/** Where one kind of checkout does more than the others. */
export interface ApplySteps {
  /** Runs under the store lock, before the plan's commit is looked at. */
  prepare?(): Promise<void>
  /** Throws when a plan that had to be made anew is not what was agreed to; nothing is changed then. */
  assertSameIntent?(again: PlannedChange): void
  /** Runs when the live state is a commit, before anything is changed. */
  onKept?(commitId: ObjectId): Promise<void>
}

/** As `applyCheckout`, with further steps. */
export function applyPlan(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
  steps: ApplySteps = {},
): Promise<CheckoutResult> {
  const at = (options.now ?? (() => new Date()))()
  return withStoreLock(store, { operation: plan.reason, mode: 'shared', at }, async () => {
    const startedAtMs = performance.now()
    await steps.prepare?.()
    // Planned without the lock: it may have been pruned since.
    await assertCommitIsKept(store, plan.commitId)
    const prepared = await prepareOthers(store, plan, options)
    try {
      const outcome =
        plan.kind === 'into'
          ? await applyInto(store, plan, options)
          : await applyInPlace(store, plan, options, { ...steps, others: prepared })
      const sources = (await prepared?.restore()) ?? []
      assertRestored(plan, sources, outcome.proof)
      return {
        commitId: plan.commitId,
        ...outcome,
        sources,
        databaseName: plan.database.name,
        elapsedMs: performance.now() - startedAtMs,
      }
    } finally {
      await prepared?.discard()
    }
  })
}

/** Reads other datastores as they are, into the store if they are to be kept, and stages the commit's. */
async function prepareOthers(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
): Promise<PreparedSources | undefined> {
  const isWhole = plan.kind === 'inPlace' && plan.part === null && plan.reason !== 'wipe'
  const chosen = isWhole ? listRestorable(options, plan.commit) : []
  if (chosen.length === 0) return undefined
  const prepare = (sink: ObjectSink) =>
    prepareSources({ ...options, chosen, sink, objects: store.objects })
  if (options.withSafetyCommit === false) return prepare(new HashingSink())
  const writer = store.objects.newWriter()
  try {
    const prepared = await prepare(writer)
    try {
      await writer.flush()
    } catch (error) {
      await prepared.discard()
      throw error
    }
    return prepared
  } finally {
    await writer.close()
  }
}

/** @throws SOURCES_NOT_RESTORED */
function assertRestored(
  { database, revision }: CheckoutPlan,
  sources: readonly RestoredSource[],
  proof: Proof | null,
): void {
  const failed = sources.filter(({ reason }) => reason !== null)
  const [first] = failed
  if (first === undefined) return
  const own = {
    name: database.name,
    state: proof === null ? ('unchanged' as const) : ('restored' as const),
    reason: null,
  }
  throw new SnapError(
    'SOURCES_NOT_RESTORED',
    `database '${database.name}' is restored, ${failed.length} of ${sources.length} other datastores ` +
      `are not: ${first.name}: ${first.reason}`,
    { sources: [own, ...sources.map(({ name, state, reason }) => ({ name, state, reason }))] },
    {
      hint: `put that right and run 'snap checkout ${revision}' again, or 'snap undo' to return to the state before`,
    },
  )
}

async function applyInto(store: Store, plan: CheckoutPlan, options: CheckoutOptions) {
  if (options.into === undefined)
    throw new InvariantError('a plan to restore into needs an address')
  const { target } = await intoTarget(store, plan, options)
  const proof = await restoreInto(target, {
    into: options.into,
    source: plan.commit.database,
    jobs: options.jobs ?? defaultJobs(),
    withRowProof: options.withRowProof ?? false,
  })
  const totals = totalsOf(restoredTables(plan), plan.schemaEntries, { form: 'general' })
  const restored = { ...totals, schemaEntryCount: proof.schemaEntryCount }
  return {
    safetyCommitId: null,
    head: plan.headBefore,
    proof,
    form: null,
    restored,
    terminated: [],
  }
}

/** The tables whose rows were made the commit's. */
function restoredTables({ tree, part }: CheckoutPlan): TableEntry[] {
  if (part?.aspect === 'schema') return []
  if (part?.relations == null) return ownTables(tree)
  const chosen = new Set(part.relations.map(qualifiedName))
  return ownTables(tree).filter((table) => chosen.has(qualifiedName(table)))
}

async function applyInPlace(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
  steps: ApplySteps & { others: PreparedSources | undefined },
) {
  if (plan.inPlace === null) throw new InvariantError('a plan to restore in place needs a change')
  let safetyCommitId: ObjectId | null = null
  let { recorded } = plan.inPlace
  const terminated = [...plan.terminated]
  const onTerminated = (blocker: Blocker) => void terminated.push(blocker)
  const keep = async (live: LiveState) => {
    if (options.withSafetyCommit === false) return
    safetyCommitId = await keepLiveState(store, plan, live, steps.others, options)
    await steps.onKept?.(safetyCommitId)
  }
  const settled = async () => {
    if (safetyCommitId === null) return
    await options.onKept?.({ commitId: safetyCommitId, head: plan.headBefore })
  }
  const inPlace = {
    database: options.database,
    databaseName: plan.database.name,
    lockTimeoutMs: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    onTerminated: options.terminatesBlockers === true ? onTerminated : undefined,
    withRowProof: options.withRowProof ?? false,
    allowsOtherWords: serverMajorOf(plan.database) !== serverMajorOf(plan.commit.database),
    planned: plan.inPlace,
    isPlanUsable:
      isPlanUsable(plan, plan.inPlace.live, options) &&
      (await isStillStored(store.objects, plan.inPlace.live)),
    planAnew: async (unchangedRows: LiveChanges['unchangedRows']) => {
      const again = await planAnew(store, plan, options, { onTerminated, unchangedRows })
      recorded = again.recorded
      steps.assertSameIntent?.(again)
      return again
    },
    keep,
    settled,
  }
  const { proof, form, change } = plan.isNoOp
    ? await confirmNoOp(plan, inPlace)
    : await restoreInPlace(restoreTargetOf(store, plan, options), inPlace)

  emit(options.reporter, { kind: 'phaseStarted', phase: 'moveHead' })
  const head = await recordCheckout(store, plan, { safetyCommitId, recorded }, options)
  const restored = totalsOf(restoredTables(plan), plan.schemaEntries, change)
  return { safetyCommitId, head, proof, form, restored, terminated }
}

/** @param change  null when nothing was changed */
function totalsOf(
  tables: readonly TableEntry[],
  schemaEntries: readonly SchemaEntry[],
  change: InPlaceChange | { form: 'general' } | null,
): RestoredTotals {
  const totals: RestoredTotals = {
    tableCount: 0,
    keptTableCount: 0,
    rowCount: 0,
    sizeBytes: 0,
    deletedRowCount: 0,
    schemaEntryCount: 0,
  }
  for (const table of tables) {
    const key = tableKey(table)
    const delta = change?.form === 'surgical' ? change.rows.get(key) : undefined
    const isLoaded =
      change?.form === 'general' ||
      (change?.form === 'surgical' &&
        (change.surgery.builtTables.has(key) || change.surgery.rowSteps.get(key) === 'reload'))
    if (isLoaded) {
      totals.tableCount++
      totals.rowCount += table.rows?.rowCount ?? 0
      totals.sizeBytes += table.rows?.sizeBytes ?? 0
    } else if (delta?.kind === 'delta') {
      const { deletedKeys, insertedRows } = delta.delta
      totals.tableCount++
      totals.rowCount += insertedRows.length
      totals.deletedRowCount += deletedKeys.length
      totals.sizeBytes += insertedRows.reduce((sum, row) => sum + row.length + 1, 0)
    } else {
      totals.keptTableCount++
    }
  }
  if (change?.form === 'general') totals.schemaEntryCount = schemaEntries.length
  if (change?.form === 'surgical') {
    const { created, dropped, altered } = change.surgery
    const touched = [...created, ...dropped, ...altered.keys()].map(entryKey)
    totals.schemaEntryCount = new Set(touched).size
  }
  return totals
}

/**
 * Whether a commit may name what the plan has read: all rows that there are, and
 * nothing that garbage collection may have taken meanwhile (store-format.md, "Deletion").
 */
function isPlanUsable(
  { requested }: CheckoutPlan,
  { isStored, readAt, selection }: LiveState,
  { withSafetyCommit = true, now = () => new Date() }: CheckoutOptions,
): boolean {
  if (!withSafetyCommit && requested === null) return true
  const ageMs = now().getTime() - readAt.getTime()
  return isStored && selection.excludeTableData.length === 0 && ageMs < MAX_PLAN_AGE_MS
}

/** Half of the time for which nothing that is new is collected. */
const MAX_PLAN_AGE_MS = 3_600_000

/**
 * Nothing to restore: only HEAD has to move, if what the plan saw is still true.
 *
 * @throws TARGET_CHANGED
 */
async function confirmNoOp(
  plan: CheckoutPlan,
  { database, lockTimeoutMs, planned, isPlanUsable, planAnew, keep, settled }: InPlaceOptions,
): Promise<{ proof: null; form: null; change: null }> {
  const session = await openSession(database)
  try {
    await pinSettings(session, { lockTimeoutMs })
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    if (isPlanUsable && (await findLiveChanges(session, planned.live)) === null) {
      await keep(planned.live)
      await settled()
      return { proof: null, form: null, change: null }
    }
  } finally {
    await session.close()
  }
  const { live, isNoOp } = await planAnew(new Map())
  const isComparable = plan.commit.selection.excludeTableData.length === 0
  if (isComparable && !isNoOp) {
    throw new SnapError(
      'TARGET_CHANGED',
      `'${plan.database.name}' has changed since the checkout was planned; nothing was changed`,
      { expected: plan.commit.treeId, found: live.treeId },
      { hint: 'run the command again' },
    )
  }
  await keep(live)
  await settled()
  return { proof: null, form: null, change: null }
}

/**
 * Moves HEAD from wherever it is by now. The database is restored: that a commit
 * came in between is no reason to leave the checkout out of the log that undo reads.
 */
async function recordCheckout(
  store: Store,
  plan: CheckoutPlan,
  { safetyCommitId, recorded }: Pick<CheckoutReason, 'safetyCommitId'> & Recorded,
  options: CheckoutOptions,
): Promise<HeadValue> {
  for (;;) {
    const previousHead = await readHead(store.refs)
    const reason = {
      // `undo` takes a wipe back as it does every checkout.
      kind: plan.reason === 'undo' ? ('undo' as const) : ('checkout' as const),
      // `planUndo` reads the first word.
      message: `${plan.reason}: ${describePart(plan.part)}to ${plan.revision}`,
      previousHead,
      safetyCommitId,
      restoredCommitId: plan.commitId,
      ...(recorded === null ? {} : { part: recorded }),
    }
    // A part of a commit is nowhere that HEAD could point at.
    const next = plan.part === null ? plan.headAfter : previousHead
    const at = (options.now ?? (() => new Date()))()
    try {
      const { author } = options
      await moveHead(store.refs, {
        expected: previousHead,
        next,
        reason,
        author,
        at,
      })
      return next
    } catch (error) {
      if (!isSnapError(error, 'REF_CONFLICT')) throw error
    }
  }
}

interface Recorded {
  recorded: PartOfDatabase | null
}

function describePart(part: CheckoutPlan['part']): string {
  if (part === null) return ''
  const what = { all: '', schema: 'definitions of ', data: 'rows of ' }[part.aspect]
  if (part.relations === null) return `${what}everything `
  const names = part.relations.map(({ namespace, name }) => `${namespace}.${name}`)
  const rest = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return `${what}${names.slice(0, 3).join(', ')}${rest} `
}

/**
 * Makes the live state a commit under `refs/snap/safety`, unless the commit at
 * HEAD holds just that already.
 *
 * Rows that the plan's commit leaves out are in it: they have to be put back
 * into tables that are built again.
 */
async function keepLiveState(
  store: Store,
  plan: CheckoutPlan,
  live: LiveState,
  others: PreparedSources | undefined,
  options: CheckoutOptions,
): Promise<ObjectId> {
  const { author } = options
  emit(options.reporter, { kind: 'phaseStarted', phase: 'safetyCommit' })
  const headId = plan.headBefore.id
  const sources = others?.before ?? []
  const isAtHead =
    headId !== null &&
    hasSameState(await store.objects.readCommit(headId), { treeId: live.treeId, sources })
  if (isAtHead) return headId
  const { commitId, commit } = await commitCapture(store, live.capture, {
    message:
      plan.reason === 'wipe'
        ? `before wipe of database ${plan.database.name}`
        : `before ${plan.reason} of ${shortId(plan.commitId)} (${plan.revision})`,
    author,
    purpose: plan.reason === 'wipe' ? 'guard' : 'safety',
    parentId: headId,
    selection: live.selection,
    sources,
    notCaptured: others?.notCaptured ?? [],
    workingDirectory: options.workingDirectory,
    now: options.now,
  })
  await store.refs.move({
    name: SAFETY_REF,
    expected: (await store.refs.find(SAFETY_REF)) ?? null,
    next: commitId,
    reason: { kind: 'safety', message: commit.message },
    author,
    at: new Date(commit.createdAt),
  })
  return commitId
}
