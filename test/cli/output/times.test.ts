import { deepEqual, match } from 'node:assert/strict'
import { test } from 'vitest'
import { formatAbsoluteTime, formatRelativeTime } from '../../../cli/output/times.ts'

const NOW = new Date('2026-03-01T12:00:00Z')

test('relative times use the largest unit that fits', () => {
  const cases: [string, string][] = [
    ['2026-03-01T12:00:30Z', 'just now'],
    ['2026-03-01T11:59:30Z', 'just now'],
    ['2026-03-01T11:59:00Z', '1 minute ago'],
    ['2026-03-01T09:30:00Z', '2 hours ago'],
    ['2026-02-27T12:00:00Z', '2 days ago'],
    ['2026-02-08T12:00:00Z', '3 weeks ago'],
    ['2025-11-01T12:00:00Z', '4 months ago'],
    ['2020-03-01T12:00:00Z', '6 years ago'],
  ]
  deepEqual(
    cases.map(([time]) => formatRelativeTime(new Date(time), NOW)),
    cases.map(([, text]) => text),
  )
})

test('absolute times carry the offset of the time zone, so that they read back as the same moment', () => {
  const text = formatAbsoluteTime(NOW)
  match(text, /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} [+-]\d{4}$/)
  const [date, time, offset] = text.split(' ')
  const iso = `${date}T${time}${offset!.slice(0, 3)}:${offset!.slice(3)}`
  deepEqual(new Date(iso), NOW)
})
