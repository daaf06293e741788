/**
 * Decides which ranges of a table are read, where an earlier commit holds what each of them gave.
 */
import type { ManifestRef } from '../format/values.ts'
import type { ModifiedRanges } from './wal-summaries.ts'

/** What an earlier commit holds of a table that has changed, and where it has changed since. */
export interface FormerRanges {
  rows: ManifestRef
  /** COPY text that each range gave, of those the table had then. */
  sizesBytes: readonly number[]
  modified: ModifiedRanges
}

/** Consecutive ranges that are all read, or all as they were. */
export interface RangePart {
  isRead: boolean
  /** In the earlier commit's rows. */
  sizeBytes: number
  /** Of the ranges that the table has now; none where it has become shorter. */
  positions: number[]
}

/** Above this share of a table, one reading of all of it costs less than finding out where to stop. */
const MAX_READ_SHARE = 0.5

/**
 * Returns the parts of a table in order, or `undefined` where all of it should be read.
 *
 * A range that has an end is compared with the one at its position then. The last has none, so where
 * a table has more ranges now, or fewer, everything from the lower last one on is read.
 */
export function planChangedRanges(
  { sizesBytes, modified }: FormerRanges,
  rangeCount: number,
): RangePart[] | undefined {
  const isAsLong = sizesBytes.length === rangeCount
  const comparableCount = isAsLong ? rangeCount : Math.min(sizesBytes.length, rangeCount) - 1
  const last = rangeCount - 1
  const { positions, cutFromPosition } = modified
  const isModifiedBeyond =
    [...positions].some((position) => position > last) ||
    (cutFromPosition !== null && cutFromPosition > last)
  const isChanged = (position: number) =>
    positions.has(position) ||
    (cutFromPosition !== null && position >= cutFromPosition) ||
    (position === last && isModifiedBeyond)

  const parts: RangePart[] = []
  for (let position = 0; position < comparableCount; position++) {
    const isRead = isChanged(position)
    const previous = parts.at(-1)
    const sizeBytes = sizesBytes[position]!
    if (previous?.isRead === isRead) {
      previous.sizeBytes += sizeBytes
      previous.positions.push(position)
    } else {
      parts.push({ isRead, sizeBytes, positions: [position] })
    }
  }
  if (!isAsLong) {
    const sizeBytes = sizesBytes.slice(comparableCount).reduce((sum, each) => sum + each, 0)
    const count = rangeCount - comparableCount
    const tail = Array.from({ length: count }, (_, i) => comparableCount + i)
    parts.push({ isRead: true, sizeBytes, positions: tail })
  }
  const readCount = parts.reduce((sum, part) => sum + (part.isRead ? part.positions.length : 0), 0)
  return readCount > rangeCount * MAX_READ_SHARE ? undefined : parts
}
