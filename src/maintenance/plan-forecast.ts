/**
 * From what commits have added so far, how a store will grow. Pure.
 *
 * A straight line through the sizes after each commit, by least squares: commits
 * at irregular times, and one large among many small, count by when they were
 * made. What is too little to draw a line through is said to be so.
 */

/** One commit: when it was made, and what it added. */
export interface GrowthPoint {
  at: Date
  newSizeBytes: number
}

export interface Forecast {
  /** The line is drawn through so many commits, over so long. */
  commitCount: number
  elapsedMs: number
  /**
   * `none`: fewer than three commits, or all within an hour: no line at all. `rough`: fewer than ten
   * commits, less than a week, or sizes that a line explains badly. `fair`: more than that.
   */
  reliability: 'none' | 'rough' | 'fair'
  /** The median: one large commit does not make all others look large. Null without a second commit. */
  perCommitSizeBytes: number | null
  /** Null where there is no line. */
  perDaySizeBytes: number | null
  /** Share of what differs that the line explains, 0 to 1; null where there is no line. */
  fit: number | null
  /** By the line; null when never, or not within a hundred years, or where there is no line. */
  reaches: { sizeBytes: number; at: Date | null }[]
}

const DAY_MS = 24 * 60 * 60 * 1000
const HOUR_MS = DAY_MS / 24
const HORIZON_MS = 100 * 365 * DAY_MS

/**
 * @param points  oldest first; the first is where growth begins, and none itself
 * @param wanted  sizes of the whole store to tell a time for
 */
export function planForecast(
  points: readonly GrowthPoint[],
  wanted: readonly number[],
  { sizeBytes, now }: { sizeBytes: number; now: Date },
): Forecast {
  const [first, last] = [points[0], points.at(-1)]
  const elapsedMs =
    first === undefined || last === undefined ? 0 : last.at.getTime() - first.at.getTime()
  const additions = points.slice(1).map((point) => point.newSizeBytes)
  const perCommitSizeBytes = additions.length === 0 ? null : medianOf(additions)
  const line = points.length < 3 || elapsedMs < HOUR_MS ? null : fitLine(points)
  const perDaySizeBytes = line === null ? null : line.bytesPerMs * DAY_MS
  return {
    commitCount: points.length,
    elapsedMs,
    reliability: judge(points.length, elapsedMs, line),
    perCommitSizeBytes,
    perDaySizeBytes,
    fit: line?.fit ?? null,
    reaches: wanted.map((wantedSize) => ({
      sizeBytes: wantedSize,
      at: line === null ? null : timeOf(wantedSize - sizeBytes, line.bytesPerMs, now),
    })),
  }
}

interface Line {
  bytesPerMs: number
  fit: number
}

/** Slope of the regression of size on time: covariance over variance; the fit is the square of the correlation. */
function fitLine(points: readonly GrowthPoint[]): Line {
  const startMs = points[0]!.at.getTime()
  let size = 0
  const xy = points.map((point, position) => {
    if (position > 0) size += point.newSizeBytes
    return { x: point.at.getTime() - startMs, y: size }
  })
  const meanX = xy.reduce((total, { x }) => total + x, 0) / xy.length
  const meanY = xy.reduce((total, { y }) => total + y, 0) / xy.length
  let xx = 0
  let yy = 0
  let covariance = 0
  for (const { x, y } of xy) {
    xx += (x - meanX) ** 2
    yy += (y - meanY) ** 2
    covariance += (x - meanX) * (y - meanY)
  }
  // A store that has not grown is explained perfectly.
  return { bytesPerMs: covariance / xx, fit: yy === 0 ? 1 : covariance ** 2 / (xx * yy) }
}

function judge(commitCount: number, elapsedMs: number, line: Line | null): Forecast['reliability'] {
  if (line === null) return 'none'
  return commitCount < 10 || elapsedMs < 7 * DAY_MS || line.fit < 0.5 ? 'rough' : 'fair'
}

function timeOf(missingBytes: number, bytesPerMs: number, now: Date): Date | null {
  if (missingBytes <= 0) return now
  const inMs = missingBytes / bytesPerMs
  return bytesPerMs > 0 && inMs < HORIZON_MS ? new Date(now.getTime() + inMs) : null
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : Math.round((sorted[middle - 1]! + sorted[middle]!) / 2)
}
