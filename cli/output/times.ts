import { formatQuantity } from './units.ts'

/** How `--date` wants times written; the names are git's. */
export const DATE_FORMATS = ['relative', 'iso', 'iso-strict', 'rfc', 'short', 'unix'] as const

export type DateFormat = (typeof DATE_FORMATS)[number]

/** What it takes to write a time. */
export interface Clock {
  now: Date
  /** Null: as fits the place, an age in lists and both where there is room. */
  date: DateFormat | null
}

/** Writes a time where there is little room: as its age, unless the user wants it another way. */
export function formatTime(time: Date, clock: Clock): string {
  return inFormat(time, clock.date ?? 'relative', clock.now)
}

/** Writes a time with its age behind it, unless the user wants it one way. */
export function formatTimeAndAge(time: Date, clock: Clock): string {
  const { now, date } = clock
  if (date !== null) return inFormat(time, date, now)
  return `${formatAbsoluteTime(time)} (${formatRelativeTime(time, now)})`
}

function inFormat(time: Date, format: DateFormat, now: Date): string {
  switch (format) {
    case 'relative':
      return formatRelativeTime(time, now)
    case 'iso':
      return formatAbsoluteTime(time)
    case 'iso-strict': {
      const { date, timeOfDay, offset } = partsOf(time)
      return `${date}T${timeOfDay}${offset.slice(0, 3)}:${offset.slice(3)}`
    }
    case 'rfc':
      return formatRfcTime(time)
    case 'short':
      return partsOf(time).date
    case 'unix':
      return String(Math.floor(time.getTime() / 1000))
  }
}

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
  const { date, timeOfDay, offset } = partsOf(time)
  return `${date} ${timeOfDay} ${offset}`
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** `Sun, 1 Mar 2026 14:05:09 +0100`, in the words of RFC 2822. */
function formatRfcTime(time: Date): string {
  const { timeOfDay, offset } = partsOf(time)
  const day = `${WEEKDAYS[time.getDay()]}, ${time.getDate()} ${MONTHS[time.getMonth()]}`
  return `${day} ${time.getFullYear()} ${timeOfDay} ${offset}`
}

/** In the machine's time zone. */
function partsOf(time: Date): { date: string; timeOfDay: string; offset: string } {
  const two = (value: number) => String(value).padStart(2, '0')
  const offsetMinutes = -time.getTimezoneOffset()
  const offset = Math.abs(offsetMinutes)
  return {
    date: `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`,
    timeOfDay: `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`,
    offset: `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(offset / 60))}${two(offset % 60)}`,
  }
}
