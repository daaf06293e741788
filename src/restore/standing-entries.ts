/**
 * Which schema entries an emptied database still has. Pure.
 *
 * Everything that holds rows or definitions of the user's goes. What stays is
 * what `CREATE SCHEMA public` alone would not bring back, and what an owner who
 * is no superuser could not make again: extensions and the schemas they are in,
 * `public`, subscriptions (their slot is on another server), and who may do what
 * in these, now and by default, so that the next migration finds the same rights.
 */
import type { CatalogFact, SchemaEntry } from '../format/values.ts'

export interface SchemaStream {
  /** In creation order. */
  entries: readonly SchemaEntry[]
  /** One for each entry. */
  facts: readonly CatalogFact[]
}

/** Returns the entries that stay, with their facts, in the order they had. */
export function selectStandingEntries({ entries, facts }: SchemaStream): {
  entries: SchemaEntry[]
  facts: CatalogFact[]
} {
  const standing = new Set<number>()
  for (const [position, { kind, name }] of entries.entries()) {
    const isPublic = kind === 'SCHEMA' && name === 'public'
    if (isPublic || kind === 'EXTENSION' || kind === 'SUBSCRIPTION') standing.add(position)
  }
  for (const position of [...standing]) {
    if (entries[position]!.kind !== 'EXTENSION') continue
    for (const needed of facts[position]!.dependsOn) standing.add(needed)
  }
  const schemas = new Set(
    [...standing]
      .map((position) => entries[position]!)
      .flatMap(({ kind, name }) => (kind === 'SCHEMA' ? [name] : [])),
  )
  for (const [position, entry] of entries.entries()) {
    if (!SAYS_SOMETHING_OF_ANOTHER.has(entry.kind)) continue
    const isInSchemaThatGoes = entry.namespace !== null && !schemas.has(entry.namespace)
    // A member of an extension has no entry to depend on: its grants stay with the extension.
    const isOfWhatStays = facts[position]!.dependsOn.every((each) => standing.has(each))
    if (isOfWhatStays && !isInSchemaThatGoes) standing.add(position)
  }
  return renumber(
    { entries, facts },
    [...standing].sort((left, right) => left - right),
  )
}

const SAYS_SOMETHING_OF_ANOTHER = new Set(['ACL', 'COMMENT', 'DEFAULT ACL', 'SECURITY LABEL'])

function renumber(
  { entries, facts }: SchemaStream,
  positions: readonly number[],
): { entries: SchemaEntry[]; facts: CatalogFact[] } {
  const newPositions = new Map(positions.map((old, position) => [old, position]))
  return {
    entries: positions.map((old) => entries[old]!),
    facts: positions.map((old, position) => ({
      ...facts[old]!,
      entry: position,
      dependsOn: facts[old]!.dependsOn.flatMap((each) => newPositions.get(each) ?? []),
    })),
  }
}
