/**
 * Returns the name that was probably meant; undefined when none is near. Pure.
 *
 * Near is: at most a third of the characters differ, by the number of
 * insertions, deletions, replacements and swaps of neighbours.
 */
export function findClosestName(name: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((candidate) => ({
      candidate,
      distance: editDistance(name.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((left, right) => left.distance - right.distance)
  const isNear = best !== undefined && best.distance <= Math.max(name.length, 3) / 3
  return isNear ? best.candidate : undefined
}

/**
 * Counts the insertions, deletions, replacements and swaps of neighbours that make one text of the other.
 *
 * Optimal string alignment: row `i` holds the distances of the first `i` characters of `left`.
 */
export function editDistance(left: string, right: string): number {
  const rows = [Array.from({ length: right.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= left.length; i++) {
    const row = [i]
    for (let j = 1; j <= right.length; j++) {
      const isSame = left[i - 1] === right[j - 1]
      const isSwap = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (isSame ? 0 : 1),
        isSwap ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY,
      )
    }
    rows[i] = row
  }
  return rows[left.length]![right.length]!
}
