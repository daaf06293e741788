/**
 * Makes, of a live state and a commit, the state that a checkout of a part aims at.
 *
 * It is a whole state, and everything in it that was not asked for is the live one.
 */
import { captureLines } from '../capture/capture-stream.ts'
import { byNamespaceAndName } from '../capture/list-relations.ts'
import { SnapError } from '../errors.ts'
import { encodeJsonLine } from '../format/json-lines.ts'
import type { PartOfDatabase } from '../format/ref-record.ts'
import type { ManifestRef, SequenceState, TableEntry, Tree } from '../format/values.ts'
import { MemoryOverlay } from '../objects/memory-overlay.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { findOwners, isRelation } from '../schema/entry-owners.ts'
import { findNumberedColumns } from '../schema/numbered-columns.ts'
import { type PartRequested, resolvePatterns } from './checkout-part.ts'
import { describeEntry } from './entry-kinds.ts'
import { assertDefinitionsFit, assertRowsFit, type ColumnWarning } from './fit-columns.ts'
import type { LiveState } from './live-state.ts'
import { orderEntries } from './order-entries.ts'
import { planPart } from './plan-part.ts'
import { type ColumnDependent, type SchemaState, tableKey } from './plan-surgery.ts'
import type { RestoreTarget } from './restore-state.ts'
import { readSequences } from './set-sequences.ts'

/** What of a live state the target is made of; a new database has next to nothing. */
export interface PartBasis {
  tree: Tree
  schema: SchemaState
  sequences: readonly SequenceState[]
  columnDependents: readonly ColumnDependent[]
  searchPath: readonly string[]
}

export interface PartTarget {
  target: RestoreTarget
  /** Tables, views and sequences that were chosen, by `tableKey`; null when all are. */
  chosen: ReadonlySet<string> | null
  /** What taking the checkout back is about; null when that is everything. */
  recorded: PartOfDatabase | null
  warnings: ColumnWarning[]
}

export const basisOf = (live: LiveState): PartBasis => ({
  ...live,
  sequences: live.capture.sequences,
})

/**
 * @param commit   the whole commit as a target
 * @param objects  reads the rows of both sides
 * @throws USAGE                 a pattern means nothing
 * @throws DEPENDENCIES_MISSING, DEPENDENTS_BROKEN, ROWS_DO_NOT_FIT  this part cannot be restored alone
 */
export async function makePartTarget(
  request: PartRequested,
  live: PartBasis,
  commit: RestoreTarget,
  objects: StreamReader,
): Promise<PartTarget> {
  const commitSchema = { entries: commit.entries, facts: commit.facts }
  const chosen = choose(request, commitSchema, live)
  const schema = makeSchema(request, chosen, commitSchema, live)
  const overlay = new MemoryOverlay()
  const empty = await captureLines([], encodeJsonLine, overlay)
  const isChosen = (key: string) => chosen === null || schema.chosen.has(key)
  const maker = new TreeMaker(request.aspect, { live, commit, isChosen, empty })
  const warnings =
    request.aspect === 'data'
      ? assertRowsFit(maker.pairs(), live.schema)
      : request.aspect === 'schema'
        ? assertDefinitionsFit(maker.pairs(), commitSchema)
        : []
  const tables = maker.tables()
  const sequences = maker.sequences(
    await readSequences(commit.objects, commit.tree.sequences),
    schema.target,
    tables,
  )
  const isWholeData = request.aspect === 'data' && chosen === null
  const target: RestoreTarget = {
    ...commit,
    ...schema.target,
    tree: {
      schema: commit.tree.schema,
      tables,
      materializedViews: maker.materializedViews(),
      sequences: await captureLines(sequences, encodeJsonLine, overlay),
      largeObjects: isWholeData ? commit.tree.largeObjects : live.tree.largeObjects,
    },
    objects: overlay.over(objects),
    part: {
      outside: schema.outside,
      standingColumns: maker.standingColumns(),
      rebuilt: request.aspect === 'schema' ? maker.rebuilt(commitSchema) : new Set(),
    },
  }
  return {
    target,
    chosen: chosen === null ? null : schema.chosen,
    recorded: schema.recorded,
    warnings,
  }
}

/**
 * What a new database is to hold of a commit.
 *
 * It has a schema `public` already, which is made the commit's.
 */
export async function makePartTargetForNew(
  request: PartRequested,
  commit: RestoreTarget,
): Promise<PartTarget> {
  if (request.aspect === 'data') {
    throw new SnapError(
      'USAGE',
      'a new database has no tables for the rows alone',
      { argument: '--data-only' },
      { hint: 'leave out --data-only, or --into' },
    )
  }
  const overlay = new MemoryOverlay()
  const empty = await captureLines([], encodeJsonLine, overlay)
  const live: PartBasis = {
    tree: {
      ...commit.tree,
      tables: [],
      materializedViews: [],
      sequences: empty,
      largeObjects: { metadata: empty, pages: empty },
    },
    schema: publicSchemaOf({ entries: commit.entries, facts: commit.facts }),
    sequences: [],
    columnDependents: [],
    searchPath: ['public'],
  }
  return makePartTarget(request, live, commit, overlay.over(commit.objects))
}

/** The schema `public` with its grants and comment, and nothing that is in it. */
function publicSchemaOf(commit: SchemaState): SchemaState {
  const owners = findOwners(commit)
  const isPublic = (position: number) => {
    const { kind, name } = commit.entries[owners[position]!]!
    return kind === 'SCHEMA' && name === 'public'
  }
  const nodes = [...commit.entries.keys()].filter(isPublic)
  return orderEntries(
    nodes.map((position) => ({
      entry: commit.entries[position]!,
      fact: commit.facts[position]!,
      anchor: position,
      dependsOn: commit.facts[position]!.dependsOn.map((each) => nodes.indexOf(each)).filter(
        (node) => node !== -1,
      ),
    })),
  )
}

function choose(
  { objects }: PartRequested,
  commit: SchemaState,
  live: PartBasis,
): ReadonlySet<string> | null {
  if (objects === null) return null
  if (objects.kind === 'matching') return resolvePatterns(objects.patterns, commit, live)
  return new Set(objects.relations.map(tableKey))
}

interface MadeSchema {
  target: SchemaState
  /** Relations, dependencies among them. */
  chosen: ReadonlySet<string>
  outside: ReadonlySet<string>
  recorded: PartOfDatabase | null
}

function makeSchema(
  { aspect, objects, withDependencies }: PartRequested,
  chosen: ReadonlySet<string> | null,
  commit: SchemaState,
  live: PartBasis,
): MadeSchema {
  if (chosen === null) {
    const target = aspect === 'data' ? live.schema : commit
    const outside = aspect === 'data' ? namesOf(target) : new Set<string>()
    return { target, chosen: new Set(), outside, recorded: null }
  }
  if (aspect === 'data') {
    const relations = [...chosen].map(nameOfKey)
    return {
      target: live.schema,
      chosen,
      outside: namesOf(live.schema),
      recorded: { relations, others: [] },
    }
  }
  const others = objects?.kind === 'exactly' ? objects.others : []
  const part = planPart({
    live: live.schema,
    commit,
    columnDependents: live.columnDependents,
    chosen: { relations: chosen, others: new Set(others.map(describeEntry)) },
    withDependencies,
  })
  const relations = part.objects.filter(isRelation)
  return {
    target: part.target,
    chosen: new Set(relations.map(({ namespace, name }) => tableKey({ namespace, name }))),
    outside: new Set(
      part.target.entries.filter((entry) => !part.restored.has(entry)).map(describeEntry),
    ),
    recorded: {
      relations: relations.map(({ namespace, name }) => ({ namespace: namespace ?? '', name })),
      others: part.objects
        .filter((entry) => !isRelation(entry))
        .map(({ kind, namespace, name }) => ({ kind, namespace, name })),
    },
  }
}

const namesOf = ({ entries }: SchemaState) => new Set(entries.map(describeEntry))

function nameOfKey(key: string): { namespace: string; name: string } {
  const [namespace, name] = key.split('\0') as [string, string]
  return { namespace, name }
}

/** A table on both sides; null where one side has none. */
export interface TablePair {
  live: TableEntry | null
  commit: TableEntry | null
}

interface TreeSources {
  live: PartBasis
  commit: RestoreTarget
  isChosen: (key: string) => boolean
  empty: ManifestRef
}

class TreeMaker {
  readonly #aspect: PartRequested['aspect']
  readonly #sources: TreeSources
  readonly #pairs = new Map<string, TablePair>()

  constructor(aspect: PartRequested['aspect'], sources: TreeSources) {
    this.#aspect = aspect
    this.#sources = sources
    for (const table of sources.live.tree.tables) {
      this.#pairs.set(tableKey(table), { live: table, commit: null })
    }
    for (const table of sources.commit.tree.tables) {
      const live = this.#pairs.get(tableKey(table))?.live ?? null
      this.#pairs.set(tableKey(table), { live, commit: table })
    }
  }

  /** The chosen tables. */
  pairs(): TablePair[] {
    return [...this.#pairs].flatMap(([key, pair]) => (this.#sources.isChosen(key) ? [pair] : []))
  }

  tables(): TableEntry[] {
    return [...this.#pairs]
      .map(([key, pair]) => (this.#sources.isChosen(key) ? this.#restored(pair) : pair.live))
      .filter((table) => table !== null)
      .sort(byNamespaceAndName)
  }

  #restored({ live, commit }: TablePair): TableEntry | null {
    switch (this.#aspect) {
      case 'all':
        return commit
      case 'schema':
        if (commit === null) return null
        // What says nothing of its rows keeps them, rebuilt or not.
        return {
          ...commit,
          rows: live === null && commit.extension === null ? this.#sources.empty : null,
        }
      case 'data':
        return live === null || commit?.rows == null
          ? live
          : { ...live, columns: commit.columns, rows: commit.rows }
    }
  }

  /** See `RestoredPart`. */
  standingColumns(): Map<string, readonly string[]> {
    if (this.#aspect !== 'data') return new Map()
    return new Map(this.#sources.live.tree.tables.map((table) => [tableKey(table), table.columns]))
  }

  /** A column that comes back is numbered by its sequence only where its table is loaded anew. */
  rebuilt(commit: SchemaState): Set<string> {
    const numbered = findNumberedColumns(commit)
    const rebuilt = new Set<string>()
    for (const [position, columns] of numbered) {
      const entry = commit.entries[position]!
      const pair = this.#pairs.get(tableKey(entry))
      if (pair?.live == null || pair.commit === null) continue
      const { live } = pair
      const isAdded = (column: string) => columns.has(column) && !live.columns.includes(column)
      if (pair.commit.columns.some(isAdded)) rebuilt.add(describeEntry(entry))
    }
    return rebuilt
  }

  materializedViews(): Tree['materializedViews'] {
    const { live, commit, isChosen } = this.#sources
    const before = new Map(live.tree.materializedViews.map((view) => [tableKey(view), view]))
    if (this.#aspect === 'data') return live.tree.materializedViews
    const after = new Map(before)
    for (const key of before.keys()) if (isChosen(key)) after.delete(key)
    for (const view of commit.tree.materializedViews) {
      const key = tableKey(view)
      if (!isChosen(key)) continue
      after.set(key, this.#aspect === 'schema' ? (before.get(key) ?? view) : view)
    }
    return [...after.values()].sort(byNamespaceAndName)
  }

  /** In the order in which trees hold them. */
  sequences(
    ofCommit: readonly SequenceState[],
    { entries, facts }: SchemaState,
    tables: readonly TableEntry[],
  ): SequenceState[] {
    const { live, isChosen } = this.#sources
    const before = new Map(live.sequences.map((state) => [tableKey(state), state]))
    const then = new Map(ofCommit.map((state) => [tableKey(state), state]))
    const withoutRows = new Set(tables.filter(({ rows }) => rows === null).map(tableKey))
    const owners = findOwners({ entries, facts })
    const states: SequenceState[] = []
    const known = new Set<string>()
    for (const [position, entry] of entries.entries()) {
      if (entry.kind !== 'SEQUENCE') continue
      const key = tableKey(entry)
      const owner = tableKey(entries[owners[position]!]!)
      known.add(key)
      // Where rows stay, so does what they have been numbered up to.
      if (owner !== key && withoutRows.has(owner)) continue
      const [now, was] = [before.get(key), then.get(key)]
      const state = !isChosen(owner)
        ? now
        : this.#aspect === 'schema'
          ? (now ?? startOf(entry))
          : (was ?? now)
      if (state !== undefined) states.push(state)
    }
    // An extension's own have no entry.
    const entriesOfLive = new Set(
      live.schema.entries.filter(({ kind }) => kind === 'SEQUENCE').map(tableKey),
    )
    for (const [key, state] of before) {
      if (known.has(key) || entriesOfLive.has(key)) continue
      const isWholeData = this.#aspect === 'data' && isChosen(key)
      states.push(isWholeData ? (then.get(key) ?? state) : state)
    }
    return states.sort(byNamespaceAndName)
  }
}

/** Where a sequence that is made begins; pg_dump always writes it. */
function startOf({
  namespace,
  name,
  definition,
}: SchemaState['entries'][number]): SequenceState | undefined {
  const start = /\bSTART WITH (-?\d+)/.exec(definition ?? '')?.[1]
  if (start === undefined) return undefined
  return { namespace: namespace ?? '', name, lastValue: start, isCalled: false }
}
