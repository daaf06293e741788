import type { SchemaEntry } from '../format/values.ts'
import { comparableDefinition } from './comparable-definition.ts'

export type SchemaDifference =
  | { kind: 'missing'; expected: SchemaEntry }
  | { kind: 'extra'; found: SchemaEntry }
  | {
      kind: 'different'
      expected: SchemaEntry
      found: SchemaEntry
      /** The fields in which they differ. */
      fields: Array<keyof SchemaEntry>
    }

/**
 * Compares two schemas entry by entry. Pure.
 *
 * Order does not count: it follows from names and dependencies. Differences come
 * in the order of `expected`, then what is extra in the order of `found`.
 */
export function compareSchemas(
  expected: readonly SchemaEntry[],
  found: readonly SchemaEntry[],
): SchemaDifference[] {
  const isAmbiguous = ambiguousNames([expected, found])
  const unmatched = new Map(identify(found, isAmbiguous))
  const differences: SchemaDifference[] = []
  for (const [identity, entry] of identify(expected, isAmbiguous)) {
    const counterpart = unmatched.get(identity)
    unmatched.delete(identity)
    if (counterpart === undefined) {
      differences.push({ kind: 'missing', expected: entry })
      continue
    }
    const fields = differingFields(entry, counterpart)
    if (fields.length > 0) {
      differences.push({ kind: 'different', expected: entry, found: counterpart, fields })
    }
  }
  for (const entry of unmatched.values()) differences.push({ kind: 'extra', found: entry })
  return differences
}

/** Returns one line for people: `TABLE public.users: definition differs`. */
export function describeDifference(difference: SchemaDifference): string {
  switch (difference.kind) {
    case 'missing':
      return `${describe(difference.expected)} is missing`
    case 'extra':
      return `${describe(difference.found)} should not be there`
    case 'different':
      return `${describe(difference.expected)} differs: ${difference.fields.join(', ')}`
  }
}

function describe({ kind, namespace, name }: SchemaEntry): string {
  return `${kind} ${namespace === null ? name : `${namespace}.${name}`}`
}

const FIELDS = [
  'owner',
  'section',
  'definition',
  'dropStatement',
  'tableAccessMethod',
  'tablespace',
] as const satisfies ReadonlyArray<keyof SchemaEntry>

function differingFields(expected: SchemaEntry, found: SchemaEntry): Array<keyof SchemaEntry> {
  return FIELDS.filter((field) => {
    if (expected[field] === found[field]) return false
    return field !== 'definition' || comparableDefinition(expected) !== comparableDefinition(found)
  })
}

function nameOf({ kind, namespace, name }: SchemaEntry): string {
  return JSON.stringify([kind, namespace, name])
}

/** Some names say too little: `OPERATOR +` exists once for each pair of types, default privileges once for each role. */
function ambiguousNames(schemas: ReadonlyArray<readonly SchemaEntry[]>): (name: string) => boolean {
  const ambiguous = new Set<string>()
  for (const entries of schemas) {
    const seen = new Set<string>()
    for (const name of entries.map(nameOf)) {
      if (seen.has(name)) ambiguous.add(name)
      seen.add(name)
    }
  }
  return (name) => ambiguous.has(name)
}

/** Names each entry uniquely within its schema: by what drops it or by its owner, and at last by count. */
function identify(
  entries: readonly SchemaEntry[],
  isAmbiguous: (name: string) => boolean,
): Array<[identity: string, entry: SchemaEntry]> {
  const counts = new Map<string, number>()
  return entries.map((entry) => {
    const name = nameOf(entry)
    if (!isAmbiguous(name)) return [name, entry]
    const distinct = `${name} ${entry.dropStatement ?? entry.owner}`
    const ordinal = counts.get(distinct) ?? 0
    counts.set(distinct, ordinal + 1)
    return [`${distinct} ${ordinal}`, entry]
  })
}
