import { formatCount } from './units.ts'

/** Cuts a list that is longer, and counts the rest: `--json` has all of it. */
export function limitLines(lines: readonly string[], maxCount: number): string[] {
  return [...lines.slice(0, maxCount), ...countRest(lines.length - maxCount)]
}

/** The last line of a list that was cut. */
export function countRest(restCount: number): string[] {
  return restCount > 0 ? [`  … and ${formatCount(restCount)} more`] : []
}
