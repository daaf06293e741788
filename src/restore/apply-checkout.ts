/**
 * Carries out a checkout plan.
 *
 * The order is the promise: the live state is a commit before anything is
 * changed; the database is proven equal before COMMIT; HEAD moves only then.
 */
import { writeCommit } from '../capture/commit.ts'
import { DEFAULT_LOCK_TIMEOUT_MS, defaultJobs } from '../capture/default-jobs.ts'
import { InvariantError, isSnapError, SnapError } from '../errors.ts'
import { emit } from '../events.ts'
import { shortId } from '../format/object-id.ts'
import type { HeadValue } from '../format/ref-record.ts'
import type { ObjectId, SchemaEntry, Tree } from '../format/values.ts'
import { assertCommitIsKept } from '../maintenance/name-commit.ts'
import { withStoreLock } from '../maintenance/with-store-lock.ts'
import { moveHead, readHead } from '../refs/head.ts'
import { SAFETY_REF } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import type { CheckoutOptions } from './plan-checkout.ts'
import type { Proof } from './prove.ts'
import { restoreInPlace } from './restore-in-place.ts'
import { restoreInto } from './restore-into.ts'
import { ownTables, type RestoreTarget } from './restore-state.ts'

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
  elapsedMs: number
}

/**
 * Makes the database equal to the plan's commit and moves HEAD.
 *
 * @throws POSTGRES_LOCK_TIMEOUT, TARGET_CHANGED, DATA_WOULD_BE_LOST, RESTORE_FAILED,
 *         RESTORE_NOT_PROVEN, ABORTED  nothing was changed
 * @throws COMMIT_PRUNED     the commit was pruned since it was planned; nothing was changed
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
    // Planned without the lock: it may have been pruned since.
    await assertCommitIsKept(store, plan.commitId)
    const outcome =
      plan.kind === 'into'
        ? await applyInto(store, plan, options)
        : await applyInPlace(store, plan, options)
    const tables = ownTables(plan.tree)
    return {
      commitId: plan.commitId,
      ...outcome,
      databaseName: plan.database.name,
      restored: {
        tableCount: tables.length,
        rowCount: tables.reduce((sum, { rows }) => sum + (rows?.rowCount ?? 0), 0),
        sizeBytes: tables.reduce((sum, { rows }) => sum + (rows?.sizeBytes ?? 0), 0),
        schemaEntryCount: plan.schemaEntries.length,
      },
      elapsedMs: performance.now() - startedAtMs,
    }
  })
}

async function applyInto(store: Store, plan: CheckoutPlan, options: CheckoutOptions) {
  if (options.into === undefined)
    throw new InvariantError('a plan to restore into needs an address')
  const proof = await restoreInto(targetOf(store, plan, options), {
    into: options.into,
    source: plan.commit.database,
    jobs: options.jobs ?? defaultJobs(),
    withRowProof: options.withRowProof ?? false,
  })
  return { safetyCommitId: null, head: plan.headBefore, proof }
}

async function applyInPlace(store: Store, plan: CheckoutPlan, options: CheckoutOptions) {
  let safetyCommitId: ObjectId | null = null
  const beforeChange = async () => {
    if (options.withSafetyCommit === false) return null
    const safety = await makeSafetyCommit(store, plan, options)
    safetyCommitId = safety.commitId
    return safety
  }

  const proof = plan.isNoOp
    ? assertStillEqual(plan, await beforeChange())
    : await restoreInPlace(targetOf(store, plan, options), {
        database: options.database,
        databaseName: plan.database.name,
        lockTimeoutMs: options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS,
        withRowProof: options.withRowProof ?? false,
        allowsOtherWords: majorOf(plan.database) !== majorOf(plan.commit.database),
        beforeChange,
      })

  emit(options.reporter, { kind: 'phaseStarted', phase: 'moveHead' })
  await recordCheckout(store, plan, safetyCommitId, options)
  return { safetyCommitId, head: plan.headAfter, proof }
}

/**
 * Moves HEAD from wherever it is by now. The database is restored: that a commit
 * came in between is no reason to leave the checkout out of the log that undo reads.
 */
async function recordCheckout(
  store: Store,
  plan: CheckoutPlan,
  safetyCommitId: ObjectId | null,
  options: CheckoutOptions,
): Promise<void> {
  for (;;) {
    const previousHead = await readHead(store.refs)
    const reason = {
      kind: plan.reason,
      message: `${plan.reason}: to ${plan.revision}`,
      previousHead,
      safetyCommitId,
      restoredCommitId: plan.commitId,
    }
    const at = (options.now ?? (() => new Date()))()
    try {
      const { author } = options
      await moveHead(store.refs, {
        expected: previousHead,
        next: plan.headAfter,
        reason,
        author,
        at,
      })
      return
    } catch (error) {
      if (!isSnapError(error, 'REF_CONFLICT')) throw error
    }
  }
}

/** Nothing to restore: only HEAD has to move, if what the plan saw is still true. */
function assertStillEqual(plan: CheckoutPlan, live: { treeId: ObjectId } | null): null {
  const isComparable = plan.commit.selection.excludeTableData.length === 0
  if (live === null || !isComparable || live.treeId === plan.commit.treeId) return null
  throw new SnapError(
    'TARGET_CHANGED',
    `'${plan.database.name}' has changed since the checkout was planned; nothing was changed`,
    { expected: plan.commit.treeId, found: live.treeId },
    { hint: 'run the command again' },
  )
}

/**
 * Commits the live state under `refs/snap/safety`, unless the commit at HEAD
 * holds it already.
 *
 * Rows that the plan's commit leaves out are in it: they have to be put back
 * into the rebuilt tables.
 */
async function makeSafetyCommit(
  store: Store,
  plan: CheckoutPlan,
  options: CheckoutOptions,
): Promise<{ commitId: ObjectId; treeId: ObjectId; tree: Tree; schema: readonly SchemaEntry[] }> {
  emit(options.reporter, { kind: 'phaseStarted', phase: 'safetyCommit' })
  const written = await writeCommit(store, {
    database: options.database,
    message: `before ${plan.reason} of ${shortId(plan.commitId)} (${plan.revision})`,
    author: options.author,
    purpose: 'safety',
    parentId: plan.headBefore.id,
    selection: { ...plan.commit.selection, excludeTableData: [] },
    jobs: options.jobs,
    lockTimeoutMs: options.lockTimeoutMs,
    workingDirectory: options.workingDirectory,
    reporter: options.reporter,
    signal: options.signal,
    now: options.now,
  })
  const { treeId, tree, schema } = written.capture
  const headId = plan.headBefore.id
  if (
    headId !== null &&
    (await store.objects.readCommit(headId)).treeId === written.commit.treeId
  ) {
    return { commitId: headId, treeId, tree, schema }
  }
  await store.refs.move({
    name: SAFETY_REF,
    expected: (await store.refs.find(SAFETY_REF)) ?? null,
    next: written.commitId,
    reason: { kind: 'safety', message: written.commit.message },
    author: options.author,
    at: (options.now ?? (() => new Date()))(),
  })
  return { commitId: written.commitId, treeId, tree, schema }
}

function targetOf(store: Store, plan: CheckoutPlan, options: CheckoutOptions): RestoreTarget {
  return {
    tree: plan.tree,
    entries: plan.schemaEntries,
    selection: plan.commit.selection,
    withOwners: options.withOwners ?? true,
    withPrivileges: options.withPrivileges ?? true,
    objects: store.objects,
    reporter: options.reporter,
    signal: options.signal,
  }
}

const majorOf = ({ serverVersionNumber }: { serverVersionNumber: number }) =>
  Math.trunc(serverVersionNumber / 10_000)
