import { SnapError } from '../errors.ts'
import type { CheckoutReason, HeadValue } from '../format/ref-record.ts'
import { readHead } from '../refs/head.ts'
import { HEAD } from '../refs/ref-name.ts'
import type { Store } from '../store.ts'
import type { PartRequested } from './checkout-part.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import { type CheckoutOptions, planRestore } from './plan-checkout.ts'

/**
 * Plans going back to the state before the last checkout; `applyCheckout` carries it out.
 *
 * Undoing is a checkout itself, so undoing twice brings the checkout back.
 *
 * @throws NOTHING_TO_UNDO  there was no checkout, or it was made without a safety commit
 * @throws what `planCheckout` throws
 */
export async function planUndo(store: Store, options: CheckoutOptions): Promise<CheckoutPlan> {
  for await (const { reason, at } of store.refs.log(HEAD)) {
    if (reason.kind !== 'checkout' && reason.kind !== 'undo') continue
    if (reason.safetyCommitId === null) {
      throw new SnapError(
        'NOTHING_TO_UNDO',
        `cannot undo the ${deedOf(reason)} of ${at}: it was made without a safety commit`,
        { refName: HEAD },
        { hint: `run 'snap log --all' for the commits there are` },
      )
    }
    return planRestore(store, {
      ...options,
      revision: `the state before the ${deedOf(reason)} of ${at}`,
      commitId: reason.safetyCommitId,
      headBefore: await readHead(store.refs),
      headAfter:
        reason.part === undefined
          ? await headBefore(store, reason.previousHead)
          : await readHead(store.refs),
      part: partBefore(reason),
      reason: 'undo',
    })
  }
  throw new SnapError(
    'NOTHING_TO_UNDO',
    'there is no checkout to undo',
    { refName: HEAD },
    { hint: `run 'snap reflog' to see what was done here` },
  )
}

/** A wipe is logged as the checkout that it is; its message says that it was one. */
function deedOf({ kind, message }: CheckoutReason): string {
  return message.startsWith('wipe: ') ? 'wipe' : kind
}

/** A checkout of some objects is taken back for these alone: what others have done since stays. */
export function partBefore({ part }: CheckoutReason): PartRequested | null {
  if (part === undefined) return null
  return { aspect: 'all', objects: { kind: 'exactly', ...part }, withDependencies: false }
}

/** HEAD goes back to the branch it was on, which may have moved on since; to the commit when the branch is gone. */
export async function headBefore(store: Store, previous: HeadValue): Promise<HeadValue> {
  const { targetRef, id } = previous
  if (targetRef === null) return previous
  const tip = await store.refs.find(targetRef)
  return tip === undefined && id !== null ? { targetRef: null, id } : { targetRef, id: tip ?? null }
}
