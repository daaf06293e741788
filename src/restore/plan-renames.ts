/**
 * Plans how what was renamed since a commit gets its names back. Pure.
 *
 * The catalog knows objects by OID and columns by number, and both outlive a
 * rename. A hint may be wrong (an OID can be used again), and then it names
 * something else: that costs work, never the result, which is proven like any other.
 */
import type {
  MaterializedViewEntry,
  SchemaEntry,
  SequenceState,
  TableEntry,
} from '../format/values.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { replaceNames } from '../schema/renamed-text.ts'
import { describeEntry } from './entry-kinds.ts'
import { type Movable, type Move, orderMoves } from './order-moves.ts'
import type { ColumnDependent, SchemaState } from './plan-surgery.ts'
import { type Place, predictRenames, type RenamedState } from './predict-renames.ts'
import {
  alterPrefix,
  constraintName,
  isRoutine,
  objectName,
  ownerOfSequence,
  renamableOf,
  tableOfConstraint,
} from './renamable.ts'
import type { Statement } from './statement.ts'
import { tableParents } from './table-parents.ts'

/** One thing that gets its name back, as people would name it. */
export interface Rename {
  /** `TABLE`, `COLUMN`, `FK CONSTRAINT`, …. */
  kind: string
  /** Its name now: `public.users`, of a column `public.users.email`. */
  from: string
  to: string
}

export interface RenamePlan {
  renames: Rename[]
  /** In this order, temporary names included. */
  statements: Statement[]
  /** The live state as it should be then. */
  live: RenamedState
}

export interface RenameFacts {
  live: SchemaState
  target: SchemaState
  columnDependents: readonly ColumnDependent[]
  /** Of the live tree. */
  tables: readonly TableEntry[]
  materializedViews: readonly MaterializedViewEntry[]
  sequences: readonly SequenceState[]
  /** A superuser drops event triggers first, which would fire on each rename. */
  isSuperuser: boolean
  currentUser: string
  serverVersionNumber: number
  withOwners: boolean
}

/** @returns undefined when nothing was renamed */
export function planRenames(facts: RenameFacts): RenamePlan | undefined {
  return new RenamePlanner(facts).plan()
}

class RenamePlanner {
  readonly #facts: RenameFacts
  readonly #live: readonly SchemaEntry[]
  readonly #target: readonly SchemaEntry[]
  /** Position in the target by position in the live schema, of what has the same OID. */
  readonly #targetOf = new Map<number, number>()
  /** Positions of live tables by `namespace NUL name`. */
  readonly #livePositions: ReadonlyMap<string, number>
  readonly #namesInUse: ReadonlySet<string>
  #temporaryNameCount = 0

  readonly #renames: Rename[] = []
  readonly #statements: Statement[] = []
  readonly #namespaces = new Map<string, string>()
  readonly #createdSchemas: number[] = []
  readonly #places = new Map<number, Place>()
  /** Columns by number as they are named in the end; of tables where any changes. */
  readonly #columns = new Map<number, Array<string | null>>()
  readonly #constraints = new Map<number, string>()

  constructor(facts: RenameFacts) {
    this.#facts = facts
    this.#live = facts.live.entries
    this.#target = facts.target.entries
    this.#matchByOid()
    this.#livePositions = new Map(
      [...this.#live.entries()]
        .filter(([, { kind }]) => kind === 'TABLE' || kind === 'FOREIGN TABLE')
        .map(([position, { namespace, name }]) => [`${namespace}\0${name}`, position]),
    )
    this.#namesInUse = new Set(
      [facts.live, facts.target].flatMap((state) => [
        ...state.entries.flatMap((entry) => [entry.name, objectName(entry)?.name ?? '']),
        ...state.facts.flatMap(({ columns }) => columns ?? []),
      ]) as string[],
    )
  }

  plan(): RenamePlan | undefined {
    this.#renameSchemas()
    // A routine's arguments are named by types, so it comes before they change their names.
    this.#renameObjects(isRoutine)
    this.#renameObjects((entry) => !isRoutine(entry))
    this.#renameColumns()
    this.#renameForeignKeys()
    if (this.#statements.length === 0) return undefined
    const eventTriggers = this.#facts.isSuperuser ? this.#eventTriggers() : []
    return {
      renames: this.#renames,
      statements: [...eventTriggers.flatMap((each) => this.#drop(each)), ...this.#statements],
      live: predictRenames({
        ...this.#facts,
        targetOf: this.#targetOf,
        namespaces: this.#namespaces,
        createdSchemas: this.#createdSchemas,
        places: this.#places,
        columns: this.#columns,
        constraints: this.#constraints,
        dropped: new Set(eventTriggers),
      }),
    }
  }

  #matchByOid(): void {
    const keyOf = ({ entries, facts }: SchemaState, position: number) => {
      const { classOid, oid } = facts[position]!
      return oid === 0 ? undefined : `${entries[position]!.kind} ${classOid} ${oid}`
    }
    const { live, target } = this.#facts
    const positions = new Map<string | undefined, number>()
    for (const position of target.entries.keys()) positions.set(keyOf(target, position), position)
    for (const position of live.entries.keys()) {
      const key = keyOf(live, position)
      const counterpart = key === undefined ? undefined : positions.get(key)
      if (counterpart === undefined) continue
      this.#targetOf.set(position, counterpart)
      positions.delete(key)
    }
  }

  #newTemporaryName = (): string => {
    for (;;) {
      const name = `snap_renamed_${++this.#temporaryNameCount}`
      if (!this.#namesInUse.has(name)) return name
    }
  }

  #add(kind: string, name: string, sql: string): void {
    this.#statements.push({ subject: `name of ${kind} ${name}`, sql })
  }

  #renameSchemas(): void {
    const positions = [...this.#live.keys()].filter((each) => this.#live[each]!.kind === 'SCHEMA')
    const movables = positions.map((position): Movable => {
      const target = this.#targetOf.get(position)
      const wanted =
        target === undefined ? null : { namespace: '', name: this.#target[target]!.name }
      return { namespace: '', name: this.#live[position]!.name, spaces: ['schema'], wanted }
    })
    const { moves, places } = orderMoves(movables, this.#newTemporaryName)
    for (const { moved, from, to } of moves) {
      const [before, after] = [from, to].map(({ name }) => quoteIdentifier(name))
      this.#add('SCHEMA', movables[moved]!.name, `ALTER SCHEMA ${before} RENAME TO ${after}`)
    }
    for (const [each, position] of positions.entries()) {
      const from = movables[each]!.name
      const to = places[each]!.name
      this.#namespaces.set(from, to)
      if (from === to) continue
      this.#places.set(position, { namespace: '', name: to })
      if (movables[each]!.wanted?.name === to) this.#renames.push({ kind: 'SCHEMA', from, to })
    }
  }

  #renameObjects(isWanted: (entry: SchemaEntry) => boolean): void {
    const positions = [...this.#live.keys()].filter((each) => {
      const entry = this.#live[each]!
      return isWanted(entry) && renamableOf(entry) !== undefined
    })
    const indexes = new Map(positions.map((position, each) => [position, each]))
    const movables = positions.map((position) => this.#movableOf(position, indexes))
    const { moves, places } = orderMoves(movables, this.#newTemporaryName)
    for (const move of moves) this.#emitMove(positions[move.moved]!, movables[move.moved]!, move)

    for (const [each, position] of positions.entries()) {
      const { namespace, name, wanted } = movables[each]!
      const to = places[each]!
      if (to.namespace === namespace && to.name === name) continue
      this.#places.set(position, to)
      const isItsOwn = to.name !== name || movables[each]!.follows === undefined
      if (to.namespace !== wanted?.namespace || to.name !== wanted.name || !isItsOwn) continue
      const { kind } = this.#live[position]!
      this.#renames.push({ kind, from: `${namespace}.${name}`, to: `${to.namespace}.${to.name}` })
    }
  }

  #movableOf(position: number, indexes: ReadonlyMap<number, number>): Movable {
    const entry = this.#live[position]!
    const { name, suffix } = objectName(entry)!
    const follows = indexes.get(this.#leaderOf(position) ?? -1)
    return {
      namespace: this.#namespaceOf(entry),
      name,
      spaces: renamableOf(entry)!.spaces,
      wanted: this.#wantedPlace(position),
      ...(suffix === undefined ? {} : { suffix: this.#inNewSchemas(suffix) }),
      ...(follows === undefined ? {} : { follows }),
    }
  }

  /** Indexes and sequences of a table are where the table is. */
  #leaderOf(position: number): number | undefined {
    const { kind, definition, namespace, name } = this.#live[position]!
    const isRelation = (each: number) =>
      ['TABLE', 'MATERIALIZED VIEW', 'FOREIGN TABLE'].includes(this.#live[each]!.kind)
    if (kind === 'INDEX' || kind === 'CONSTRAINT') {
      return this.#facts.live.facts[position]!.dependsOn.find(isRelation)
    }
    if (kind !== 'SEQUENCE') return undefined
    if (definition?.startsWith('ALTER TABLE ')) {
      return this.#facts.live.facts[position]!.dependsOn.find(isRelation)
    }
    const owner = this.#sequenceOwners.get(`${namespace}\0${name}`)
    return owner === undefined ? undefined : this.#livePositions.get(owner)
  }

  get #sequenceOwners(): ReadonlyMap<string, string> {
    this.#cachedOwners ??= new Map(
      this.#live
        .filter(({ kind }) => kind === 'SEQUENCE OWNED BY')
        .flatMap(({ namespace, name, definition }) => {
          const table = ownerOfSequence(definition ?? '')
          return table === undefined ? [] : [[`${namespace}\0${name}`, table] as const]
        }),
    )
    return this.#cachedOwners
  }
  #cachedOwners: ReadonlyMap<string, string> | undefined

  #namespaceOf({ namespace }: SchemaEntry): string {
    return this.#namespaces.get(namespace ?? '') ?? namespace ?? ''
  }

  #wantedPlace(position: number): Place | null {
    const counterpart = this.#targetOf.get(position)
    if (counterpart === undefined) return null
    const entry = this.#target[counterpart]!
    const name = objectName(entry)?.name
    if (name === undefined || entry.namespace === null) return null
    return this.#providesSchema(entry.namespace) ? { namespace: entry.namespace, name } : null
  }

  /** A schema that something is to move to must be there by then. */
  #providesSchema(name: string): boolean {
    if ([...this.#namespaces.values()].includes(name)) return true
    if (this.#createdSchemas.some((each) => this.#target[each]!.name === name)) return true
    const position = this.#target.findIndex((each) => each.kind === 'SCHEMA' && each.name === name)
    if (position === -1) return false
    const { definition, owner } = this.#target[position]!
    this.#createdSchemas.push(position)
    this.#statements.push({
      subject: `SCHEMA ${name}`,
      sql: (definition ?? '').replace(/;\s*$/, ''),
    })
    if (this.#facts.withOwners && owner !== null && owner !== this.#facts.currentUser) {
      const sql = `ALTER SCHEMA ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(owner)}`
      this.#statements.push({ subject: `owner of SCHEMA ${name}`, sql })
    }
    return true
  }

  #inNewSchemas(text: string): string {
    return replaceNames(text, {
      qualified: new Map(),
      namespaces: this.#namespaces,
      plain: new Map(),
    })
  }

  #emitMove(position: number, { suffix }: Movable, { changes, from, to }: Move): void {
    const entry = this.#live[position]!
    const object = alterPrefix(renamableOf(entry)!, from, suffix)
    const action =
      changes === 'name'
        ? `RENAME TO ${quoteIdentifier(to.name)}`
        : `SET SCHEMA ${quoteIdentifier(to.namespace)}`
    this.#statements.push({
      subject: `name of ${describeEntry(entry)}`,
      sql: `${object} ${action}`,
    })
  }

  /** A column that is renamed in a table is renamed in its partitions and children too, so parents come first. */
  #renameColumns(): void {
    const parents = tableParents(this.#facts.live)
    const children = new Map<number, number[]>()
    for (const [child, of] of parents) {
      for (const parent of of) children.set(parent, [...(children.get(parent) ?? []), child])
    }
    const done = new Set<number>()
    const visit = (position: number) => {
      if (done.has(position)) return
      done.add(position)
      for (const parent of parents.get(position) ?? []) visit(parent)
      this.#renameColumnsOf(position, children)
    }
    for (const position of this.#targetOf.keys()) visit(position)
  }

  #renameColumnsOf(position: number, children: ReadonlyMap<number, readonly number[]>): void {
    const counterpart = this.#targetOf.get(position)
    const before = this.#columnsOf(position)
    const after = this.#facts.target.facts[counterpart ?? -1]?.columns
    const entry = this.#live[position]!
    const renamable = renamableOf(entry)
    if (before === undefined || after === undefined || renamable === undefined) return
    const numbers = [...before.keys()].filter((number) => before[number] !== null)
    const movables = numbers.map((number): Movable => {
      const wanted = after[number] ?? null
      return {
        namespace: '',
        name: before[number]!,
        spaces: ['column'],
        wanted: wanted === null ? null : { namespace: '', name: wanted },
      }
    })
    const { moves, places } = orderMoves(movables, this.#newTemporaryName)
    const place = this.#placeOf(position)
    const word = entry.kind === 'TYPE' ? 'ATTRIBUTE' : 'COLUMN'
    for (const { from, to } of moves) {
      const [old, given] = [from, to].map(({ name }) => quoteIdentifier(name))
      this.#statements.push({
        subject: `name of column ${from.name} of ${describeEntry(entry)}`,
        sql: `${alterPrefix(renamable, place)} RENAME ${word} ${old} TO ${given}`,
      })
      this.#renameColumn(position, children, from.name, to.name)
    }
    const table = `${place.namespace}.${place.name}`
    for (const [each, { name, wanted }] of movables.entries()) {
      const to = places[each]!.name
      if (to === name || to !== wanted?.name) continue
      this.#renames.push({ kind: 'COLUMN', from: `${table}.${name}`, to: `${table}.${to}` })
    }
  }

  #renameColumn(
    position: number,
    children: ReadonlyMap<number, readonly number[]>,
    from: string,
    to: string,
  ): void {
    const columns = this.#columnsOf(position)
    const number = columns?.indexOf(from) ?? -1
    if (columns === undefined || number === -1) return
    this.#columns.set(position, columns.with(number, to))
    for (const child of children.get(position) ?? []) this.#renameColumn(child, children, from, to)
  }

  #columnsOf(position: number): Array<string | null> | undefined {
    return this.#columns.get(position) ?? this.#facts.live.facts[position]!.columns
  }

  #placeOf(position: number): Place {
    const entry = this.#live[position]!
    return this.#places.get(position) ?? { namespace: this.#namespaceOf(entry), name: entry.name }
  }

  /** A constraint with an index has the index's name; a foreign key has one of its own. */
  #renameForeignKeys(): void {
    const positions = [...this.#live.keys()].filter((each) => {
      const entry = this.#live[each]!
      return entry.kind === 'FK CONSTRAINT' && constraintName(entry) !== undefined
    })
    const tables = positions.map((position) => this.#tableOf(position))
    const movables = positions.map((position, each): Movable => {
      const counterpart = this.#targetOf.get(position)
      const wanted =
        counterpart === undefined ? undefined : constraintName(this.#target[counterpart]!)
      return {
        namespace: String(tables[each]),
        name: constraintName(this.#live[position]!)!,
        spaces: ['constraint'],
        wanted: wanted === undefined ? null : { namespace: String(tables[each]), name: wanted },
      }
    })
    const { moves, places } = orderMoves(movables, this.#newTemporaryName)
    for (const { moved, from, to } of moves) {
      const table = tables[moved]
      if (table === undefined) continue
      const prefix = alterPrefix(renamableOf(this.#live[table]!)!, this.#placeOf(table))
      const [old, given] = [from, to].map(({ name }) => quoteIdentifier(name))
      this.#statements.push({
        subject: `name of ${describeEntry(this.#live[positions[moved]!]!)}`,
        sql: `${prefix} RENAME CONSTRAINT ${old} TO ${given}`,
      })
    }
    for (const [each, position] of positions.entries()) {
      const table = tables[each]
      const { name, wanted } = movables[each]!
      const to = places[each]!.name
      if (table === undefined || to === name) continue
      this.#constraints.set(position, to)
      if (to !== wanted?.name) continue
      const place = this.#placeOf(table)
      const on = `${place.namespace}.${place.name}`
      this.#renames.push({ kind: 'FK CONSTRAINT', from: `${on} ${name}`, to: `${on} ${to}` })
    }
  }

  #tableOf(position: number): number | undefined {
    const entry = this.#live[position]!
    return this.#livePositions.get(`${entry.namespace}\0${tableOfConstraint(entry)}`)
  }

  #eventTriggers(): number[] {
    const { facts } = this.#facts.live
    const triggers = [...this.#live.keys()].filter(
      (each) => this.#live[each]!.kind === 'EVENT TRIGGER',
    )
    const satellites = [...this.#live.keys()].filter((each) =>
      facts[each]!.dependsOn.some((one) => triggers.includes(one)),
    )
    return [...triggers, ...satellites]
  }

  #drop(position: number): Statement[] {
    const entry = this.#live[position]!
    if (entry.dropStatement === null) return []
    return [{ subject: describeEntry(entry), sql: entry.dropStatement.replace(/;\s*$/, '') }]
  }
}
