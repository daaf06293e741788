import type { Backend } from '../backend/backend.ts'
import type { PackIndex } from '../format/pack.ts'
import type { StoredObject } from '../objects/object-index.ts'
import type { ObjectMarks } from '../objects/object-marks.ts'
import { type GcPolicy, isYoung, type PackUsage } from './plan-gc.ts'

/**
 * Counts what of each pack is needed, and chooses one pack for each object that lies in several.
 *
 * Chosen is a pack that stays anyway, then the one that is needed most: so the
 * choice is the same again after the others are gone.
 */
export async function measurePacks(
  backend: Backend,
  marks: ObjectMarks,
  policy: GcPolicy,
): Promise<PackUsage[]> {
  const createdAt = new Map<string, Date>()
  for await (const entry of backend.list('packs/')) createdAt.set(entry.key, entry.createdAt)
  // Gone since marking began: then there is nothing to decide about it.
  const packs = marks.packs().filter(({ packKey }) => createdAt.has(packKey))
  const rank = new Map<string, number>()
  for (const pack of packs) {
    const young = isYoung(createdAt.get(pack.packKey)!, policy)
    rank.set(pack.packKey, young ? 2 : shareMarked(pack, marks))
  }
  marks.chooseCopies((a, b) => rankOf(b, rank) - rankOf(a, rank) || compareKeys(a, b))
  return packs.map((pack) => measure(pack, marks, createdAt.get(pack.packKey)!))
}

function measure(pack: PackIndex, marks: ObjectMarks, createdAt: Date): PackUsage {
  const { hasMetadata, markedCount, sizeBytes } = marks.countEntries(pack.packKey)
  return {
    packKey: pack.packKey,
    sizeBytes: pack.packSizeBytes,
    createdAt,
    hasLineage: pack.version === 2,
    hasMetadata,
    objectCount: pack.entryCount,
    neededObjectCount: markedCount,
    deadSizeBytes: sizeBytes.none + sizeBytes.spare,
  }
}

function shareMarked(pack: PackIndex, marks: ObjectMarks): number {
  return marks.countEntries(pack.packKey).sizeBytes.marked / pack.packSizeBytes
}

const rankOf = ({ packKey }: StoredObject, rank: ReadonlyMap<string, number>) =>
  rank.get(packKey) ?? -1

function compareKeys(a: StoredObject, b: StoredObject): number {
  return a.packKey < b.packKey ? -1 : a.packKey > b.packKey ? 1 : 0
}
