import { formatCount } from './units.ts'

/**
 * Cuts a list that is longer, and counts the rest: `--json` has all of it.
 *
 * @param totalCount  more than there are lines where not all of them are kept
 */
export function limitLines(
  lines: readonly string[],
  maxCount: number,
  totalCount = lines.length,
): string[] {
  const shown = lines.slice(0, maxCount)
  return [...shown, ...countRest(totalCount - shown.length)]
}

/** The last line of a list that was cut. */
export function countRest(restCount: number): string[] {
  return restCount > 0 ? [`  … and ${formatCount(restCount)} more`] : []
}
