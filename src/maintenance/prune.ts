/**
 * `snap prune`: removes the commits that retention does not keep, then reclaims their space.
 *
 * The order is the promise: refs that would name nothing go first, then one
 * record removes the commits from the history, then their objects go. Cut off
 * between any two, the store is whole and the next prune or gc goes on.
 */
import { emit } from '../events.ts'
import type { Author } from '../format/ref-record.ts'
import type { ObjectId } from '../format/values.ts'
import type { Store } from '../store.ts'
import { collectLocked, examine, type GcOptions, type GcResult } from './gc.ts'
import type { GcPlan } from './plan-gc.ts'
import {
  assertPolicy,
  type PrunePlan,
  planPrune,
  type RetentionPolicy,
  removalsOf,
} from './plan-prune.ts'
import { readHistoryFacts } from './read-history-facts.ts'
import { withStoreLock } from './with-store-lock.ts'

export interface PruneOptions extends GcOptions {
  author: Author
}

export interface PrunePreview {
  plan: PrunePlan
  /** What gc would do after it. */
  gc: GcPlan
}

export interface PruneResult {
  removedCommitIds: ObjectId[]
  removedRefs: string[]
  gc: GcResult
}

/**
 * Decides what a policy keeps and removes, and what space that gives back. Changes nothing.
 *
 * @throws USAGE         the policy keeps nothing, or names an unknown time zone
 * @throws STORE_LOCKED  a garbage collection is running
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, STORE_CORRUPT  the store is damaged
 */
export async function previewPrune(
  store: Store,
  policy: RetentionPolicy,
  options: GcOptions = {},
): Promise<PrunePreview> {
  assertPolicy(policy)
  const { now = () => new Date() } = options
  const at = now()
  const request = { operation: 'prune --dry-run', mode: 'shared', at } as const
  return withStoreLock(store, request, async (lock) => {
    const plan = await readAndPlan(store, policy, { ...options, at })
    const kept = plan.decisions.filter(({ reasons }) => reasons.length > 0)
    const keptIds = kept.map(({ id }) => id)
    return { plan, gc: (await examine(store, lock, keptIds, options)).plan }
  })
}

/**
 * Removes what `plan` removes and what its policy, asked again under the lock, still removes: a
 * commit that somebody has pinned or tagged since stays, and none goes that nobody was told of.
 * Then collects garbage.
 *
 * @throws STORE_LOCKED  a commit, a checkout or a collection is running
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, STORE_CORRUPT  the store is damaged
 */
export function applyPrune(
  store: Store,
  plan: PrunePlan,
  options: PruneOptions,
): Promise<PruneResult> {
  const { now = () => new Date() } = options
  const request = { operation: 'prune', mode: 'exclusive', at: now() } as const
  return withStoreLock(store, request, async (lock) => {
    const planNow = await readAndPlan(store, plan.policy, { ...options, at: new Date(plan.at) })
    const announced = new Set(removalsOf(plan).map(({ id }) => id))
    const removed = removalsOf(planNow).filter(({ id }) => announced.has(id))
    const removedIds = new Set(removed.map(({ id }) => id))
    const removedRefs = planNow.removedRefs.filter(({ id }) => removedIds.has(id))
    for (const { name, id } of removedRefs) {
      const reason = { kind: 'delete', message: 'prune: its commit is not kept' } as const
      await store.refs.remove({ name, expected: id, reason, author: options.author, at: now() })
    }
    const prunedAt = now().toISOString()
    await store.pruned.add(
      removed.map(({ id, commit }) => ({ id, parentIds: commit.parentIds, prunedAt })),
    )
    return {
      removedCommitIds: removed.map(({ id }) => id),
      removedRefs: removedRefs.map(({ name }) => name),
      gc: await collectLocked(store, lock, options),
    }
  })
}

async function readAndPlan(
  store: Store,
  policy: RetentionPolicy,
  options: GcOptions & { at: Date },
): Promise<PrunePlan> {
  emit(options.reporter, { kind: 'phaseStarted', phase: 'readHistory' })
  await store.pruned.refresh()
  return planPrune(await readHistoryFacts(store, options), policy, options.at)
}
