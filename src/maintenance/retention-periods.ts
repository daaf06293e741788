/** The periods of which retention keeps one commit each. */
export const PERIOD_KINDS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const

export type PeriodKind = (typeof PERIOD_KINDS)[number]

const DAY_MS = 86_400_000

/**
 * Returns a function that names the period in which a moment lies, in a time zone: `2026-11-20 14:00 +01:00`,
 * `2026-11-20`, `2026-W47` (ISO 8601), `2026-11`, `2026`.
 *
 * An hour that a change of clocks repeats is two hours: their offsets differ. A
 * day is from midnight to midnight on the clock, be it 23 or 25 hours long.
 *
 * @param timeZone  an IANA name, `UTC`
 * @throws RangeError  there is no such time zone
 */
export function periodNames(timeZone: string): (kind: PeriodKind, moment: Date) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    timeZoneName: 'longOffset',
  })
  return (kind, moment) => {
    const parts = new Map(format.formatToParts(moment).map(({ type, value }) => [type, value]))
    const [year, month, day] = [parts.get('year')!, parts.get('month')!, parts.get('day')!]
    switch (kind) {
      case 'hourly':
        return `${year}-${month}-${day} ${parts.get('hour')}:00 ${offsetIn(parts.get('timeZoneName')!)}`
      case 'daily':
        return `${year}-${month}-${day}`
      case 'weekly':
        return isoWeekOf(Date.UTC(Number(year), Number(month) - 1, Number(day)))
      case 'monthly':
        return `${year}-${month}`
      case 'yearly':
        return year
    }
  }
}

/** Takes the offset out of `GMT+01:00`; some versions of ICU write `GMT` alone for none. */
function offsetIn(zoneName: string): string {
  return zoneName.replace('GMT', '') || '+00:00'
}

/** ISO 8601: a week begins on Monday and is of the year that its Thursday is in. */
function isoWeekOf(midnightMs: number): string {
  const weekday = (new Date(midnightMs).getUTCDay() + 6) % 7
  const thursdayMs = midnightMs + (3 - weekday) * DAY_MS
  const year = new Date(thursdayMs).getUTCFullYear()
  const week = 1 + Math.floor((thursdayMs - Date.UTC(year, 0, 1)) / (7 * DAY_MS))
  return `${year}-W${String(week).padStart(2, '0')}`
}
