import type { Command } from 'commander'
import type { RetentionPolicy } from '../src/index.ts'
import { collect, parseAgeMs, parseCount } from './options.ts'

/** The rules of retention, as `prune` and `schedule` take them. */
export interface RetentionFlags {
  keepLast?: number
  keepHourly?: number
  keepDaily?: number
  keepWeekly?: number
  keepMonthly?: number
  keepYearly?: number
  keepWithin?: number
  keepTag?: string[]
  keepSafety?: number
  timeZone?: string
}

export function addRetentionOptions(command: Command): Command {
  return command
    .option('--keep-last <count>', 'the newest so many', parseCount)
    .option('--keep-hourly <count>', 'the newest of each of so many hours', parseCount)
    .option('--keep-daily <count>', '… of so many days', parseCount)
    .option('--keep-weekly <count>', '… of so many weeks (they begin on Monday)', parseCount)
    .option('--keep-monthly <count>', '… of so many months', parseCount)
    .option('--keep-yearly <count>', '… of so many years', parseCount)
    .option('--keep-within <age>', 'all at most so much older than the newest: 14d', parseAgeMs)
    .option(
      '--keep-tag <pattern>',
      'only tags that match, with * and ?, keep their commit (default: all; repeatable)',
      collect,
    )
    .option(
      '--keep-safety <age>',
      'safety commits and what is on no branch (default 14d; of the last checkout always)',
      parseAgeMs,
    )
    .option('--time-zone <name>', 'where hours, days and weeks begin (default UTC)')
}

export function retentionPolicyOf(flags: RetentionFlags): RetentionPolicy {
  return {
    keepLast: flags.keepLast,
    keepHourly: flags.keepHourly,
    keepDaily: flags.keepDaily,
    keepWeekly: flags.keepWeekly,
    keepMonthly: flags.keepMonthly,
    keepYearly: flags.keepYearly,
    keepWithinMs: flags.keepWithin,
    keepTags: flags.keepTag,
    keepSafetyMs: flags.keepSafety,
    timeZone: flags.timeZone,
  }
}

/** True when some rule says what is kept; without one nothing would be pruned. */
export function hasRetentionRule(flags: RetentionFlags): boolean {
  const { keepSafetyMs: _keepSafetyMs, timeZone: _timeZone, ...rules } = retentionPolicyOf(flags)
  return Object.values(rules).some((rule) => rule !== undefined)
}

/** Writes the flags as they are typed. */
export function retentionArgumentsOf(flags: RetentionFlags): string[] {
  const written: [name: string, value: string | number | undefined][] = [
    ['--keep-last', flags.keepLast],
    ['--keep-hourly', flags.keepHourly],
    ['--keep-daily', flags.keepDaily],
    ['--keep-weekly', flags.keepWeekly],
    ['--keep-monthly', flags.keepMonthly],
    ['--keep-yearly', flags.keepYearly],
    ['--keep-within', formatAge(flags.keepWithin)],
    ...(flags.keepTag ?? []).map((pattern): [string, string] => ['--keep-tag', pattern]),
    ['--keep-safety', formatAge(flags.keepSafety)],
    ['--time-zone', flags.timeZone],
  ]
  return written.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}

/** The largest unit that `parseAgeMs` reads and that leaves no rest. */
function formatAge(ageMs: number | undefined): string | undefined {
  if (ageMs === undefined) return undefined
  const minutes = ageMs / 60_000
  if (minutes % 1440 === 0) return `${minutes / 1440}d`
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}min`
}
