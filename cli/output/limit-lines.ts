import { formatCount } from './units.ts'

/** Cuts a list that is longer, and counts the rest: `--json` has all of it. */
export function limitLines(lines: readonly string[], maxCount: number): string[] {
  const restCount = lines.length - maxCount
  if (restCount <= 0) return [...lines]
  return [...lines.slice(0, maxCount), `  … and ${formatCount(restCount)} more`]
}
