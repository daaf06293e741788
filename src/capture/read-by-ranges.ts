/**
 * Reads a large table by ranges of its blocks: all of them, or only those that have changed since an
 * earlier commit.
 */
import { isSnapError } from '../errors.ts'
import type { ManifestRef } from '../format/values.ts'
import { HashingSink, type ObjectSink } from '../objects/object-sink.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import type { Session } from '../postgres/session.ts'
import type { BlockRange } from './block-ranges.ts'
import { captureRanges } from './capture-stream.ts'
import { type FormerRanges, planChangedRanges, type RangePart } from './changed-ranges.ts'
import type { Relation } from './list-relations.ts'
import { nextRows, type RangeReading } from './range-reading.ts'
import type { SharedReading } from './shared-reading.ts'
import { spliceRows } from './splice-rows.ts'

/** What is to be read of a table, and what an earlier commit holds of the rest. */
export interface RangePlan {
  /** Of all the table. */
  ranges: readonly BlockRange[]
  /** Null where all of it is read. */
  former: { objects: StreamReader; ranges: FormerRanges; parts: readonly RangePart[] } | null
}

/** Decides what is to be read of a table that has these ranges. */
export function planRanges(
  ranges: readonly BlockRange[],
  former: FormerRanges | undefined,
  objects: StreamReader | undefined,
): RangePlan {
  const parts = former && planChangedRanges(former, ranges.length)
  if (former === undefined || parts === undefined || objects === undefined) {
    return { ranges, former: null }
  }
  return { ranges, former: { objects, ranges: former, parts } }
}

/** How many statements it takes. */
export function countStatements({ ranges, former }: RangePlan): number {
  return former === null ? ranges.length : changedRangesOf(ranges, former.parts).length
}

export interface CapturedRows {
  rows: ManifestRef
  /** COPY text of each range; null where the table was not read by ranges. */
  rangeSizesBytes: readonly number[] | null
  /** What reading only what has changed gives; null where that was not done. */
  spliced: ManifestRef | null
}

interface ReadOptions {
  sink: ObjectSink
  onProgress?: ((totals: { rowCount: number; sizeBytes: number }) => void) | undefined
}

/**
 * Reads a table, with all connections that have nothing else to do.
 *
 * @param isVerified  reads all of it whatever is known, and besides what has changed, to compare
 */
export async function readByRanges(
  shared: SharedReading,
  { session, table }: { session: Session; table: Relation },
  { ranges, former }: RangePlan,
  { isVerified, ...options }: ReadOptions & { isVerified: boolean },
): Promise<CapturedRows> {
  let spliced: CapturedRows | undefined
  if (former !== null) {
    const changed = changedRangesOf(ranges, former.parts)
    const into = isVerified ? { sink: new HashingSink() } : options
    spliced = await shared.read(session, table, changed, (reading) =>
      spliceRanges(reading, former, into),
    )
    if (spliced !== undefined && !isVerified) return spliced
  }
  const whole = await shared.read(session, table, ranges, (reading) =>
    captureRanges(reading, options.sink, options.onProgress),
  )
  return { ...whole, spliced: spliced?.rows ?? null }
}

function changedRangesOf(ranges: readonly BlockRange[], parts: readonly RangePart[]): BlockRange[] {
  return parts.flatMap(({ isRead, positions }) =>
    isRead ? positions.map((position) => ranges[position]!) : [],
  )
}

/** Returns undefined where what the earlier commit holds is damaged; then all has to be read. */
async function spliceRanges(
  reading: RangeReading<Session>,
  { objects, ranges, parts }: NonNullable<RangePlan['former']>,
  { sink, onProgress }: ReadOptions,
): Promise<CapturedRows | undefined> {
  const readSizesBytes: number[] = []
  try {
    const rows = await spliceRows(
      { objects, former: ranges.rows },
      parts.map(({ isRead, sizeBytes, positions }) => ({
        sizeBytes,
        readRows: isRead ? () => nextRows(reading, positions.length, readSizesBytes) : null,
      })),
      sink,
      { onProgress },
    )
    const read = readSizesBytes.values()
    const rangeSizesBytes = parts.flatMap(({ isRead, positions }) =>
      positions.map((position) => (isRead ? read.next().value! : ranges.sizesBytes[position]!)),
    )
    return { rows, rangeSizesBytes, spliced: rows }
  } catch (error) {
    if (!isSnapError(error, 'OBJECT_MISSING') && !isSnapError(error, 'OBJECT_CORRUPT')) throw error
    // A statement that is stopped halfway would take the transaction with it.
    await reading.drain()
    return undefined
  }
}
