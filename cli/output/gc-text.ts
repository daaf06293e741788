import type { GcPlan, GcResult, PackDecision, PackVerdict } from '../../src/index.ts'
import { formatCount, formatQuantity, formatSize } from './units.ts'

/** One sentence on what a collection would give back, and one on what it would leave. */
export function formatGcPlan({ packs, totals }: GcPlan): string[] {
  const count = (action: string) => packs.filter(({ verdict }) => verdict.action === action).length
  const found =
    totals.reclaimableSizeBytes === 0
      ? 'Nothing to reclaim'
      : `Would reclaim about ${formatSize(totals.reclaimableSizeBytes)} in ` +
        `${formatQuantity(totals.reclaimableObjectCount, 'object')}: ` +
        `${formatQuantity(count('delete'), 'pack')} removed, ${formatCount(count('repack'))} written again`
  return [
    `${found}; ${formatSize(totals.sizeBytes)} in ${formatQuantity(totals.packCount, 'pack')} now`,
    ...formatLeft(totals.deadSizeBytesKept),
  ]
}

export function formatGcResult(result: GcResult): string[] {
  const { plan, removedPackCount, newPackCount, reclaimedSizeBytes, leftovers, damagedPackKeys } =
    result
  const done =
    removedPackCount === 0
      ? 'Nothing to reclaim'
      : `Reclaimed ${formatSize(Math.max(0, reclaimedSizeBytes))}: ` +
        `${formatQuantity(removedPackCount, 'pack')} removed, ${formatCount(newPackCount)} written`
  const left = plan.totals.sizeBytes - reclaimedSizeBytes
  return [
    `${done}; ${formatSize(left)} in ` +
      `${formatQuantity(plan.totals.packCount - removedPackCount + newPackCount, 'pack')}`,
    ...(leftovers.fileCount === 0
      ? []
      : [
          `Removed ${formatQuantity(leftovers.fileCount, 'file')} that killed commands left ` +
            `unfinished, ${formatSize(leftovers.sizeBytes)}`,
        ]),
    ...formatLeft(plan.totals.deadSizeBytesKept),
    ...damagedPackKeys.map(
      (packKey) => `Kept ${packKey}: something needed in it is damaged; run 'snap fsck'`,
    ),
  ]
}

function formatLeft(deadSizeBytesKept: number): string[] {
  if (deadSizeBytesKept === 0) return []
  return [
    `${formatSize(deadSizeBytesKept)} more is not needed but stays for now: ` +
      'its packs are too new, or mostly needed',
  ]
}

/** A plan as `--json` prints it: every pack with what happens to it. */
export interface GcPlanJson {
  totals: GcPlan['totals']
  packs: (Pick<PackDecision, 'packKey' | 'sizeBytes' | 'createdAt' | 'deadSizeBytes'> &
    PackVerdict)[]
}

export function gcPlanAsJson({ packs, totals }: GcPlan): GcPlanJson {
  return {
    totals,
    packs: packs.map(({ packKey, sizeBytes, createdAt, deadSizeBytes, verdict }) => ({
      packKey,
      sizeBytes,
      createdAt,
      deadSizeBytes,
      ...verdict,
    })),
  }
}

export type GcResultJson = Omit<GcResult, 'plan'>

export function gcResultAsJson({ plan: _plan, ...result }: GcResult): GcResultJson {
  return result
}
