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
  w: 604_800_000,
}

/** Parses `90min`, `26h`, `7d` or `2w` into milliseconds, as an option's value. */
export function parseAgeMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(min|h|d|w)$/.exec(text)
  const ageMs = match === null ? 0 : Number(match[1]) * MS_PER_AGE_UNIT[match[2]!]!
  if (ageMs <= 0) throw new InvalidArgumentError("Write it as '90min', '26h', '7d' or '2w'.")
  return Math.round(ageMs)
}
