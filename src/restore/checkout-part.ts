/**
 * What part of a commit a checkout is of.
 */
import { SnapError } from '../errors.ts'
import type { PartOfDatabase } from '../format/ref-record.ts'
import { isRelation } from '../schema/entry-owners.ts'
import { matchNames, parseNamePattern } from '../schema/name-pattern.ts'
import { type SchemaState, tableKey } from './plan-surgery.ts'

/** As it was asked for. */
export interface PartRequested {
  /** `schema`: definitions, rows stay; `data`: rows, definitions stay. */
  aspect: 'all' | 'schema' | 'data'
  /** Null: everything that the commit holds. */
  objects: { kind: 'matching'; patterns: readonly string[] } | ExactObjects | null
  withDependencies: boolean
}

/** Those of these names, on whichever side they are: what only the database has goes. */
type ExactObjects = { kind: 'exactly' } & PartOfDatabase

export interface PartOptions {
  /** Only tables, views and sequences that match one of these patterns, as pg_dump takes them. */
  tables?: readonly string[] | undefined
  /** Only definitions, or only rows. */
  aspect?: 'schema' | 'data' | undefined
  /** With `tables`: also what they need. */
  withDependencies?: boolean | undefined
}

/** Returns null for a checkout of everything. */
export function partRequestedBy(options: PartOptions): PartRequested | null {
  const { tables = [], aspect = 'all', withDependencies = false } = options
  if (tables.length === 0 && aspect === 'all') return null
  return {
    aspect,
    objects: tables.length === 0 ? null : { kind: 'matching', patterns: tables },
    withDependencies,
  }
}

/**
 * Finds the tables that patterns mean: those of the commit, with their partitions.
 *
 * @returns by `tableKey`
 * @throws USAGE  a pattern cannot be read, or means nothing that the commit holds
 */
export function resolvePatterns(
  patterns: readonly string[],
  commit: SchemaState,
  live: { schema: SchemaState; searchPath: readonly string[] },
): Set<string> {
  const inCommit = relationsOf(commit)
  const known = new Map([...relationsOf(live.schema), ...inCommit])
  const chosen = new Set<string>()
  for (const text of patterns) {
    const meant = matchNames(parseNamePattern(text), [...known.values()], live.searchPath)
    const found = meant.map(tableKey).filter((key) => inCommit.has(key))
    if (found.length === 0) throw nothingMeant(text, meant.length > 0)
    for (const key of found) chosen.add(key)
  }
  return withPartitions(chosen, commit)
}

function relationsOf({ entries }: SchemaState): Map<string, { namespace: string; name: string }> {
  return new Map(
    entries.filter(isRelation).map(({ namespace, name }) => {
      const relation = { namespace: namespace ?? '', name }
      return [tableKey(relation), relation]
    }),
  )
}

function nothingMeant(pattern: string, isInDatabase: boolean): SnapError<'USAGE'> {
  return new SnapError(
    'USAGE',
    isInDatabase
      ? `what '${pattern}' means is in the database, and not in the commit`
      : `no table, view or sequence matches '${pattern}'`,
    { argument: '--table' },
    {
      hint: isInDatabase
        ? 'drop it yourself, or check out the whole commit'
        : `a table outside of the search path is written with its schema: 'sales.orders', '*.orders'`,
    },
  )
}

/** The rows of a partitioned table are those of its partitions. */
function withPartitions(chosen: Set<string>, { entries, facts }: SchemaState): Set<string> {
  const children = new Map<string, string[]>()
  for (const [position, entry] of entries.entries()) {
    if (entry.kind !== 'TABLE ATTACH') continue
    const child = tableKey(entry)
    for (const each of facts[position]!.dependsOn) {
      const other = entries[each]!
      const key = tableKey(other)
      if (other.kind === 'TABLE' && key !== child) {
        children.set(key, [...(children.get(key) ?? []), child])
      }
    }
  }
  for (const parent of chosen) for (const child of children.get(parent) ?? []) chosen.add(child)
  return chosen
}
