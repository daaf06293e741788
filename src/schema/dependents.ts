import type { CatalogFact } from '../format/values.ts'

/**
 * Which entries depend directly on which. Pure.
 *
 * @returns  for each position, the positions of the entries that name it as a dependency
 */
export function invertDependencies(facts: readonly CatalogFact[]): number[][] {
  const dependents: number[][] = facts.map(() => [])
  for (const { entry, dependsOn } of facts) {
    for (const dependency of dependsOn) dependents[dependency]?.push(entry)
  }
  return dependents
}

/**
 * Returns the seeds and everything that depends on them, directly or not.
 *
 * @param follows  says whether what depends on `from` through `to` is followed; all is when left out
 */
export function closeOver(
  seeds: Iterable<number>,
  neighbours: ReadonlyArray<readonly number[]>,
  follows: (from: number, to: number) => boolean = () => true,
): Set<number> {
  const closed = new Set(seeds)
  for (const position of closed) {
    for (const next of neighbours[position] ?? []) if (follows(position, next)) closed.add(next)
  }
  return closed
}
