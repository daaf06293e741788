/**
 * Which entries are parts of which: an index of its table, a comment of its index. Pure.
 *
 * pg_dump's dependencies say that a foreign key needs two tables and not which of
 * them it is on; kind and name say that.
 */
import type { CatalogFact, SchemaEntry } from '../format/values.ts'

export interface EntryGraph {
  entries: readonly SchemaEntry[]
  /** One for each entry, at the same position. */
  facts: readonly CatalogFact[]
}

const RELATIONS = new Set(['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'FOREIGN TABLE', 'SEQUENCE'])

/** Parts of a relation, named `relation part` where two relations may be beneath them. */
const PARTS_OF_RELATIONS = new Set([
  'CHECK CONSTRAINT',
  'CONSTRAINT',
  'DEFAULT',
  'FK CONSTRAINT',
  'INDEX',
  'POLICY',
  'PUBLICATION TABLE',
  'ROW SECURITY',
  'RULE',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'STATISTICS',
  'TABLE ATTACH',
  'TRIGGER',
])

/** Parts of whatever they depend on, parts themselves included. */
const PARTS_OF_ANYTHING = new Set(['ACL', 'COMMENT', 'SECURITY LABEL'])

const isCheckedDomain = (entry: SchemaEntry, other: SchemaEntry) =>
  entry.kind === 'CHECK CONSTRAINT' && other.kind === 'DOMAIN'

export const isRelation = ({ kind }: SchemaEntry) => RELATIONS.has(kind)

/**
 * Returns, for each entry, the position of the entry that it is a part of; its own
 * for one that stands for itself.
 */
export function findOwners({ entries, facts }: EntryGraph): number[] {
  const owners: (number | undefined)[] = entries.map(() => undefined)
  const ownerOf = (position: number): number => {
    const known = owners[position]
    if (known !== undefined) return known
    // A part that depends on itself in a circle would be looked at for ever.
    owners[position] = position
    const owner = find(position)
    owners[position] = owner
    return owner
  }
  const find = (position: number): number => {
    const entry = entries[position]!
    const { dependsOn } = facts[position]!
    if (PARTS_OF_ANYTHING.has(entry.kind)) {
      // A column's privileges come after its table's, and depend on both.
      const object = dependsOn.find((each) => !PARTS_OF_ANYTHING.has(entries[each]!.kind))
      return object === undefined ? position : ownerOf(object)
    }
    if (entry.kind === 'INDEX ATTACH') {
      const index = dependsOn.find(
        (each) =>
          (entries[each]!.kind === 'INDEX' || entries[each]!.kind === 'CONSTRAINT') &&
          entries[each]!.name.endsWith(entry.name) &&
          entries[each]!.namespace === entry.namespace,
      )
      return index === undefined ? position : ownerOf(index)
    }
    if (!PARTS_OF_RELATIONS.has(entry.kind)) return position
    const relations = dependsOn.filter(
      (each) =>
        isRelation(entries[each]!) &&
        (entry.kind !== 'SEQUENCE' || entries[each]!.kind === 'TABLE') &&
        (entry.kind !== 'DEFAULT' || entries[each]!.kind !== 'SEQUENCE'),
    )
    const relation =
      relations.length > 1
        ? theNamed(entry, relations)
        : (relations[0] ?? dependsOn.find((each) => isCheckedDomain(entry, entries[each]!)))
    return relation === undefined ? position : ownerOf(relation)
  }
  /** The one that the entry's name begins with; the longest, as `a` and `a b` may both be tables. */
  const theNamed = (entry: SchemaEntry, relations: readonly number[]): number | undefined =>
    relations
      .filter((each) => {
        const { namespace, name } = entries[each]!
        return namespace === entry.namespace && `${entry.name} `.startsWith(`${name} `)
      })
      .sort((a, b) => entries[b]!.name.length - entries[a]!.name.length)[0] ?? relations[0]

  return entries.map((_, position) => ownerOf(position))
}
