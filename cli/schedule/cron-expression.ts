/**
 * The five fields of a crontab line, and the same said to systemd. Pure.
 *
 * Read as Debian's cron reads them: day of month and day of week, when both are
 * given, are two ways to be due; a field that begins with `*` gives nothing.
 */
import { SnapError } from '../../src/index.ts'

/** Values of each field, ascending. */
export interface CronTimes {
  minutes: number[]
  hours: number[]
  daysOfMonth: number[]
  months: number[]
  /** 0 is Sunday. */
  daysOfWeek: number[]
  /** A day of either kind will do; else it must be of both. */
  isEitherDay: boolean
}

/** @throws USAGE  it is not a crontab's five fields */
export function parseCronExpression(expression: string): CronTimes {
  const text = SHORTHANDS[expression.trim()] ?? expression
  const fields = text.trim().split(/\s+/)
  if (fields.length !== FIELDS.length) {
    throw invalid(expression, `it has ${fields.length} fields, not 5`)
  }
  const values = FIELDS.map((field, position) =>
    parseField(expression, fields[position]!.toLowerCase(), field),
  )
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = values as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ]
  return {
    minutes,
    hours,
    daysOfMonth,
    months,
    daysOfWeek: [...new Set(daysOfWeek.map((day) => day % 7))].sort((left, right) => left - right),
    isEitherDay: !fields[2]!.startsWith('*') && !fields[4]!.startsWith('*'),
  }
}

/** Writes the five fields with single blanks and without shorthands, as GitHub wants them. */
export function normaliseCronExpression(expression: string): string {
  parseCronExpression(expression)
  return (SHORTHANDS[expression.trim()] ?? expression).trim().split(/\s+/).join(' ')
}

/** Returns values of `OnCalendar=` that together are due when the expression is (systemd.time(7)). */
export function toCalendarEvents(times: CronTimes): string[] {
  const { minutes, hours, daysOfMonth, months, daysOfWeek, isEitherDay } = times
  const anyDay = daysOfMonth.length === 31
  const anyWeekday = daysOfWeek.length === 7
  const clock = `${list(hours, 24)}:${list(minutes, 60)}:00`
  const event = (weekdays: readonly number[] | null, days: readonly number[] | null) => {
    const names = weekdays === null ? '' : `${weekdays.map((day) => WEEKDAYS[day]).join(',')} `
    return `${names}*-${list(months, 12)}-${days === null ? '*' : list(days, 31)} ${clock}`
  }
  if (isEitherDay && !anyDay && !anyWeekday)
    return [event(null, daysOfMonth), event(daysOfWeek, null)]
  // Whichever kind of day leaves nothing out makes the other one say nothing, too.
  if (isEitherDay) return [event(null, null)]
  return [event(anyWeekday ? null : daysOfWeek, anyDay ? null : daysOfMonth)]
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

const SHORTHANDS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

interface Field {
  name: string
  first: number
  last: number
  names?: readonly string[]
}

const FIELDS: readonly Field[] = [
  { name: 'minute', first: 0, last: 59 },
  { name: 'hour', first: 0, last: 23 },
  { name: 'day of month', first: 1, last: 31 },
  { name: 'month', first: 1, last: 12, names: MONTHS },
  { name: 'day of week', first: 0, last: 7, names: WEEKDAYS.map((name) => name.toLowerCase()) },
]

function parseField(expression: string, text: string, field: Field): number[] {
  const refuse = () => invalid(expression, `'${text}' is no ${field.name}`)
  const numberOf = (word: string) => {
    const named = field.names?.indexOf(word) ?? -1
    const value = named >= 0 ? named + field.first : /^\d{1,2}$/.test(word) ? Number(word) : NaN
    if (!(value >= field.first && value <= field.last)) throw refuse()
    return value
  }
  const found = new Set<number>()
  for (const item of text.split(',')) {
    const [range = '', stepText, ...more] = item.split('/')
    const step = stepText === undefined ? 1 : Number(stepText)
    if (more.length > 0 || !Number.isInteger(step) || step < 1 || stepText === '') throw refuse()
    const isAll = range === '*'
    const [from = '', to, ...rest] = isAll ? [] : range.split('-')
    // `5/10` is read in different ways by different crons.
    if (rest.length > 0 || (stepText !== undefined && !isAll && to === undefined)) throw refuse()
    const first = isAll ? field.first : numberOf(from)
    // Sunday has two numbers; a star counts it once.
    const lastOfAll = Math.min(field.last, field.names?.length === 7 ? 6 : field.last)
    const last = isAll ? lastOfAll : to === undefined ? first : numberOf(to)
    if (last < first) throw refuse()
    for (let value = first; value <= last; value += step) found.add(value)
  }
  return [...found].sort((left, right) => left - right)
}

function list(values: readonly number[], count: number): string {
  return values.length === count
    ? '*'
    : values.map((value) => String(value).padStart(2, '0')).join(',')
}

function invalid(expression: string, reason: string): SnapError {
  return new SnapError(
    'USAGE',
    `cannot read the times '${expression}': ${reason}`,
    { argument: '--cron' },
    { hint: "write them as in a crontab: 'minute hour day-of-month month day-of-week'" },
  )
}
