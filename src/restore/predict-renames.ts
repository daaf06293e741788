/**
 * Predicts what the live schema will be once things have their names back. Pure.
 *
 * Names and columns are as the plan makes them. Definitions are the server's to
 * write: where one is the commit's but for names, it is taken to become the
 * commit's; elsewhere names are replaced as well as can be told. Whoever carries
 * the plan out looks at what really came of it.
 */
import { byNamespaceAndName } from '../capture/list-relations.ts'
import type {
  CatalogFact,
  MaterializedViewEntry,
  SchemaEntry,
  SequenceState,
  TableEntry,
} from '../format/values.ts'
import { closeOver, invertDependencies } from '../schema/dependents.ts'
import { isSameAfterRenames, type NewNames, replaceNames } from '../schema/renamed-text.ts'
import { withNotNullNames, withoutNotNullNames } from '../schema/schema-dialect.ts'
import type { ColumnDependent, SchemaState } from './plan-surgery.ts'
import { constraintName, objectName } from './renamable.ts'

export interface Place {
  namespace: string
  name: string
}

/** A live schema with other names. */
export interface RenamedState {
  schema: SchemaState
  columnDependents: readonly ColumnDependent[]
  /** What each entry was before; undefined for a schema that is made on the way. */
  formerEntries: readonly (SchemaEntry | undefined)[]
  /** What is taken back first, to be created again in the end. */
  dropped: readonly SchemaEntry[]
  /** Of the live tree, in its order. */
  tables: TableEntry[]
  materializedViews: MaterializedViewEntry[]
  /** Where each will have its position, sorted by namespace and name. */
  sequences: SequenceState[]
}

export interface PlannedNames {
  live: SchemaState
  target: SchemaState
  columnDependents: readonly ColumnDependent[]
  serverVersionNumber: number
  tables: readonly TableEntry[]
  materializedViews: readonly MaterializedViewEntry[]
  sequences: readonly SequenceState[]
  /** Position in the target by position in the live schema, of what has the same OID. */
  targetOf: ReadonlyMap<number, number>
  /** Every schema's new name by its present one. */
  namespaces: ReadonlyMap<string, string>
  /** Positions of schemas of the target that are made before anything moves there. */
  createdSchemas: readonly number[]
  /** Where objects will be that move or are renamed, by position. */
  places: ReadonlyMap<number, Place>
  /** Columns by number, of tables where any is renamed, by position. */
  columns: ReadonlyMap<number, Array<string | null>>
  /** Names of foreign keys that are renamed, by position. */
  constraints: ReadonlyMap<number, string>
  /** Positions of what is dropped first. */
  dropped: ReadonlySet<number>
}

export function predictRenames(planned: PlannedNames): RenamedState {
  return new Prediction(planned).make()
}

/** Everything that one entry is renamed by, as pairs of names. */
interface Influence {
  names: NewNames
  isRenamed: (from: string, to: string) => boolean
}

const RELATIONS = new Set(['TABLE', 'MATERIALIZED VIEW', 'SEQUENCE'])

interface NewPositions {
  moved: (position: number) => number | undefined
  /** By the name they then have. */
  schemas: ReadonlyMap<string, number>
}

class Prediction {
  readonly #planned: PlannedNames
  readonly #live: readonly SchemaEntry[]
  readonly #target: readonly SchemaEntry[]
  /** What each live entry is in the target: by OID, else by what both belong to. */
  readonly #counterparts: Map<number, number>
  readonly #takenCounterparts: Set<number>
  readonly #satellites = new Map<string, number[]>()
  /** Positions of renamed entries by those that depend on them. */
  readonly #causes = new Map<number, number[]>()

  constructor(planned: PlannedNames) {
    this.#planned = planned
    this.#live = planned.live.entries
    this.#target = planned.target.entries
    this.#counterparts = new Map(planned.targetOf)
    this.#takenCounterparts = new Set(planned.targetOf.values())
    for (const [position, { kind }] of this.#target.entries()) {
      for (const dependency of planned.target.facts[position]!.dependsOn) {
        const key = `${kind} ${dependency}`
        this.#satellites.set(key, [...(this.#satellites.get(key) ?? []), position])
      }
    }
    const dependents = invertDependencies(planned.live.facts)
    const { places, columns, constraints } = planned
    for (const renamed of new Set([...places.keys(), ...columns.keys(), ...constraints.keys()])) {
      for (const affected of closeOver([renamed], dependents)) {
        this.#causes.set(affected, [...(this.#causes.get(affected) ?? []), renamed])
      }
    }
  }

  make(): RenamedState {
    const { dropped, createdSchemas, live, target, columnDependents } = this.#planned
    const created = [...createdSchemas].sort((a, b) => a - b)
    const kept = [...this.#live.keys()].filter((each) => !dropped.has(each))
    const positions = new Map(kept.map((each, index) => [each, created.length + index]))
    const moved = (position: number) => positions.get(position)
    const entries = [
      ...created.map((each) => this.#target[each]!),
      ...kept.map((each) => this.#entryOf(each)),
    ]
    const schemas = new Map(
      [...entries.entries()]
        .filter(([, { kind }]) => kind === 'SCHEMA')
        .map(([position, { name }]) => [name, position]),
    )
    const facts: CatalogFact[] = [
      ...created.map((each, entry) => ({ ...target.facts[each]!, entry, dependsOn: [] })),
      ...kept.map((each) => this.#factOf(each, live.facts[each]!, { moved, schemas })),
    ]
    return {
      schema: { entries, facts },
      formerEntries: [...created.map(() => undefined), ...kept.map((each) => this.#live[each]!)],
      dropped: [...dropped].map((each) => this.#live[each]!),
      columnDependents: columnDependents.flatMap(({ table, columnName, dependent }) => {
        const [newTable, newDependent] = [moved(table), moved(dependent)]
        if (newTable === undefined || newDependent === undefined) return []
        const name = this.#columnNames(table).get(columnName) ?? columnName
        return [{ table: newTable, columnName: name, dependent: newDependent }]
      }),
      tables: this.#planned.tables.map((table) => this.#relocated(table)),
      materializedViews: this.#planned.materializedViews.map((view) => this.#relocated(view)),
      sequences: this.#planned.sequences
        .map((sequence) => this.#relocated(sequence))
        .sort(byNamespaceAndName),
    }
  }

  #factOf(position: number, fact: CatalogFact, { moved, schemas }: NewPositions): CatalogFact {
    const columns = this.#planned.columns.get(position)
    const home = this.#planned.places.get(position)?.namespace
    const dependsOn = fact.dependsOn.flatMap((each) => {
      const isHome = home !== undefined && this.#live[each]!.kind === 'SCHEMA'
      return (isHome ? schemas.get(home) : moved(each)) ?? []
    })
    return {
      ...fact,
      entry: moved(position)!,
      dependsOn: dependsOn.sort((a, b) => a - b),
      ...(columns === undefined ? {} : { columns }),
    }
  }

  #entryOf(position: number): SchemaEntry {
    const entry = this.#live[position]!
    const causes = this.#causes.get(position)
    if (causes === undefined) return entry
    const influence = this.#influenceOf(position, causes)
    for (const counterpart of this.#candidatesFor(position)) {
      const wanted = this.#target[counterpart]!
      if (!this.#becomes(position, wanted, influence)) continue
      this.#counterparts.set(position, counterpart)
      this.#takenCounterparts.add(counterpart)
      const { namespace, name, definition, dropStatement } = wanted
      return { ...entry, namespace, name, definition, dropStatement }
    }
    return this.#rewritten(position, influence)
  }

  /** Grants, comments and attachments have no OID; they are known by what they belong to. */
  #candidatesFor(position: number): number[] {
    const known = this.#counterparts.get(position)
    if (known !== undefined) return [known]
    const { oid, dependsOn } = this.#planned.live.facts[position]!
    const [first, ...rest] = dependsOn.flatMap((each) => this.#counterparts.get(each) ?? [])
    if (oid !== 0 || first === undefined) return []
    const { kind } = this.#live[position]!
    return (this.#satellites.get(`${kind} ${first}`) ?? []).filter((each) => {
      const { dependsOn: wanted } = this.#planned.target.facts[each]!
      return !this.#takenCounterparts.has(each) && rest.every((other) => wanted.includes(other))
    })
  }

  #becomes(position: number, wanted: SchemaEntry, { isRenamed }: Influence): boolean {
    const entry = this.#live[position]!
    const place = this.#planned.places.get(position)
    const name = entry.kind === 'SCHEMA' ? wanted.name : objectName(wanted)?.name
    if (place !== undefined && place.name !== name) return false
    const pairs = [
      [entry.definition, wanted.definition],
      [entry.dropStatement, wanted.dropStatement],
    ]
    // Of what has an OID the name is known, and it is not written as SQL.
    if (!this.#planned.targetOf.has(position)) pairs.push([entry.name, wanted.name])
    return pairs.every(([before, after]) => isSameAfterRenames(before!, after!, isRenamed))
  }

  #rewritten(position: number, { names }: Influence): SchemaEntry {
    const { serverVersionNumber } = this.#planned
    const entry = withNotNullNames(this.#live[position]!, serverVersionNumber)
    const rewrite = (text: string | null) => (text === null ? null : replaceNames(text, names))
    const renamed = {
      ...entry,
      namespace: this.#namespaceOf(position),
      name: this.#nameOf(position, names),
      definition: rewrite(entry.definition),
      dropStatement: rewrite(entry.dropStatement),
    }
    return withoutNotNullNames(renamed, serverVersionNumber)
  }

  #namespaceOf(position: number): string | null {
    const { namespace } = this.#live[position]!
    if (namespace === null) return null
    const place = this.#planned.places.get(position)
    if (place !== undefined) return place.namespace
    // What belongs to an object is said to be where that is.
    const { dependsOn } = this.#planned.live.facts[position]!
    const owner = dependsOn.find(
      (each) => this.#planned.places.has(each) && this.#live[each]!.namespace === namespace,
    )
    return owner === undefined
      ? (this.#planned.namespaces.get(namespace) ?? namespace)
      : this.#planned.places.get(owner)!.namespace
  }

  /** A plain object's name is its place's; what names other things besides has them replaced. */
  #nameOf(position: number, names: NewNames): string {
    const entry = this.#live[position]!
    const place = this.#planned.places.get(position)
    const isPlain = entry.kind === 'SCHEMA' || objectName(entry)?.name === entry.name
    return place !== undefined && isPlain ? place.name : replaceNames(entry.name, names)
  }

  #influenceOf(position: number, causes: readonly number[]): Influence {
    const qualified = new Map<string, Place>()
    const namespaces = new Map<string, string>()
    const plain = new Map<string, string>()
    const pairs = new Set<string>()
    const add = (map: Map<string, string>, from: string, to: string) => {
      pairs.add(`${from}\0${to}`)
      if (from !== to) map.set(from, to)
    }
    for (const cause of causes) {
      const entry = this.#live[cause]!
      const place = this.#planned.places.get(cause)
      if (entry.kind === 'SCHEMA') add(namespaces, entry.name, place!.name)
      else if (place !== undefined) {
        const { name } = objectName(entry)!
        qualified.set(`${entry.namespace}\0${name}`, place)
        add(plain, name, place.name)
        pairs.add(`${entry.namespace}\0${place.namespace}`)
      }
      const constraint = this.#planned.constraints.get(cause)
      if (constraint !== undefined) add(plain, constraintName(entry)!, constraint)
    }
    for (const cause of causes) {
      // The columns of another table may be called the same, so a table's own come last and win.
      if (cause !== position) for (const pair of this.#columnNames(cause)) add(plain, ...pair)
    }
    for (const pair of this.#columnNames(position)) add(plain, ...pair)
    return {
      names: { qualified, namespaces, plain },
      isRenamed: (from, to) => pairs.has(`${from}\0${to}`),
    }
  }

  /** New names of a table's columns by their present ones. */
  #columnNames(position: number): Map<string, string> {
    const before = this.#planned.live.facts[position]?.columns ?? []
    const after = this.#planned.columns.get(position)
    const names = new Map<string, string>()
    for (const [number, name] of before.entries()) {
      const given = after?.[number]
      if (name !== null && typeof given === 'string' && given !== name) names.set(name, given)
    }
    return names
  }

  #relocated<T extends Place & { columns?: string[] }>(relation: T): T {
    const { namespaces } = this.#planned
    const position = this.#relations.get(`${relation.namespace}\0${relation.name}`)
    const namespace = namespaces.get(relation.namespace) ?? relation.namespace
    if (position === undefined) return { ...relation, namespace }
    const columns = this.#columnNames(position)
    return {
      ...relation,
      ...(this.#planned.places.get(position) ?? { namespace }),
      ...(relation.columns === undefined
        ? {}
        : { columns: relation.columns.map((name) => columns.get(name) ?? name) }),
    }
  }

  get #relations(): ReadonlyMap<string, number> {
    this.#cachedRelations ??= new Map(
      [...this.#live.entries()]
        .filter(([, { kind }]) => RELATIONS.has(kind))
        .map(([position, { namespace, name }]) => [`${namespace}\0${name}`, position]),
    )
    return this.#cachedRelations
  }
  #cachedRelations: ReadonlyMap<string, number> | undefined
}
