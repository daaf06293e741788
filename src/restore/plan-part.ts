/**
 * Plans the schema that a checkout of a part aims at: the live one, with the
 * chosen objects as they are in the commit. Pure.
 *
 * That schema is complete, so everything that knows how to make one schema of
 * another, and to prove it, works for a part as well. What has to be decided here
 * is whether it can exist at all: what the chosen objects need has to be there,
 * and what needs them has to find what it needs.
 */
import { SnapError } from '../errors.ts'
import type { CatalogFact, SchemaEntry } from '../format/values.ts'
import { pairEntries } from '../schema/compare-schemas.ts'
import { findOwners, isRelation } from '../schema/entry-owners.ts'
import { unquoteIdentifier } from '../schema/sql-text.ts'
import { parseTableDefinition } from '../schema/table-definition.ts'
import { describeEntry } from './entry-kinds.ts'
import { orderEntries } from './order-entries.ts'
import { DEPENDENTS_HINT } from './part-errors.ts'
import { type ColumnDependent, type SchemaState, tableKey } from './plan-surgery.ts'

/** What is restored, by name; on whichever side it is. Parts of objects go with them. */
export interface ChosenObjects {
  /** Tables, views and sequences, by `tableKey`. */
  relations: ReadonlySet<string>
  /** Others, by `describeEntry`. */
  others: ReadonlySet<string>
}

export interface PartRequest {
  live: SchemaState
  commit: SchemaState
  columnDependents: readonly ColumnDependent[]
  chosen: ChosenObjects
  /** Also what the chosen objects need and the live schema has not, or has otherwise. */
  withDependencies: boolean
}

export interface PlannedPart {
  target: SchemaState
  /** Entries of `target` that are as in the commit; all others are as they are live. */
  restored: ReadonlySet<SchemaEntry>
  /** What stands for itself among what is restored or goes, dependencies included. */
  objects: SchemaEntry[]
}

/** Something that a chosen object needs, as the error lists it. */
export interface Need {
  state: 'missing' | 'different'
  entry: string
  neededBy: string
  /** What to add to the command line. */
  add: string
}

/**
 * @throws DEPENDENCIES_MISSING  the live schema has not what the chosen objects need
 * @throws DEPENDENTS_BROKEN     something else needs what the commit's form of them does not have
 */
export function planPart(request: PartRequest): PlannedPart {
  return new PartPlanner(request).plan()
}

class PartPlanner {
  readonly #request: PartRequest
  readonly #liveOf = new Map<number, number>()
  readonly #commitOf = new Map<number, number>()
  /** Commit positions of entries that differ, with the fields. */
  readonly #differing = new Map<number, readonly string[]>()
  readonly #liveOwners: number[]
  readonly #commitOwners: number[]
  /** Positions of chosen objects on either side. */
  readonly #chosenLive = new Set<number>()
  readonly #chosenCommit = new Set<number>()

  constructor(request: PartRequest) {
    this.#request = request
    const { live, commit, chosen } = request
    for (const { expected, found, fields } of pairEntries(commit.entries, live.entries)) {
      if (expected === undefined || found === undefined) continue
      this.#liveOf.set(expected, found)
      this.#commitOf.set(found, expected)
      if (fields.length > 0) this.#differing.set(expected, fields)
    }
    this.#liveOwners = findOwners(live)
    this.#commitOwners = findOwners(commit)
    const isChosen = (entry: SchemaEntry) =>
      isRelation(entry)
        ? chosen.relations.has(keyOf(entry))
        : chosen.others.has(describeEntry(entry))
    for (const [position, entry] of commit.entries.entries()) {
      if (this.#commitOwners[position] === position && isChosen(entry)) this.#choose(position)
    }
    for (const [position, entry] of live.entries.entries()) {
      if (this.#liveOwners[position] === position && isChosen(entry)) this.#chosenLive.add(position)
    }
  }

  plan(): PlannedPart {
    const { live, commit, withDependencies } = this.#request
    for (;;) {
      const needs = this.#findNeeds()
      if (needs.length === 0) break
      if (!withDependencies) throw dependenciesMissing(needs.map((need) => this.#describe(need)))
      for (const { dependency } of needs) this.#choose(this.#commitOwners[dependency]!)
    }
    this.#assertDependentsHold()
    const kept = [...live.entries.keys()].filter((position) => !this.#isTaken(position))
    const restored = [...commit.entries.keys()].filter((position) => this.#isRestored(position))
    return {
      target: this.#assemble(kept, restored),
      restored: new Set(restored.map((position) => commit.entries[position]!)),
      objects: [
        ...[...this.#chosenCommit]
          .sort((a, b) => a - b)
          .map((position) => commit.entries[position]!),
        ...[...this.#chosenLive]
          .filter((position) => !this.#chosenCommit.has(this.#commitOf.get(position) ?? -1))
          .map((position) => live.entries[position]!),
      ],
    }
  }

  #choose(commitPosition: number): void {
    this.#chosenCommit.add(commitPosition)
    const live = this.#liveOf.get(commitPosition)
    if (live !== undefined) this.#chosenLive.add(this.#liveOwners[live]!)
  }

  /** Whether a live entry is replaced or goes. */
  #isTaken = (livePosition: number) => this.#chosenLive.has(this.#liveOwners[livePosition]!)
  /** Whether an entry of the commit is restored. */
  #isRestored = (commitPosition: number) =>
    this.#chosenCommit.has(this.#commitOwners[commitPosition]!)

  #findNeeds(): FoundNeed[] {
    const { commit } = this.#request
    const needs = new Map<number, FoundNeed>()
    for (const [entry, { dependsOn }] of commit.facts.entries()) {
      if (!this.#isRestored(entry)) continue
      for (const dependency of dependsOn) {
        if (this.#isRestored(dependency) || needs.has(dependency)) continue
        const live = this.#liveOf.get(dependency)
        if (live === undefined) needs.set(dependency, { state: 'missing', dependency, entry })
        else if (this.#isTaken(live) || this.#isOtherwise(dependency, entry)) {
          needs.set(dependency, { state: 'different', dependency, entry })
        }
      }
    }
    return [...needs.values()]
  }

  /**
   * Whether the live form of a dependency will not do. What stands already as in
   * the commit lives with the present form, though its rows may not, and is left
   * alone unless asked for; what is made anew might not.
   */
  #isOtherwise(dependency: number, entry: number): boolean {
    const { entries } = this.#request.commit
    const isMade = !this.#liveOf.has(entry) || this.#differing.has(entry)
    if (!isMade && !this.#request.withDependencies) return false
    if (!this.#differing.get(dependency)?.includes('definition')) return false
    const { kind } = entries[dependency]!
    if (kind === 'SCHEMA' || kind === 'EXTENSION') return false
    if (!isRelation(entries[dependency]!) || kind === 'SEQUENCE') return true
    // A foreign key or a view may need a part of the table alone, a partition needs it as it is.
    return ['TABLE', 'TABLE ATTACH'].includes(entries[entry]!.kind)
  }

  #describe({ state, dependency, entry }: FoundNeed): Need {
    const { entries } = this.#request.commit
    const owner = entries[this.#commitOwners[dependency]!]!
    return {
      state,
      entry: describeEntry(entries[dependency]!),
      neededBy: describeEntry(entries[entry]!),
      add: isRelation(owner) ? `--table ${patternFor(owner)}` : '--with-dependencies',
    }
  }

  #assertDependentsHold(): void {
    const { live } = this.#request
    const broken: { entry: string; needs: string }[] = []
    for (const [position, { dependsOn }] of live.facts.entries()) {
      if (this.#isTaken(position)) continue
      for (const dependency of dependsOn) {
        if (!this.#isTaken(dependency) || this.#standsAfterwards(dependency)) continue
        broken.push({
          entry: describeEntry(live.entries[position]!),
          needs: describeEntry(live.entries[dependency]!),
        })
      }
    }
    for (const position of this.#request.commit.entries.keys()) {
      // Renaming a table leaves it the names of its indexes and sequences.
      const standing = this.#isRestored(position) ? this.#liveOf.get(position) : undefined
      if (standing === undefined || this.#isTaken(standing)) continue
      broken.push({
        entry: describeEntry(live.entries[this.#liveOwners[standing]!]!),
        needs: describeEntry(live.entries[standing]!),
      })
    }
    for (const { table, columnName, dependent } of this.#request.columnDependents) {
      if (!this.#isTaken(table) || this.#isTaken(dependent)) continue
      const columns = this.#columnsAfterwards(table)
      if (columns === undefined || columns.has(columnName)) continue
      broken.push({
        entry: describeEntry(live.entries[dependent]!),
        needs: `column ${columnName} of ${describeEntry(live.entries[table]!)}`,
      })
    }
    if (broken.length > 0) throw dependentsBroken(broken)
  }

  #standsAfterwards(livePosition: number): boolean {
    const commit = this.#commitOf.get(livePosition)
    return commit !== undefined && this.#isRestored(commit)
  }

  /** Undefined where the definition does not tell all of them. */
  #columnsAfterwards(liveTable: number): Set<string> | undefined {
    const position = this.#commitOf.get(liveTable)
    const definition =
      position === undefined ? null : this.#request.commit.entries[position]!.definition
    const table = parseTableDefinition(definition ?? '')
    if (table === undefined || /INHERITS/.test(table.heritage)) return undefined
    return new Set(table.columns.map(({ name }) => unquoteIdentifier(name)))
  }

  #assemble(kept: readonly number[], restored: readonly number[]): SchemaState {
    const { live, commit } = this.#request
    const nodes = [
      ...kept.map((position) => ({ side: 'live' as const, position })),
      ...restored.map((position) => ({ side: 'commit' as const, position })),
    ]
    const nodeOfLive = new Map(kept.map((position, node) => [position, node]))
    const nodeOfCommit = new Map(restored.map((position, index) => [position, kept.length + index]))
    const resolve = (side: 'live' | 'commit', dependency: number) =>
      side === 'live'
        ? (nodeOfLive.get(dependency) ?? nodeOfCommit.get(this.#commitOf.get(dependency) ?? -1))
        : (nodeOfCommit.get(dependency) ?? nodeOfLive.get(this.#liveOf.get(dependency) ?? -1))
    const stateOf = (side: 'live' | 'commit') => (side === 'live' ? live : commit)
    const anchors = this.#anchors()
    const keptOids = new Set(kept.map((position) => oidOf(live.facts[position]!)))

    return orderEntries(
      nodes.map(({ side, position }) => {
        const { entries, facts } = stateOf(side)
        const fact = facts[position]!
        const isOther = side === 'commit' && keptOids.has(oidOf(fact))
        return {
          entry: entries[position]!,
          // Whatever bears this OID now is not what bore it then.
          fact: isOther ? { ...fact, oid: 0 } : fact,
          anchor: side === 'live' ? position : anchors[position]!,
          dependsOn: fact.dependsOn
            .map((dependency) => resolve(side, dependency))
            .filter((node) => node !== undefined),
        }
      }),
    )
  }

  /** For each entry of the commit, the live position at or after which it belongs. */
  #anchors(): number[] {
    let last = -1
    return this.#request.commit.entries.map((_, position) => {
      last = this.#liveOf.get(position) ?? last
      return last
    })
  }
}

interface FoundNeed {
  state: Need['state']
  /** Commit positions. */
  dependency: number
  entry: number
}

const keyOf = ({ namespace, name }: SchemaEntry) => tableKey({ namespace, name })
const oidOf = ({ classOid, oid }: CatalogFact) => (oid === 0 ? '' : `${classOid} ${oid}`)

/** A relation's name as `--table` takes it. */
function patternFor({ namespace, name }: SchemaEntry): string {
  const quote = (part: string) =>
    /^[a-z_][a-z0-9_]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`
  return `${quote(namespace ?? '')}.${quote(name)}`
}

function dependenciesMissing(needs: Need[]): SnapError<'DEPENDENCIES_MISSING'> {
  const [first] = needs as [Need]
  const more = needs.length > 1 ? ` (and ${needs.length - 1} more)` : ''
  const state = first.state === 'missing' ? 'is not in the database' : 'is not as in the commit'
  const tables = [...new Set(needs.map(({ add }) => add))].filter((add) => /^--table/.test(add))
  const isAll = needs.every(({ add }) => tables.includes(add))
  return new SnapError(
    'DEPENDENCIES_MISSING',
    `cannot restore this part alone: ${first.neededBy} needs ${first.entry}, which ${state}${more}`,
    { needs },
    {
      hint: isAll
        ? `add ${tables.join(' ')}, or --with-dependencies`
        : 'add --with-dependencies to restore these too',
    },
  )
}

function dependentsBroken(
  dependents: { entry: string; needs: string }[],
): SnapError<'DEPENDENTS_BROKEN'> {
  const [first] = dependents as [{ entry: string; needs: string }]
  const more = dependents.length > 1 ? ` (and ${dependents.length - 1} more)` : ''
  return new SnapError(
    'DEPENDENTS_BROKEN',
    `cannot restore this part alone: ${first.entry} needs ${first.needs}, which would go${more}`,
    { dependents },
    { hint: DEPENDENTS_HINT },
  )
}
