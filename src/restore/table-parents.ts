import type { SchemaState } from './plan-surgery.ts'

/**
 * Which tables each table is a partition of or inherits from: by the position of its entry, theirs. Pure.
 */
export function tableParents({ entries, facts }: SchemaState): Map<number, number[]> {
  const parents = new Map<number, number[]>()
  const tablesOf = (position: number) =>
    facts[position]!.dependsOn.filter((each) => /^(?:FOREIGN )?TABLE$/.test(entries[each]!.kind))
  for (const [position, { kind, definition, namespace, name }] of entries.entries()) {
    if (kind === 'TABLE ATTACH') {
      const tables = tablesOf(position)
      const child = tables.find(
        (each) => entries[each]!.name === name && entries[each]!.namespace === namespace,
      )
      if (child === undefined) continue
      parents.set(
        child,
        tables.filter((each) => each !== child),
      )
    }
    if (/TABLE$/.test(kind) && /^\)\n?INHERITS \(/m.test(definition ?? '')) {
      parents.set(position, tablesOf(position))
    }
  }
  return parents
}
