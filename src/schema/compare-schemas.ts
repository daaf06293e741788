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

/** Positions of one object in two schemas; one of them is absent where only the other has it. */
export interface EntryPair {
  expected: number | undefined
  found: number | undefined
  /** The fields in which both differ; empty when they are equal or one is absent. */
  fields: Array<keyof SchemaEntry>
}

/**
 * Finds out which entries of two schemas are the same object. Pure.
 *
 * Pairs come in the order of `expected`, then what is extra in the order of `found`.
 */
export function pairEntries(
  expected: readonly SchemaEntry[],
  found: readonly SchemaEntry[],
): EntryPair[] {
  const isAmbiguous = ambiguousNames([expected, found])
  const unmatched = new Map(
    identify(found, isAmbiguous).map((identity, position) => [identity, position]),
  )
  const pairs: EntryPair[] = []
  for (const [position, identity] of identify(expected, isAmbiguous).entries()) {
    const counterpart = unmatched.get(identity)
    unmatched.delete(identity)
    const fields =
      counterpart === undefined ? [] : differingFields(expected[position]!, found[counterpart]!)
    pairs.push({ expected: position, found: counterpart, fields })
  }
  for (const position of unmatched.values()) {
    pairs.push({ expected: undefined, found: position, fields: [] })
  }
  return pairs
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
  return pairEntries(expected, found).flatMap((pair): SchemaDifference[] => {
    if (pair.found === undefined) return [{ kind: 'missing', expected: expected[pair.expected!]! }]
    const entry = found[pair.found]!
    if (pair.expected === undefined) return [{ kind: 'extra', found: entry }]
    if (pair.fields.length === 0) return []
    const counterpart = expected[pair.expected]!
    return [{ kind: 'different', expected: counterpart, found: entry, fields: pair.fields }]
  })
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

/** One string for what an entry is called; a few names stand for several objects. */
export function entryKey({ kind, namespace, name }: SchemaEntry): string {
  return JSON.stringify([kind, namespace, name])
}

/** Some names say too little: `OPERATOR +` exists once for each pair of types, default privileges once for each role. */
function ambiguousNames(schemas: ReadonlyArray<readonly SchemaEntry[]>): (name: string) => boolean {
  const ambiguous = new Set<string>()
  for (const entries of schemas) {
    const seen = new Set<string>()
    for (const name of entries.map(entryKey)) {
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
): string[] {
  const counts = new Map<string, number>()
  return entries.map((entry) => {
    const name = entryKey(entry)
    if (!isAmbiguous(name)) return name
    const distinct = `${name} ${entry.dropStatement ?? entry.owner}`
    const ordinal = counts.get(distinct) ?? 0
    counts.set(distinct, ordinal + 1)
    return `${distinct} ${ordinal}`
  })
}
