import { SnapError } from '../errors.ts'
import type { OperationKept } from '../format/operation-record.ts'
import type { ObjectId } from '../format/values.ts'
import { findOperationState, type Operation } from '../operations/operation-log.ts'
import { readHead } from '../refs/head.ts'
import { HEAD } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import type { PartRequested } from './checkout-part.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { type CheckoutOptions, planRestore } from './plan-checkout.ts'
import { headBefore, partBefore } from './undo.ts'

/**
 * Finds the last operation that has changed the database, or may have.
 *
 * What a run's own command did belongs to that run: it is passed over.
 *
 * @throws NOTHING_TO_UNDO  there is none
 */
export async function readLastChange(store: Store): Promise<Operation> {
  for await (const operation of store.operations.list()) {
    const { start, kept, end } = operation
    if (kept !== null && end?.databaseChange !== 'none' && start.withinNumber === null) {
      return operation
    }
  }
  throw new SnapError(
    'NOTHING_TO_UNDO',
    'there is no operation to roll back: none has changed the database',
    { refName: 'HEAD' },
    { hint: "run 'snap ops' to see what was done here" },
  )
}

/**
 * Plans going back to the state before an operation; `applyCheckout` carries it out.
 *
 * HEAD goes with it to where it was, on a branch that may have moved on since.
 *
 * @throws OPERATION_RUNNING  it goes on still
 * @throws NOTHING_TO_UNDO    the state before it is not kept
 * @throws COMMIT_PRUNED      it was, and is no more
 * @throws what `planCheckout` throws
 */
export async function planRollback(
  store: Store,
  options: CheckoutOptions & { operation: Operation },
): Promise<CheckoutPlan> {
  const { operation } = options
  const { number, start, kept } = operation
  if ((await findOperationState(operation)) === 'running') {
    const { pid, host, startedAt } = start
    throw new SnapError(
      'OPERATION_RUNNING',
      `operation ${number}, a ${start.command}, goes on still: process ${pid} on ${host}`,
      { number, pid, host, startedAt },
      { hint: 'wait for it to end, or end it' },
    )
  }
  if (kept === null) {
    throw new SnapError(
      'NOTHING_TO_UNDO',
      `cannot roll back operation ${number}: it changed nothing in the database, or kept no commit of the state before`,
      { refName: 'HEAD' },
      { hint: `run 'snap ops ${number}' for what is known of it` },
    )
  }
  return planReturn(store, {
    ...options,
    kept,
    revision: `the state before operation ${number}`,
  })
}

/**
 * Plans going back to a state that was kept, with HEAD where it was: on its branch, which may have
 * moved on since.
 *
 * @param options  `revision` is what messages call that state
 * @throws COMMIT_PRUNED
 * @throws what `planCheckout` throws
 */
export async function planReturn(
  store: Store,
  options: CheckoutOptions & { kept: Pick<OperationKept, 'commitId' | 'head'>; revision: string },
): Promise<CheckoutPlan> {
  const { kept } = options
  await store.pruned.refresh()
  await store.pruned.assertKept(kept.commitId)
  return planRestore(store, {
    ...options,
    commitId: kept.commitId,
    headBefore: await readHead(store.refs),
    headAfter: await headBefore(store, kept.head),
    part: await findPart(store, kept.commitId),
    reason: 'undo',
  })
}

/** What a checkout of a part restored, if `safetyCommitId` is of one: the rest is not to be rolled back with it. */
async function findPart(store: Store, safetyCommitId: ObjectId): Promise<PartRequested | null> {
  for await (const { reason } of store.refs.log(HEAD)) {
    if (reason.kind !== 'checkout' && reason.kind !== 'undo') continue
    if (reason.safetyCommitId === safetyCommitId) return partBefore(reason)
  }
  return null
}
