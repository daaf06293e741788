import { type Forecast, type StoreStats, shortId } from '../../src/index.ts'
import { printable } from './printable.ts'
import { formatSparkline } from './sparkline.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_NAME_WIDTH, MIN_TITLE_WIDTH } from './text-table.ts'
import { formatAbsoluteTime, formatTime } from './times.ts'
import { formatCount, formatQuantity, formatSize } from './units.ts'

interface StatsTextOptions {
  /** Commits and tables to show at most. */
  count: number
  style: TextStyle
}

export function formatStats(
  stats: StoreStats,
  forecast: Forecast & { diskSizeBytes: number | null },
  options: StatsTextOptions,
): string[] {
  const { colors, clock } = options.style
  if (stats.commits.length === 0) return ["No commit yet; run 'snap commit -m first'"]
  return [
    ...formatStore(stats),
    '',
    ...formatCommits(stats, options),
    ...formatTables(stats, options),
    '',
    ...formatForecast(forecast, stats, clock.now).map((line, position) =>
      position === 0 ? colors.bold(line) : line,
    ),
  ]
}

function formatStore(stats: StoreStats): string[] {
  const { sizeBytes, uniqueSizeBytes, sharedSizeBytes, unneededSizeBytes } = stats
  const needed = uniqueSizeBytes + sharedSizeBytes
  return [
    `Store: ${formatSize(sizeBytes)} in ${formatQuantity(stats.packCount, 'pack')}, ` +
      `${formatQuantity(stats.commits.length, 'commit')}, ${formatQuantity(stats.objectCount, 'object')}`,
    `  ${formatSize(uniqueSizeBytes)} of one commit each, ${formatSize(sharedSizeBytes)} of several, ` +
      `${formatSize(stats.overheadSizeBytes)} heads of packs` +
      (unneededSizeBytes === 0
        ? ''
        : `, ${formatSize(unneededSizeBytes)} of none: 'snap gc' gives that back in time`),
    `  commits hold ${formatSize(stats.heldSizeBytes)}; ` +
      `equal pieces kept once: ${formatSize(stats.distinctSizeBytes)}${formatRatio(stats.heldSizeBytes, stats.distinctSizeBytes)}, ` +
      `compressed: ${formatSize(needed)}${formatRatio(stats.distinctSizeBytes, needed)}`,
  ]
}

/** ` (4.7 ×)`; nothing where there is nothing to divide by. */
function formatRatio(before: number, after: number): string {
  return after === 0 ? '' : ` (${(before / after).toFixed(1)} ×)`
}

function formatCommits({ commits }: StoreStats, { count, style }: StatsTextOptions) {
  const shown = commits.slice(-count).reverse()
  const rows = shown.map((commit) => [
    style.colors.yellow(shortId(commit.id)),
    formatTime(new Date(commit.createdAt), style.clock),
    formatSize(commit.sizeBytes),
    `+${formatSize(commit.newSizeBytes)}`,
    formatSize(commit.uniqueSizeBytes),
    formatSize(commit.sharedSizeBytes),
    printable(commit.message.split('\n', 1)[0]!),
  ])
  return [
    ...formatTable(
      [
        { header: 'commit' },
        { header: 'made' },
        { header: 'holds', align: 'right' },
        { header: 'added', align: 'right' },
        { header: 'unique', align: 'right' },
        { header: 'shared', align: 'right' },
        { header: 'message', shrinksTo: MIN_TITLE_WIDTH },
      ],
      rows,
      style,
    ),
    ...(commits.length > shown.length ? [`and ${commits.length - shown.length} older`] : []),
  ]
}

/** The largest at HEAD first; those that are gone by then last. */
function formatTables(
  { tables, points }: StoreStats,
  { count, style }: StatsTextOptions,
): string[] {
  if (tables.length === 0 || points.length === 0) return []
  const last = points.length - 1
  const ranked = tables.toSorted(
    (a, b) => (b.points[last]?.sizeBytes ?? -1) - (a.points[last]?.sizeBytes ?? -1),
  )
  const rows = ranked
    .slice(0, count)
    .map(({ namespace, name, points: sizes }) => [
      printable(`${namespace}.${name}`),
      sizes[last] ? formatCount(sizes[last].rowCount) : '-',
      sizes[last] ? formatSize(sizes[last].sizeBytes) : '-',
      formatSparkline(sizes.map((point) => point?.sizeBytes ?? null)),
    ])
  const since = formatTime(new Date(points[0]!.createdAt), style.clock)
  const span = points.length === 1 ? '' : since === 'just now' ? 'over time' : `since ${since}`
  return [
    '',
    ...formatTable(
      [
        { header: 'table', shrinksTo: MIN_NAME_WIDTH },
        { header: 'rows', align: 'right' },
        { header: 'size', align: 'right' },
        { header: span },
      ],
      rows,
      style,
    ),
    ...(ranked.length > rows.length ? [`and ${ranked.length - rows.length} more`] : []),
  ]
}

function formatForecast(
  forecast: Forecast & { diskSizeBytes: number | null },
  { sizeBytes }: StoreStats,
  now: Date,
): string[] {
  const { perCommitSizeBytes, perDaySizeBytes, reliability, commitCount, elapsedMs } = forecast
  if (perCommitSizeBytes === null) return ['Growth: nothing to tell from one commit']
  const aCommit = `Growth: ${formatSize(perCommitSizeBytes)} a commit (median)`
  if (perDaySizeBytes === null) {
    return [`${aCommit}; too few commits, too close to each other, to tell more`]
  }
  const basis = `${formatQuantity(commitCount, 'commit')} in ${formatDays(elapsedMs)}`
  const caution =
    reliability === 'rough' ? `a rough guess from ${basis}` : `a straight line through ${basis}`
  return [
    `${aCommit}, ${formatSize(Math.max(0, Math.round(perDaySizeBytes)))} a day: ${caution}`,
    ...forecast.reaches.map(({ sizeBytes: wanted, at }) => {
      const isDisk = wanted === forecast.diskSizeBytes
      const what = isDisk ? 'its disk is full' : `it has ${formatSize(wanted)}`
      if (wanted <= sizeBytes) return `  ${what} already`
      return at === null
        ? `  at that pace ${what.replace(/^it has/, 'it does not have').replace('is full', 'does not fill')} in a hundred years`
        : `  ${what} in about ${formatDays(at.getTime() - now.getTime())}, on ${formatAbsoluteTime(at).slice(0, 10)}`
    }),
  ]
}

const DAY_MS = 24 * 60 * 60 * 1000

/** `5 h`, `12 days`, `14 months`, `9 years`: as coarse as a forecast is. */
function formatDays(elapsedMs: number): string {
  const days = elapsedMs / DAY_MS
  if (days < 2) return `${Math.max(1, Math.round(days * 24))} h`
  if (days < 90) return `${Math.round(days)} days`
  return days < 1000 ? `${Math.round(days / 30.44)} months` : `${Math.round(days / 365.25)} years`
}
