const SIZE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `0 B`, `999 B`, `1.0 KiB`, `45.6 MiB`: three significant digits at most, powers of 1024. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`
  let value = sizeBytes
  let unit = 'B'
  for (const next of SIZE_UNITS) {
    // 1023.95 would print as 1024.0, which is the next unit's 1.0.
    if (value < 1023.95) break
    value /= 1024
    unit = next
  }
  return `${value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${unit}`
}

/** `1,234,567`, of a whole number. Not by Intl, whose first format takes longer than most commands. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** `1 row`, `3 rows`, `2 entries`. */
export function formatQuantity(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`
}

/** `+12`, `-3`, `±0`: how a count changed. */
export function formatChange(change: number): string {
  if (change === 0) return '±0'
  return change > 0 ? `+${formatCount(change)}` : formatCount(change)
}

/** `0.04 s`, `12.3 s`, `3 min 12 s`, `2 h 5 min`. */
export function formatDuration(elapsedMs: number): string {
  const seconds = elapsedMs / 1000
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const wholeSeconds = Math.round(seconds)
  if (wholeSeconds < 3600) return `${Math.floor(wholeSeconds / 60)} min ${wholeSeconds % 60} s`
  const wholeMinutes = Math.round(seconds / 60)
  return `${Math.floor(wholeMinutes / 60)} h ${wholeMinutes % 60} min`
}

/** `0:07`, `3:12`, `2:05:00`: time left, for a progress line. */
export function formatTimeLeft(leftMs: number): string {
  const total = Math.max(0, Math.ceil(leftMs / 1000))
  const seconds = String(total % 60).padStart(2, '0')
  const minutes = Math.floor(total / 60) % 60
  const hours = Math.floor(total / 3600)
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}`
    : `${minutes}:${seconds}`
}
