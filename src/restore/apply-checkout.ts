/**
 * Carries out a checkout plan.
 *
 * The order is the promise: the live state is a commit before anything is
 * changed; the database is proven equal before COMMIT; HEAD moves only then.
 */
import { commitCapture } from '../capture/commit.ts'
import { DEFAULT_LOCK_TIMEOUT_MS, defaultJobs } from '../capture/default-jobs.ts'
import { type Blocker, InvariantError, isSnapError, SnapError } from '../errors.ts'
import { emit } from '../events.ts'
import { shortId } from '../format/object-id.ts'
import type { CheckoutReason, HeadValue, PartOfDatabase } from '../format/ref-record.ts'
import type { ObjectId, TableEntry } from '../format/values.ts'
import { withStoreLock } from '../maintenance/with-store-lock.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { openSession } from '../postgres/session.ts'
import { moveHead, readHead } from '../refs/head.ts'
import { SAFETY_REF } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { isUnchanged, type LiveState } from './live-state.ts'
import { type CheckoutOptions, intoTarget, planAnew, restoreTargetOf } from './plan-checkout.ts'
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
  restored: { tableCount: number; rowCount: number; sizeBytes: number; schemaEntryCount: number }
  /** Null when there was nothing to restore: the database equalled the commit already. */
  proof: Proof | null
  /** How it was done; null when nothing was, or a new database was filled. */
  form: RestoreForm | null
  /** Sessions that were ended, while planning and since. */
  terminated: Blocker[]
  elapsedMs: number
}

/**
 * Makes the database equal to the plan's commit and moves HEAD.
 *
 * @throws POSTGRES_LOCK_TIMEOUT, TARGET_CHANGED, DATA_WOULD_BE_LOST, RESTORE_FAILED,
 *         RESTORE_NOT_PROVEN, ABORTED  nothing was changed
 * @throws RESTORE_IN_DOUBT  the connection was lost at COMMIT
 */
export function applyCheckout(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
): Promise<CheckoutResult> {
  const at = (options.now ?? (() => new Date()))()
  return withStoreLock(store, { operation: 'checkout', mode: 'shared', at }, async () => {
    const startedAtMs = performance.now()
    const outcome =
      plan.kind === 'into'
        ? await applyInto(store, plan, options)
        : await applyInPlace(store, plan, options)
    const tables = restoredTables(plan)
    return {
      commitId: plan.commitId,
      ...outcome,
      databaseName: plan.database.name,
      restored: {
        tableCount: tables.length,
        rowCount: tables.reduce((sum, { rows }) => sum + (rows?.rowCount ?? 0), 0),
        sizeBytes: tables.reduce((sum, { rows }) => sum + (rows?.sizeBytes ?? 0), 0),
        schemaEntryCount: countRestoredEntries(plan, outcome.proof),
      },
      elapsedMs: performance.now() - startedAtMs,
    }
  })
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
  return { safetyCommitId: null, head: plan.headBefore, proof, form: null, terminated: [] }
}

function countRestoredEntries(plan: CheckoutPlan, proof: Proof | null): number {
  if (plan.part === null) return plan.schemaEntries.length
  return plan.kind === 'into' ? (proof?.schemaEntryCount ?? 0) : plan.schema.length
}

/** The tables whose rows were made the commit's. */
function restoredTables({ tree, part }: CheckoutPlan): TableEntry[] {
  if (part?.aspect === 'schema') return []
  if (part?.relations == null) return ownTables(tree)
  const chosen = new Set(part.relations.map(qualifiedName))
  return ownTables(tree).filter((table) => chosen.has(qualifiedName(table)))
}

async function applyInPlace(store: Store, plan: CheckoutPlan, options: CheckoutOptions) {
  if (plan.inPlace === null) throw new InvariantError('a plan to restore in place needs a change')
  let safetyCommitId: ObjectId | null = null
  let { recorded } = plan.inPlace
  const terminated = [...plan.terminated]
  const onTerminated = (blocker: Blocker) => void terminated.push(blocker)
  const keep = async (live: LiveState) => {
    if (options.withSafetyCommit === false) return
    safetyCommitId = await keepLiveState(store, plan, live, options)
  }
  const inPlace = {
    database: options.database,
    databaseName: plan.database.name,
    lockTimeoutMs: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
    onTerminated: options.terminatesBlockers === true ? onTerminated : undefined,
    withRowProof: options.withRowProof ?? false,
    allowsOtherWords: majorOf(plan.database) !== majorOf(plan.commit.database),
    planned: plan.inPlace,
    isPlanUsable: isPlanUsable(plan, plan.inPlace.live, options),
    planAnew: async () => {
      const again = await planAnew(store, plan, options, onTerminated)
      recorded = again.recorded
      return again
    },
    keep,
  }
  const { proof, form } = plan.isNoOp
    ? await confirmNoOp(plan, inPlace)
    : await restoreInPlace(restoreTargetOf(store, plan, options), inPlace)

  emit(options.reporter, { kind: 'phaseStarted', phase: 'moveHead' })
  const head = await recordCheckout(store, plan, { safetyCommitId, recorded }, options)
  return { safetyCommitId, head, proof, form, terminated }
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
  { database, planned, isPlanUsable, planAnew, keep }: InPlaceOptions,
): Promise<{ proof: null; form: null }> {
  const session = await openSession(database)
  try {
    if (isPlanUsable && (await isUnchanged(session, planned.live))) {
      await keep(planned.live)
      return { proof: null, form: null }
    }
  } finally {
    await session.close()
  }
  const { live, isNoOp } = await planAnew()
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
  return { proof: null, form: null }
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
      kind: plan.reason,
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
 * HEAD holds it already.
 *
 * Rows that the plan's commit leaves out are in it: they have to be put back
 * into tables that are built again.
 */
async function keepLiveState(
  store: Store,
  plan: CheckoutPlan,
  live: LiveState,
  options: CheckoutOptions,
): Promise<ObjectId> {
  const { author } = options
  emit(options.reporter, { kind: 'phaseStarted', phase: 'safetyCommit' })
  const headId = plan.headBefore.id
  if (headId !== null && (await store.objects.readCommit(headId)).treeId === live.treeId) {
    return headId
  }
  const { commitId, commit } = await commitCapture(store, live.capture, {
    message: `before ${plan.reason} of ${shortId(plan.commitId)} (${plan.revision})`,
    author,
    purpose: 'safety',
    parentId: headId,
    selection: live.selection,
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

const majorOf = ({ serverVersionNumber }: { serverVersionNumber: number }) =>
  Math.trunc(serverVersionNumber / 10_000)
