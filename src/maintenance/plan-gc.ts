/**
 * Decides what garbage collection does with each pack; touches nothing.
 *
 * A pack in which nothing is needed goes; one in which enough is not needed is
 * written again without that; many small ones are written again as one, since
 * whoever opens the store reads the index of each; every other stays as it is. A
 * young pack stays whatever it holds: what it holds may be about to be named.
 */

/** How many bytes of a store's packs are needed, pack by pack. */
export interface PackUsage {
  packKey: string
  /** Of the whole file. */
  sizeBytes: number
  createdAt: Date
  /** Of version 2, with deltas or what is needed to make some. */
  hasLineage: boolean
  /** Metadata names other objects, and goes before what it names. */
  hasMetadata: boolean
  objectCount: number
  /** Objects that something names, less those of which another pack holds the copy that is kept. */
  neededObjectCount: number
  /** Of entries that are not needed, and of their lines in the index. */
  deadSizeBytes: number
}

export type PackVerdict =
  | { action: 'keep'; because: 'needed' | 'young' }
  | { action: 'delete' }
  | { action: 'repack' }

export interface PackDecision extends PackUsage {
  verdict: PackVerdict
}

export interface GcPlan {
  /** In the order in which they are worked on: metadata first, newest first. */
  packs: PackDecision[]
  totals: {
    packCount: number
    sizeBytes: number
    /** Of packs that go, and of entries that are left behind when packs are written again. */
    reclaimableSizeBytes: number
    reclaimableObjectCount: number
    /** Dead bytes in packs that stay: too young, or too few. */
    deadSizeBytesKept: number
  }
}

export interface GcPolicy {
  /** Packs created less than this before `now` stay. */
  graceMs: number
  /** By the clock that dates the packs. */
  now: Date
  /** A pack is written again when at least this share of its bytes is dead; 0 to 1. */
  minDeadShare: number
  /** When a new pack is sealed. */
  packTargetBytes: number
  /** Whether deltas may stay; if not, all packs that have some are written again. */
  withDeltas: boolean
}

/** Packs younger than this are left alone. */
export const DEFAULT_GRACE_MS = 2 * 60 * 60 * 1000

/** Below it, writing a pack again costs more reading and writing than the space is worth. */
export const DEFAULT_MIN_DEAD_SHARE = 0.25

/** A pack of less than this share of a full one is one of those that are joined. */
const SMALL_SHARE = 1 / 16

/** As many small packs are joined: what is written again then is little, and each object but a few times. */
const WORTH_JOINING_COUNT = 16

export function isYoung(createdAt: Date, { now, graceMs }: GcPolicy): boolean {
  return now.getTime() - createdAt.getTime() < graceMs
}

export function planGc(packs: readonly PackUsage[], policy: GcPolicy): GcPlan {
  const decisions = joinSmallPacks(
    packs.map((pack) => ({ ...pack, verdict: judge(pack, policy) })),
    policy,
  ).sort(
    (a, b) =>
      Number(b.hasMetadata) - Number(a.hasMetadata) ||
      b.createdAt.getTime() - a.createdAt.getTime() ||
      (a.packKey < b.packKey ? -1 : 1),
  )
  const sum = (count: (pack: PackDecision) => number) =>
    decisions.reduce((total, pack) => total + count(pack), 0)
  return {
    packs: decisions,
    totals: {
      packCount: packs.length,
      sizeBytes: sum(({ sizeBytes }) => sizeBytes),
      reclaimableSizeBytes: sum(({ verdict, sizeBytes, deadSizeBytes }) =>
        verdict.action === 'delete' ? sizeBytes : verdict.action === 'repack' ? deadSizeBytes : 0,
      ),
      reclaimableObjectCount: sum(({ verdict, objectCount, neededObjectCount }) =>
        verdict.action === 'keep' ? 0 : objectCount - neededObjectCount,
      ),
      deadSizeBytesKept: sum(({ verdict, deadSizeBytes }) =>
        verdict.action === 'keep' ? deadSizeBytes : 0,
      ),
    },
  }
}

/** Metadata and chunks lie in packs of their own, and each kind is joined for itself. */
function joinSmallPacks(
  packs: readonly PackDecision[],
  { packTargetBytes }: GcPolicy,
): PackDecision[] {
  const isJoinable = ({ verdict, sizeBytes, neededObjectCount }: PackDecision) =>
    neededObjectCount > 0 &&
    sizeBytes < packTargetBytes * SMALL_SHARE &&
    (verdict.action === 'repack' || (verdict.action === 'keep' && verdict.because === 'needed'))
  const isWorthIt = (hasMetadata: boolean) =>
    packs.filter((pack) => pack.hasMetadata === hasMetadata && isJoinable(pack)).length >=
    WORTH_JOINING_COUNT
  const worthIt = { metadata: isWorthIt(true), chunks: isWorthIt(false) }
  return packs.map((pack) =>
    isJoinable(pack) && (pack.hasMetadata ? worthIt.metadata : worthIt.chunks)
      ? { ...pack, verdict: { action: 'repack' } }
      : pack,
  )
}

function judge(pack: PackUsage, policy: GcPolicy): PackVerdict {
  if (isYoung(pack.createdAt, policy)) return { action: 'keep', because: 'young' }
  if (pack.neededObjectCount === 0) return { action: 'delete' }
  if (pack.hasLineage && !policy.withDeltas) return { action: 'repack' }
  const isWorthIt =
    pack.deadSizeBytes > 0 && pack.deadSizeBytes >= pack.sizeBytes * policy.minDeadShare
  return isWorthIt ? { action: 'repack' } : { action: 'keep', because: 'needed' }
}
