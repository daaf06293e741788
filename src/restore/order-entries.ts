/**
 * Puts entries of two schemas into one creation order. Pure.
 */
import type { CatalogFact, SchemaEntry } from '../format/values.ts'
import type { SchemaState } from './plan-surgery.ts'

export interface UnorderedEntry {
  entry: SchemaEntry
  fact: CatalogFact
  /** Where it would stand if nothing depended on it; of several with the same, the first given is first. */
  anchor: number
  /** Places, in the list given, of what has to come before it. */
  dependsOn: readonly number[]
}

/**
 * Returns the entries with facts for their new positions: by section, then by
 * anchor, with what an entry depends on pulled in front of it.
 */
export function orderEntries(nodes: readonly UnorderedEntry[]): SchemaState {
  const sections = findSections(nodes)
  const preferred = [...nodes.keys()].sort(
    (a, b) => sections[a]! - sections[b]! || nodes[a]!.anchor - nodes[b]!.anchor || a - b,
  )
  const positions = new Map<number, number>()
  const order: number[] = []
  const underway = new Set<number>()
  const place = (node: number) => {
    if (positions.has(node) || underway.has(node)) return
    underway.add(node)
    for (const dependency of nodes[node]!.dependsOn) place(dependency)
    positions.set(node, order.length)
    order.push(node)
  }
  for (const node of preferred) place(node)
  return {
    entries: order.map((node) => nodes[node]!.entry),
    facts: order.map((node, position) => ({
      ...nodes[node]!.fact,
      entry: position,
      dependsOn: [...new Set(nodes[node]!.dependsOn.map((each) => positions.get(each)!))].sort(
        (a, b) => a - b,
      ),
    })),
  }
}

/** 0 before rows, 1 after; a comment or grant comes with what it is of. */
function findSections(nodes: readonly UnorderedEntry[]): number[] {
  const sections: (number | undefined)[] = nodes.map(({ entry }) =>
    entry.section === 'postData' ? 1 : entry.section === 'none' ? undefined : 0,
  )
  const sectionOf = (node: number): number => {
    sections[node] ??= Math.max(
      0,
      ...nodes[node]!.dependsOn.filter((each) => each !== node).map(sectionOf),
    )
    return sections[node]
  }
  return nodes.map((_, node) => sectionOf(node))
}
