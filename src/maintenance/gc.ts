/**
 * `snap gc`: gives back the space of what nothing names.
 *
 * Needed is every commit that a record of any ref names, now or earlier, and
 * all its ancestors, less those that were pruned; and all that these name. So a
 * commit goes only when `snap prune` has said so, or when it never became one.
 *
 * Runs under the exclusive lock: no commit is in flight that could reuse what
 * goes. What is put into the store without the lock, to be named later, is
 * protected by the age of its pack.
 */
import { emit, type Reporter } from '../events.ts'
import { PACK_TARGET_BYTES } from '../format/limits.ts'
import type { ObjectId } from '../format/values.ts'
import { markCommits } from '../history/mark-reachable.ts'
import { directValueOf, readNamedCommits } from '../history/named-commits.ts'
import { walkCommits } from '../history/walk-commits.ts'
import { ObjectDatabase } from '../objects/object-database.ts'
import type { ObjectMarks } from '../objects/object-marks.ts'
import type { Store } from '../store.ts'
import { measurePacks } from './measure-packs.ts'
import { DEFAULT_GRACE_MS, DEFAULT_MIN_DEAD_SHARE, type GcPlan, planGc } from './plan-gc.ts'
import { Repacker } from './repack.ts'
import type { StoreLock } from './store-lock.ts'
import { withStoreLock } from './with-store-lock.ts'

export interface GcOptions {
  /** Packs younger than this stay whatever they hold. Default 2 hours. */
  graceMs?: number | undefined
  /** Share of a pack's bytes that must be dead for it to be written again; 0 to 1. Default 0.25. */
  minDeadShare?: number | undefined
  /**
   * Default true. False writes every object whole, into packs that older versions of snap can read;
   * but for those in young packs.
   */
  withDeltas?: boolean | undefined
  /** When a new pack is sealed. Default: as for every pack. */
  packTargetBytes?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
  now?: (() => Date) | undefined
}

export interface GcResult {
  plan: GcPlan
  removedPackCount: number
  newPackCount: number
  /** What the packs take less than before. */
  reclaimedSizeBytes: number
  /** Unnamed files of writers that were killed; they are in no pack and not in `reclaimedSizeBytes`. */
  leftovers: { fileCount: number; sizeBytes: number }
  /** Packs that were to go and stay, because something needed in them is damaged and has no other copy. */
  damagedPackKeys: string[]
}

/**
 * Says what `collectGarbage` would do, and changes nothing.
 *
 * @throws as `collectGarbage`
 */
export function planGarbageCollection(store: Store, options: GcOptions = {}): Promise<GcPlan> {
  const { now = () => new Date() } = options
  const request = { operation: 'gc --dry-run', mode: 'shared', at: now() } as const
  return withStoreLock(store, request, async (lock) => {
    const ids = await listNeededCommits(store, options)
    return (await examine(store, lock, ids, options)).plan
  })
}

/**
 * Removes what nothing names.
 *
 * When the promise resolves all of it is durable. Interrupted anywhere, the
 * store holds all that is needed, some of it perhaps twice, and the next run
 * goes on.
 *
 * @throws STORE_LOCKED    a commit, a checkout or another collection is running
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  a needed commit, tree or manifest node is damaged, so what
 *   it names cannot be told; nothing was changed
 * @throws STORE_CORRUPT   a ref record or a record of pruned commits is damaged; nothing was changed
 */
export function collectGarbage(store: Store, options: GcOptions = {}): Promise<GcResult> {
  const { now = () => new Date() } = options
  const request = { operation: 'gc', mode: 'exclusive', at: now() } as const
  return withStoreLock(store, request, async (lock) => collectLocked(store, lock, options))
}

/** As `collectGarbage`, for who holds the exclusive lock. */
export async function collectLocked(
  store: Store,
  lock: StoreLock,
  options: GcOptions,
): Promise<GcResult> {
  await store.pruned.refresh()
  const ids = await listNeededCommits(store, options)
  const { plan, objects, marks } = await examine(store, lock, ids, options)
  emit(options.reporter, { kind: 'phaseStarted', phase: 'removePacks' })
  const deleted = plan.packs.filter(({ verdict }) => verdict.action === 'delete')
  const repacked = plan.packs.filter(({ verdict }) => verdict.action === 'repack')
  const repacker = new Repacker(objects, marks, {
    going: new Set([...deleted, ...repacked].map(({ packKey }) => packKey)),
    packTargetBytes: options.packTargetBytes,
    withDeltas: options.withDeltas,
    signal: options.signal,
  })
  // First what needs no room, so that a full disk has some when packs are written.
  const going = [...deleted, ...repacked]
  const totalSizeBytes = going.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let emptiedSizeBytes = 0
  for (const [place, pack] of going.entries()) {
    await repacker.empty(pack)
    emptiedSizeBytes += pack.sizeBytes
    const progress = { packCount: place + 1, sizeBytes: emptiedSizeBytes, totalSizeBytes }
    emit(options.reporter, { kind: 'packsEmptied', ...progress })
  }
  await repacker.finish()
  const graceMs = options.graceMs ?? DEFAULT_GRACE_MS
  const leftovers = await store.backend.removeLeftovers?.(
    new Date(lock.heldSince.getTime() - graceMs),
  )
  await store.objects.refresh()
  const { removedPackCount, removedSizeBytes, newPackCount, newSizeBytes, damagedPackKeys } =
    repacker.totals
  return {
    plan,
    removedPackCount,
    newPackCount,
    reclaimedSizeBytes: removedSizeBytes - newSizeBytes,
    leftovers: leftovers ?? { fileCount: 0, sizeBytes: 0 },
    damagedPackKeys,
  }
}

/** Plans a collection that keeps exactly these commits and what they name. */
export async function examine(
  store: Store,
  lock: StoreLock,
  commitIds: Iterable<ObjectId>,
  options: GcOptions,
): Promise<{ plan: GcPlan; objects: ObjectDatabase; marks: ObjectMarks }> {
  emit(options.reporter, { kind: 'phaseStarted', phase: 'markObjects' })
  const objects = ObjectDatabase.open(store.backend)
  const marks = await objects.newMarks()
  await markCommits(objects, marks, commitIds, { signal: options.signal })
  const policy = {
    graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
    minDeadShare: options.minDeadShare ?? DEFAULT_MIN_DEAD_SHARE,
    packTargetBytes: options.packTargetBytes ?? PACK_TARGET_BYTES,
    withDeltas: options.withDeltas ?? true,
    now: lock.heldSince,
  }
  for (;;) {
    const plan = planGc(await measurePacks(store.backend, marks, policy), policy)
    // What stays keeps what it builds on; and for that, packs may have to stay that were to go.
    const staying = plan.packs.filter(({ verdict }) => verdict.action === 'keep')
    const hasChanged = staying.map(({ packKey }) => marks.markBasesIn(packKey)).includes(true)
    if (!hasChanged) return { plan, objects, marks }
  }
}

/** Commits that any ref ever named, and their ancestors, less the pruned ones. What a ref names now is needed in any case. */
export async function listNeededCommits(
  store: Store,
  options: Pick<GcOptions, 'reporter' | 'signal'>,
): Promise<Set<ObjectId>> {
  emit(options.reporter, { kind: 'phaseStarted', phase: 'readHistory' })
  const { everNamed, living } = await readNamedCommits(store.refs)
  const ids = new Set([...living.values()].map(directValueOf).filter((id) => id !== null))
  const walk = walkCommits(store, [...everNamed.keys()], { signal: options.signal })
  for await (const { id } of walk) ids.add(id)
  return ids
}
