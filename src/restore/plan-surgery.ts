/**
 * Plans a restore that changes only what differs. Pure.
 *
 * Entries that differ or are not wanted, and everything that depends on them,
 * are taken back in the reverse of creation order; what is missing then is
 * created in creation order. Tables, functions, sequences and owners are altered
 * where they stand as far as that goes. Nothing here has to be right for the
 * restore to be: what a plan overlooks the server refuses or the proof finds,
 * and then the restore is made without it.
 */
import type { CatalogFact, SchemaEntry } from '../format/values.ts'
import { type EntryPair, pairEntries } from '../schema/compare-schemas.ts'
import { closeOver, invertDependencies } from '../schema/dependents.ts'
import { adaptForServer } from '../schema/schema-dialect.ts'
import { describeEntry, isPrivilege } from './entry-kinds.ts'
import type { Alteration } from './plan-creation.ts'
import { planSequenceAlteration } from './plan-sequence-alteration.ts'
import { planTableAlteration, type TableAlteration } from './plan-table-alteration.ts'
import { planUndoOfEntry } from './plan-undo-of-entry.ts'
import type { Statement } from './statement.ts'

export interface SchemaState {
  /** In creation order. */
  entries: readonly SchemaEntry[]
  /** One for each entry, at the same position. */
  facts: readonly CatalogFact[]
}

/** Something of the live schema that depends on one column of a table. */
export interface ColumnDependent {
  /** Position of the table's live entry. */
  table: number
  columnName: string
  /** Position of the live entry that depends on the column. */
  dependent: number
}

/** What the rows of a table that both sides have need, unless the table is created again. */
export type RowNeed = 'nothing' | 'delta' | 'reload'

export interface SurgeryFacts {
  live: SchemaState
  target: SchemaState
  columnDependents: readonly ColumnDependent[]
  /** By `tableKey`; a table that is not in it needs nothing. */
  rowNeeds: ReadonlyMap<string, RowNeed>
  /** Tables by `tableKey` whose rows are the live ones, whatever their columns become. */
  keptRows: ReadonlySet<string>
  /** Tables by `tableKey` whose indexes are better built after their rows are loaded. */
  largeTables: ReadonlySet<string>
  serverVersionNumber: number
  /** Whether the role may drop and create event triggers. */
  isSuperuser: boolean
  withOwners: boolean
  withPrivileges: boolean
  /** Entries as `describeEntry` names them that are to be created again, whatever could be altered. */
  notAltered: ReadonlySet<string>
}

export interface Surgery {
  /** What goes that was created after rows: indexes, constraints, triggers. Dependents go first. */
  lateDrops: Statement[]
  /** What else goes, with the parts of altered tables that go. */
  drops: Statement[]
  /** Live entries that `drops` takes back. */
  dropped: SchemaEntry[]
  /** Entries of the target that are created, in creation order. */
  created: SchemaEntry[]
  altered: ReadonlyMap<SchemaEntry, Alteration>
  /** Run when rows are in place, before indexes and constraints. */
  tighten: Statement[]
  /** Tables by `tableKey` that are created (again), so that all their rows have to be loaded. */
  builtTables: ReadonlySet<string>
  /** What each table that stands needs; `nothing` is left out. */
  rowSteps: ReadonlyMap<string, Exclude<RowNeed, 'nothing'>>
  /** Materialized views of the target to be refreshed, in order. */
  refreshed: SchemaEntry[]
  resetsDefaultPrivileges: boolean
}

export function tableKey({ namespace, name }: { namespace: string | null; name: string }): string {
  return `${namespace ?? ''}\0${name}`
}

/** @returns undefined when only the general form can do it */
export function planSurgery(facts: SurgeryFacts): Surgery | undefined {
  return new SurgeryPlanner(facts).plan()
}

const isDifferent = ({ fields }: EntryPair) => fields.length > 0

class SurgeryPlanner {
  readonly #facts: SurgeryFacts
  readonly #live: readonly SchemaEntry[]
  readonly #target: readonly SchemaEntry[]
  readonly #pairs: EntryPair[]
  readonly #targetOf = new Map<number, number>()
  readonly #liveDependents: number[][]
  /** Alterations of tables by the table's live position. */
  readonly #tables = new Map<number, TableAlteration>()
  /** Alterations of other entries by live position. */
  readonly #others = new Map<number, string[]>()
  #dropped = new Set<number>()

  constructor(facts: SurgeryFacts) {
    this.#facts = facts
    this.#live = facts.live.entries
    this.#target = facts.target.entries
    this.#pairs = pairEntries(this.#target.map(this.#comparable), this.#live.map(this.#comparable))
    for (const { expected, found } of this.#pairs) {
      if (expected !== undefined && found !== undefined) this.#targetOf.set(found, expected)
    }
    this.#liveDependents = invertDependencies(facts.live.facts)
  }

  plan(): Surgery | undefined {
    const changes = this.#pairs.filter((pair) => this.#isManaged(pair) && this.#isChange(pair))
    if (changes.some((pair) => this.#needsGeneralForm(pair))) return undefined
    this.#planAlterations(changes)
    this.#closeDrops(changes)
    return this.#assemble()
  }

  #comparable = (entry: SchemaEntry): SchemaEntry =>
    this.#facts.withOwners ? entry : { ...entry, owner: null }

  #isManaged({ expected, found }: EntryPair): boolean {
    const entry = expected === undefined ? this.#live[found!]! : this.#target[expected]!
    return this.#facts.withPrivileges || !isPrivilege(entry)
  }

  #isChange(pair: EntryPair): boolean {
    return pair.expected === undefined || pair.found === undefined || isDifferent(pair)
  }

  /** A subscription's slot cannot be brought back, and rights on an extension's members come back only with it. */
  #needsGeneralForm({ expected, found }: EntryPair): boolean {
    const entry = found === undefined ? this.#target[expected!]! : this.#live[found]!
    if (entry.kind === 'SUBSCRIPTION' || entry.kind === 'SHELL TYPE') return true
    if (entry.kind !== 'ACL') return false
    const state = found === undefined ? this.#facts.target : this.#facts.live
    return state.facts[(found ?? expected)!]!.dependsOn.length === 0 && !isSchemaPrivilege(entry)
  }

  #planAlterations(changes: readonly EntryPair[]): void {
    const { notAltered, serverVersionNumber } = this.#facts
    const tables: [found: number, expected: number][] = []
    for (const { expected, found, fields } of changes) {
      if (expected === undefined || found === undefined) continue
      const before = this.#live[found]!
      const after = this.#target[expected]!
      // What has no owner of its own, as an index, changes owner with its table.
      const onlyOwner = fields.length === 1 && fields[0] === 'owner' && !isPrivilege(after)
      if (onlyOwner || after.kind === 'SCHEMA') {
        this.#others.set(found, [])
        continue
      }
      if (fields.some((field) => field !== 'definition' && field !== 'owner')) continue
      if (notAltered.has(describeEntry(after))) continue
      if (after.kind === 'TABLE') tables.push([found, expected])
      if (after.kind === 'FUNCTION' || after.kind === 'PROCEDURE') {
        if (returnTypeOf(before) !== returnTypeOf(after)) continue
        const { definition } = adaptForServer(after, serverVersionNumber)
        this.#others.set(found, [
          (definition ?? '')
            .trim()
            .replace(/^CREATE (?=FUNCTION|PROCEDURE)/, 'CREATE OR REPLACE ')
            .replace(/;$/, ''),
        ])
      }
      if (after.kind === 'SEQUENCE') {
        const statement = planSequenceAlteration(before.definition ?? '', after.definition ?? '')
        if (statement !== undefined) this.#others.set(found, [statement])
      }
    }
    this.#planTables(tables)
  }

  /** A partition's columns change with its parent's, so parents come first. */
  #planTables(tables: readonly [found: number, expected: number][]): void {
    const parents = this.#partitionParents(this.#facts.live)
    const pending = new Map(tables)
    const plan = (found: number): TableAlteration | undefined => {
      const expected = pending.get(found)
      if (expected === undefined) return this.#tables.get(found)
      pending.delete(found)
      const parent = parents.get(found)
      const alteration = planTableAlteration(
        this.#live[found]!.definition ?? '',
        this.#target[expected]!.definition ?? '',
        {
          serverVersionNumber: this.#facts.serverVersionNumber,
          fillsAddedColumns: this.#facts.keptRows.has(tableKey(this.#live[found]!)),
          isPartition: parent !== undefined,
          parent: parent === undefined ? undefined : plan(parent),
        },
      )
      if (alteration !== undefined) this.#tables.set(found, alteration)
      return alteration
    }
    for (const [found] of tables) plan(found)
  }

  /** Position of each partition's parent, by the partition's. */
  #partitionParents({ entries, facts }: SchemaState): Map<number, number> {
    const parents = new Map<number, number>()
    for (const [position, entry] of entries.entries()) {
      if (entry.kind !== 'TABLE ATTACH') continue
      const tables = facts[position]!.dependsOn.filter((each) => isTable(entries[each]!))
      const child = tables.find(
        (each) =>
          entries[each]!.name === entry.name && entries[each]!.namespace === entry.namespace,
      )
      const parent = tables.find((each) => each !== child)
      if (child !== undefined && parent !== undefined) parents.set(child, parent)
    }
    return parents
  }

  #closeDrops(changes: readonly EntryPair[]): void {
    const { isSuperuser, withPrivileges } = this.#facts
    const seeds = new Set<number>()
    for (const { found } of changes) {
      if (found === undefined || this.#isAltered(found)) continue
      seeds.add(found)
    }
    const touchesAnything = changes.length > 0 || this.#facts.rowNeeds.size > 0
    for (const [position, { kind }] of this.#live.entries()) {
      if (kind === 'EVENT TRIGGER' && isSuperuser && touchesAnything) seeds.add(position)
    }
    for (;;) {
      for (const position of this.#disturbedDependents()) seeds.add(position)
      for (const position of this.#inTheWayOfRows()) seeds.add(position)
      for (const position of this.#besidesDetached()) seeds.add(position)
      for (const position of this.#withAttachedIndexes()) seeds.add(position)
      this.#dropped = closeOver(seeds, this.#liveDependents, (from, to) => this.#drags(from, to))
      if (!withPrivileges) {
        // They go with their object all the same, and are not granted again.
        for (const position of this.#dropped) {
          if (isPrivilege(this.#live[position]!)) this.#dropped.delete(position)
        }
      }
      const sizeBefore = seeds.size
      for (const position of [...this.#tables.keys(), ...this.#others.keys()]) {
        if (!this.#dropped.has(position)) continue
        this.#tables.delete(position)
        this.#others.delete(position)
        seeds.add(position)
      }
      const isSettled = [
        ...this.#disturbedDependents(),
        ...this.#inTheWayOfRows(),
        ...this.#besidesDetached(),
        ...this.#withAttachedIndexes(),
      ].every((position) => seeds.has(position))
      if (seeds.size === sizeBefore && isSettled) return
    }
  }

  #isAltered(position: number): boolean {
    return this.#tables.has(position) || this.#others.has(position)
  }

  /** Whether `to`, which depends on `from`, has to go with it. */
  #drags(from: number, to: number): boolean {
    if (!this.#tables.has(to)) return true
    // An altered table may have lost what made it depend on something that goes for good.
    const target = this.#targetOf.get(from)
    if (target === undefined) return false
    const { dependsOn } = this.#facts.target.facts[this.#targetOf.get(to)!]!
    return dependsOn.includes(target)
  }

  #disturbedDependents(): number[] {
    return this.#facts.columnDependents
      .filter(({ table, columnName, dependent }) => {
        const disturbed = this.#tables.get(table)?.disturbedColumns.includes(columnName) ?? false
        return disturbed && dependent !== table && !this.#tables.has(dependent)
      })
      .map(({ dependent }) => dependent)
  }

  /** What would act on rows while they are replaced, or slow that down. */
  #inTheWayOfRows(): number[] {
    const found: number[] = []
    const { live } = this.#facts
    const attached = this.#attachedIndexes()
    for (const table of this.#tablesWithRowSteps()) {
      const key = tableKey(this.#live[table]!)
      const isReloaded = this.#facts.rowNeeds.get(key) === 'reload'
      const rebuildsIndexes = isReloaded && this.#facts.largeTables.has(key)
      for (const relative of [table, ...this.#ancestors(table)]) {
        for (const dependent of this.#liveDependents[relative]!) {
          const { kind } = this.#live[dependent]!
          if (ACTS_ON_ROWS.has(kind)) found.push(dependent)
          if (!INDEXES.has(kind)) continue
          if (relative === table && rebuildsIndexes && !attached.has(dependent))
            found.push(dependent)
          // What refers to the table may name only its key.
          for (const reference of this.#liveDependents[dependent]!) {
            if (live.entries[reference]!.kind === 'FK CONSTRAINT') found.push(reference)
          }
        }
      }
    }
    return found
  }

  #tablesWithRowSteps(): number[] {
    return [...this.#live.keys()].filter((position) => {
      const entry = this.#live[position]!
      return (
        entry.kind === 'TABLE' &&
        !this.#dropped.has(position) &&
        (this.#facts.rowNeeds.get(tableKey(entry)) ?? 'nothing') !== 'nothing'
      )
    })
  }

  #ancestors(table: number): number[] {
    const parents = this.#partitionParents(this.#facts.live)
    const ancestors: number[] = []
    for (let each = parents.get(table); each !== undefined; each = parents.get(each)) {
      ancestors.push(each)
    }
    return ancestors
  }

  /** Indexes that belong to an index of the table's parent, and go with it alone: its position by theirs. */
  #attachedIndexes(): Map<number, number> {
    const attached = new Map<number, number>()
    for (const [position, entry] of this.#live.entries()) {
      if (entry.kind !== 'INDEX ATTACH') continue
      const { dependsOn } = this.#facts.live.facts[position]!
      const indexes = dependsOn.filter((each) => INDEXES.has(this.#live[each]!.kind))
      const child = indexes.find((each) => this.#live[each]!.name.endsWith(entry.name))
      const parent = indexes.find((each) => each !== child)
      if (child !== undefined && parent !== undefined) attached.set(child, parent)
    }
    return attached
  }

  /** An index of a partition goes with the one it belongs to, and cannot go without it. */
  #withAttachedIndexes(): number[] {
    const found: number[] = []
    for (const [child, parent] of this.#attachedIndexes()) {
      if (this.#dropped.has(parent)) found.push(child)
      const goesAlone = this.#dropped.has(child) && !this.#losesItsTable(child)
      if (goesAlone) found.push(parent)
    }
    return found
  }

  #losesItsTable(index: number): boolean {
    const { dependsOn } = this.#facts.live.facts[index]!
    return dependsOn.some((each) => isTable(this.#live[each]!) && this.#dropped.has(each))
  }

  /** With a partition's attachment go its indexes' attachments and the keys that refer to either table. */
  #besidesDetached(): number[] {
    const found: number[] = []
    for (const position of this.#dropped) {
      if (this.#live[position]!.kind !== 'TABLE ATTACH') continue
      const tables = this.#facts.live.facts[position]!.dependsOn.filter((each) =>
        isTable(this.#live[each]!),
      )
      for (const [other, { kind }] of this.#live.entries()) {
        const { dependsOn } = this.#facts.live.facts[other]!
        if (kind === 'INDEX ATTACH' && tables.every((each) => dependsOn.includes(each))) {
          found.push(other)
        }
        if (kind === 'FK CONSTRAINT' && tables.some((each) => dependsOn.includes(each))) {
          found.push(other)
        }
      }
    }
    return found
  }

  #assemble(): Surgery {
    const createdPositions = this.#createdPositions()
    const altered = this.#alteredEntries()
    const resetsDefaultPrivileges = this.#addDefaultPrivileges(createdPositions)
    const created = [...createdPositions].sort((a, b) => a - b).map((each) => this.#target[each]!)
    const builtTables = new Set(created.filter(isTable).map(tableKey))
    const rowSteps = new Map<string, 'delta' | 'reload'>()
    for (const [key, need] of this.#facts.rowNeeds) {
      if (need !== 'nothing' && !builtTables.has(key)) rowSteps.set(key, need)
    }
    return {
      ...this.#planDrops(),
      dropped: [...this.#dropped].map((each) => this.#live[each]!),
      created,
      altered,
      tighten: [...this.#tables].flatMap(([position, { tighten }]) =>
        tighten.map((sql) => ({ subject: describeEntry(this.#live[position]!), sql })),
      ),
      builtTables,
      rowSteps,
      refreshed: this.#planRefreshes(createdPositions, rowSteps),
      resetsDefaultPrivileges,
    }
  }

  #createdPositions(): Set<number> {
    const created = new Set<number>()
    for (const pair of this.#pairs) {
      if (pair.expected === undefined || !this.#isManaged(pair)) continue
      if (pair.found === undefined || this.#dropped.has(pair.found)) created.add(pair.expected)
    }
    return created
  }

  #alteredEntries(): Map<SchemaEntry, Alteration> {
    const altered = new Map<SchemaEntry, Alteration>()
    for (const { expected, found, fields } of this.#pairs) {
      if (expected === undefined || found === undefined || !this.#isAltered(found)) continue
      altered.set(this.#target[expected]!, {
        statements: this.#tables.get(found)?.reshape ?? this.#others.get(found) ?? [],
        setsOwner: fields.includes('owner'),
      })
    }
    return altered
  }

  /** They would be granted on everything that is created, so they are away meanwhile. */
  #addDefaultPrivileges(created: Set<number>): boolean {
    if (!this.#facts.withPrivileges) return false
    const isDefault = ({ kind }: SchemaEntry) => kind === 'DEFAULT ACL'
    const areThere = this.#live.some(isDefault)
    const differ = [...created].some((each) => isDefault(this.#target[each]!))
    const goes = [...this.#dropped].some((each) => isDefault(this.#live[each]!))
    if (!differ && !goes && !(areThere && created.size > 0)) return false
    for (const [position, entry] of this.#target.entries()) {
      if (isDefault(entry)) created.add(position)
    }
    return true
  }

  /** The reverse of creation order; what an altered table loses goes in the table's turn. */
  #planDrops(): Pick<Surgery, 'lateDrops' | 'drops'> {
    const attached = this.#attachedIndexes()
    const boundary = this.#live.findIndex(({ section }) => section === 'postData')
    const lateDrops: Statement[] = []
    const drops: Statement[] = []
    const positions = [...new Set([...this.#dropped, ...this.#tables.keys()])].sort((a, b) => b - a)
    for (const position of positions) {
      const entry = this.#live[position]!
      const subject = describeEntry(entry)
      const relax = this.#tables.get(position)?.relax
      const statements =
        relax ?? (attached.has(position) ? [] : planUndoOfEntry(entry, this.#goesTooWith(position)))
      const list = boundary !== -1 && position >= boundary ? lateDrops : drops
      list.push(...statements.map((sql) => ({ subject, sql })))
    }
    return { lateDrops, drops }
  }

  #goesTooWith(position: number): (...kinds: string[]) => boolean {
    const { dependsOn } = this.#facts.live.facts[position]!
    return (...kinds) =>
      dependsOn.some(
        (each) =>
          this.#dropped.has(each) && (kinds.length === 0 || kinds.includes(this.#live[each]!.kind)),
      )
  }

  /** A materialized view is refreshed when it is new, or when something beneath it has other rows now. */
  #planRefreshes(
    created: ReadonlySet<number>,
    rowSteps: ReadonlyMap<string, unknown>,
  ): SchemaEntry[] {
    const { facts } = this.#facts.target
    const changed = new Set<number>()
    for (const [position, entry] of this.#target.entries()) {
      if (created.has(position) && IN_A_QUERY.has(entry.kind)) changed.add(position)
      if (isTable(entry) && rowSteps.has(tableKey(entry))) changed.add(position)
      if (CODE.has(entry.kind) && rowSteps.size + created.size > 0) changed.add(position)
    }
    for (const [found, expected] of this.#targetOf) {
      if (this.#others.has(found) && CODE.has(this.#target[expected]!.kind)) changed.add(expected)
      if (this.#tables.has(found)) changed.add(expected)
    }
    // Rows of a partition or a child are rows of its parents.
    const parents = this.#partitionParents(this.#facts.target)
    const upwards = this.#target.map((entry, position) => {
      const inherited = isTable(entry)
        ? facts[position]!.dependsOn.filter((each) => isTable(this.#target[each]!))
        : []
      const parent = parents.get(position)
      return parent === undefined ? inherited : [...inherited, parent]
    })
    const affected = closeOver(closeOver(changed, upwards), invertDependencies(facts))
    return this.#target.filter(
      ({ kind }, position) => kind === 'MATERIALIZED VIEW' && affected.has(position),
    )
  }
}

/** Would fire on, refuse or hide rows that are replaced. */
const ACTS_ON_ROWS = new Set([
  'FK CONSTRAINT',
  'TRIGGER',
  'RULE',
  'CHECK CONSTRAINT',
  'ROW SECURITY',
])
const INDEXES = new Set(['INDEX', 'CONSTRAINT'])
const IN_A_QUERY = new Set(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'RULE'])
/** What a function reads is in its body, which no catalog looks into. */
const CODE = new Set(['FUNCTION', 'PROCEDURE', 'AGGREGATE'])

/** What a function returns cannot be replaced. */
function returnTypeOf({ definition }: SchemaEntry): string | undefined {
  return /\) RETURNS (.*)$/m.exec(definition ?? '')?.[1]
}

const isTable = ({ kind }: SchemaEntry) => kind === 'TABLE'
const isSchemaPrivilege = ({ name }: SchemaEntry) => name.startsWith('SCHEMA ')
