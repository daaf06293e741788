import { formatQuantity } from './units.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `just now`, `5 minutes ago`, `3 days ago`; the future, which another machine's clock can produce, is `just now` too. */
export function formatRelativeTime(time: Date, now: Date): string {
  const elapsedMs = now.getTime() - time.getTime()
  if (elapsedMs < MINUTE_MS) return 'just now'
  const [count, unit] = largestUnit(elapsedMs)
  return `${formatQuantity(count, unit)} ago`
}

function largestUnit(elapsedMs: number): [count: number, unit: string] {
  if (elapsedMs < HOUR_MS) return [Math.floor(elapsedMs / MINUTE_MS), 'minute']
  if (elapsedMs < DAY_MS) return [Math.floor(elapsedMs / HOUR_MS), 'hour']
  const days = Math.floor(elapsedMs / DAY_MS)
  if (days < 14) return [days, 'day']
  if (days < 60) return [Math.floor(days / 7), 'week']
  if (days < 730) return [Math.floor(days / 30), 'month']
  return [Math.floor(days / 365), 'year']
}

const SHORT_UNITS: Readonly<Record<string, string>> = {
  minute: 'min',
  hour: 'h',
  day: 'd',
  week: 'w',
  month: 'mo',
  year: 'y',
}

/** `now`, `5 min`, `3 d`: an age for a narrow column. */
export function formatAge(time: Date, now: Date): string {
  const elapsedMs = now.getTime() - time.getTime()
  if (elapsedMs < MINUTE_MS) return 'now'
  const [count, unit] = largestUnit(elapsedMs)
  return `${count} ${SHORT_UNITS[unit]}`
}

/** `2026-03-01 14:05:09 +0100` in the machine's time zone, as git's `iso` format. */
export function formatAbsoluteTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const offsetMinutes = -time.getTimezoneOffset()
  const offset = Math.abs(offsetMinutes)
  return (
    `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ` +
    `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())} ` +
    `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(offset / 60))}${two(offset % 60)}`
  )
}
