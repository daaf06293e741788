import { InvalidArgumentError } from 'commander'

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 }

/** Collects an option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value]
}

/** Parses a count of at least 1, as an option's value. */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError('It must be a whole number of at least 1.')
  }
  return count
}

/** Parses `500ms`, `10s` or `2min` into milliseconds, as an option's value; `0` waits for ever. */
export function parseDurationMs(text: string): number {
  if (text === '0') return 0
  const match = /^(\d+(?:\.\d+)?)(ms|s|min)$/.exec(text)
  if (match === null) throw new InvalidArgumentError("Write it as '500ms', '10s' or '2min'.")
  return Math.round(Number(match[1]) * MS_PER_UNIT[match[2]!]!)
}

const MS_PER_AGE_UNIT: Readonly<Record<string, number>> = {
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** Parses an age, `90min`, `26h`, `14d` or `2w`, into milliseconds, as an option's value. */
export function parseAgeMs(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(min|h|d|w)$/.exec(text)
  if (match === null) throw new InvalidArgumentError("Write it as '90min', '26h', '14d' or '2w'.")
  return Math.round(Number(match[1]) * MS_PER_AGE_UNIT[match[2]!]!)
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** Parses `500MiB` or `1.5 GiB`, as sizes are printed, into bytes, as an option's value. */
export function parseSizeBytes(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?) ?([KMGT]iB|B)$/.exec(text)
  if (match === null) throw new InvalidArgumentError("Write it as '500MiB' or '10GiB'.")
  return Math.round(Number(match[1]) * BYTES_PER_UNIT[match[2]!]!)
}

/** Parses `02:00` into the fields of a crontab. */
export function parseDailyTime(text: string): string {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text)
  if (match === null) throw new InvalidArgumentError("Write it as '02:00'.")
  return `${Number(match[2])} ${Number(match[1])} * * *`
}

/** Parses a minute, 0 to 59, into the fields of a crontab. */
export function parseHourlyMinute(text: string): string {
  if (!/^[0-5]?\d$/.test(text)) throw new InvalidArgumentError('It must be a minute, 0 to 59.')
  return `${Number(text)} * * * *`
}

/** Parses a moment: a day (in UTC), or a day and a time, with its zone or in this machine's. */
export function parseTime(text: string): Date {
  const time = new Date(text)
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError("Write it as '2026-11-01' or '2026-11-01T02:00:00Z'.")
  }
  return time
}
