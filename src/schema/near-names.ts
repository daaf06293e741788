import { editDistance } from '../closest-name.ts'

const MAX_NAMES = 5

/** Returns the names that differ from one of `wanted` by few letters, or hold it, nearest first; at most five. */
export function findNearNames(wanted: readonly string[], names: readonly string[]): string[] {
  const ranked = names.flatMap((name) => {
    const distances = wanted.map((each) => distanceOf(fold(each), fold(name)))
    const distance = Math.min(...distances)
    return distance === Number.POSITIVE_INFINITY ? [] : [{ name, distance }]
  })
  return ranked
    .toSorted((a, b) => a.distance - b.distance || a.name.length - b.name.length)
    .slice(0, MAX_NAMES)
    .map(({ name }) => name)
}

/** What patterns and quotes add says nothing about what was meant. */
const fold = (text: string) => text.toLowerCase().replaceAll(/["*?]/g, '')

function distanceOf(wanted: string, name: string): number {
  const limit = Math.max(1, Math.floor(wanted.length / 3))
  const distance = editDistance(wanted, name)
  if (distance <= limit) return distance
  const isPart =
    Math.min(wanted.length, name.length) > 2 && (name.includes(wanted) || wanted.includes(name))
  return isPart ? limit + 1 : Number.POSITIVE_INFINITY
}
