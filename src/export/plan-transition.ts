/**
 * Plans statements that turn one state of a database into another. Reads objects alone.
 *
 * The schema goes as in a checkout: what differs is dropped, altered and created
 * in that order around the rows, and what would act on rows is away meanwhile.
 * No database is asked, so what the catalog would know of single columns is
 * inferred from the DDL.
 */
import type { DatabaseState } from '../diff/database-state.ts'
import {
  type DiffOptions,
  diffStates,
  listChangedTables,
  type SchemaEntryChange,
  type StateDiff,
  type TablePair,
} from '../diff/diff-states.ts'
import { checkSequenceState } from '../format/stream-entries.ts'
import type { SequenceState, TableEntry } from '../format/values.ts'
import { readJsonStream } from '../objects/read-json-stream.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { type CreationPlan, planCreation, planRefreshes } from '../restore/plan-creation.ts'
import { planSurgery, type RowNeed, type Surgery, tableKey } from '../restore/plan-surgery.ts'
import type { Statement } from '../restore/statement.ts'
import { inferColumnDependents } from './infer-column-dependents.ts'
import { planDefaultPrivilegeUndo } from './plan-default-privileges.ts'

export interface Transition {
  /** What differs, rows counted. */
  found: StateDiff
  /** In the order in which they run, rows of tables in their place. */
  beforeRows: Statement[]
  rows: TransitionRows[]
  afterRows: Statement[]
  sequences: SequenceState[]
  /** OIDs; what changed is removed and made again. */
  largeObjects: { removed: number[]; created: number[] }
  /** Differences that no statement of it makes. */
  leftOut: TransitionGap[]
}

/** How the rows of one table become those of the other state. */
export interface TransitionRows {
  pair: TablePair
  /** `load`: the table is empty by then. */
  how: 'change' | 'load'
  /** Updated in one of these, a row is deleted and inserted: they may be unique, or not to be updated. */
  replacedColumns: ReadonlySet<string>
}

export type TransitionGap =
  | { kind: 'schemaEntry'; change: SchemaEntryChange }
  /** `left out`: a commit does not hold them; `not wanted`: `isWanted` did not ask for them. */
  | {
      kind: 'rows'
      namespace: string
      name: string
      because: 'left out' | 'not wanted'
      /** The table is dropped and created again, so those it has are lost. */
      areLost: boolean
    }

/**
 * @param options.isWanted  whose rows to write; all when not given
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function planTransition(
  before: DatabaseState,
  after: DatabaseState,
  options: DiffOptions,
): Promise<Transition> {
  const { isWanted = () => true } = options
  const found = await diffStates(before, after, options)
  const pairs = new Map(
    listChangedTables(before, after, isWanted).map((pair) => [tableKey(pair), pair]),
  )
  const needs = rowNeedsOf(found, pairs)
  const surgery = planStructure(before, after, needs)
  const creation = surgery === undefined ? EMPTY : planCreated(surgery, after)
  const rows = planRows(before, after, { surgery, needs, isWanted })
  const { added, removed, changed } = found.largeObjects
  return {
    found,
    beforeRows: [
      ...(surgery?.resetsDefaultPrivileges ? planDefaultPrivilegeUndo(before.schema) : []),
      ...(surgery?.lateDrops ?? []),
      ...planTruncation(rows.written, surgery),
      ...(surgery?.drops ?? []),
      ...creation.beforeRows,
    ],
    rows: rows.written,
    sequences: await listMovedSequences(found, surgery, after),
    largeObjects: { removed: [...removed, ...changed], created: [...added, ...changed] },
    afterRows: [
      ...(surgery?.tighten ?? []),
      ...creation.afterRows,
      ...creation.privileges,
      ...planViewRefreshes(surgery, found, after),
      ...creation.eventTriggers,
    ],
    leftOut: [
      ...(surgery === undefined
        ? found.schema.map((change) => ({ kind: 'schemaEntry' as const, change }))
        : []),
      ...rows.leftOut,
    ],
  }
}

const EMPTY: CreationPlan = {
  beforeRows: [],
  afterRows: [],
  indexes: [],
  afterIndexes: [],
  privileges: [],
  eventTriggers: [],
}

/** Without a key every deletion looks through the table; past so many, loading all rows is sooner done. */
const MAX_KEYLESS_DELETIONS = 1000

function rowNeedsOf(
  found: StateDiff,
  pairs: ReadonlyMap<string, TablePair>,
): Map<string, Exclude<RowNeed, 'nothing'>> {
  const needs = new Map<string, Exclude<RowNeed, 'nothing'>>()
  for (const { namespace, name, change, columns, rows } of found.tables) {
    const key = tableKey({ namespace, name })
    if (change !== 'changed' || rows === null) continue
    const hasNewColumns = columns.onlyAfter.length > 0
    const isKeyless = pairs.get(key)?.keyColumns === undefined
    const isReshaped = hasNewColumns || columns.onlyBefore.length > 0
    if (hasNewColumns || (isKeyless && (isReshaped || rows.deleted > MAX_KEYLESS_DELETIONS))) {
      needs.set(key, 'reload')
    } else if (rows.deleted + rows.inserted + rows.updated > 0) {
      needs.set(key, 'delta')
    }
  }
  return needs
}

function planStructure(
  before: DatabaseState,
  after: DatabaseState,
  needs: Map<string, Exclude<RowNeed, 'nothing'>>,
): Surgery | undefined {
  const live = { entries: before.schema, facts: before.facts }
  const plan = () =>
    planSurgery({
      live,
      target: { entries: after.schema, facts: after.facts },
      columnDependents: inferColumnDependents(live),
      rowNeeds: needs,
      keptRows: new Set(),
      largeTables: new Set(),
      serverVersionNumber: before.serverVersionNumber,
      isSuperuser: true,
      withOwners: true,
      withPrivileges: true,
      notAltered: new Set(),
    })
  const surgery = plan()
  if (surgery === undefined) return undefined
  // What a value of the old type looks like need not be what the new type makes of it.
  const retyped = [...listRetypedTables(surgery)].filter((key) => needs.get(key) === 'delta')
  for (const key of retyped) needs.set(key, 'reload')
  return retyped.length === 0 ? surgery : plan()
}

function* listRetypedTables({ altered, drops }: Surgery): Generator<string> {
  for (const [entry, { statements }] of altered) {
    const subject = `${entry.kind} ${entry.namespace}.${entry.name}`
    const own = drops.filter((drop) => drop.subject === subject).map(({ sql }) => sql)
    if ([...statements, ...own].some((sql) => / ALTER COLUMN .* TYPE /.test(sql))) {
      yield tableKey(entry)
    }
  }
}

function planCreated(surgery: Surgery, after: DatabaseState): CreationPlan {
  const wanted = new Set([...surgery.created, ...surgery.altered.keys()])
  return planCreation(
    after.schema.filter((entry) => wanted.has(entry)),
    {
      serverVersionNumber: after.serverVersionNumber,
      currentUser: '',
      withOwners: true,
      withPrivileges: true,
      standing: (entry) => surgery.altered.get(entry),
      attachesLate: true,
    },
  )
}

function planRows(
  before: DatabaseState,
  after: DatabaseState,
  {
    surgery,
    needs,
    isWanted,
  }: {
    surgery: Surgery | undefined
    needs: ReadonlyMap<string, Exclude<RowNeed, 'nothing'>>
    isWanted: NonNullable<DiffOptions['isWanted']>
  },
): { written: TransitionRows[]; leftOut: TransitionGap[] } {
  const written: TransitionRows[] = []
  const leftOut: TransitionGap[] = []
  const changed = new Map(listChangedTables(before, after).map((pair) => [tableKey(pair), pair]))
  const tablesBefore = new Map(before.tree.tables.map((table) => [tableKey(table), table]))
  for (const table of after.tree.tables) {
    const { namespace, name } = table
    const key = tableKey(table)
    const earlier = tablesBefore.get(key)
    const isBuilt = surgery?.builtTables.has(key) ?? false
    const isLoaded = isBuilt || needs.get(key) === 'reload'
    const pair = changed.get(key) ?? samePair(table, earlier)
    // Rows that stay as they are need nothing, unless their table goes.
    if (!isLoaded && !changed.has(key)) continue
    const areLost = isBuilt && earlier !== undefined
    if (table.rows === null || earlier?.rows === null) {
      leftOut.push({ kind: 'rows', namespace, name, because: 'left out', areLost })
    } else if (!isWanted(table)) {
      leftOut.push({ kind: 'rows', namespace, name, because: 'not wanted', areLost })
    } else if (isLoaded) {
      written.push({
        pair: { ...pair, before: undefined },
        how: 'load',
        replacedColumns: new Set(),
      })
    } else if (needs.has(key)) {
      written.push({ pair, how: 'change', replacedColumns: listReplacedColumns(pair, after) })
    }
  }
  return { written, leftOut }
}

function samePair(table: TableEntry, earlier: TableEntry | undefined): TablePair {
  return {
    namespace: table.namespace,
    name: table.name,
    before: earlier,
    after: table,
    columns: { common: table.columns, onlyBefore: [], onlyAfter: [] },
    keyColumns: undefined,
  }
}

/**
 * Columns beside the key that something unique names, for two rows may swap their values, and
 * identity columns, which take no other value by UPDATE.
 */
function listReplacedColumns(
  { after, keyColumns = [] }: TablePair,
  { schema, facts }: DatabaseState,
) {
  const replaced = new Set<string>()
  if (after === undefined) return replaced
  const table = schema.findIndex(
    (entry) => entry.kind === 'TABLE' && tableKey(entry) === tableKey(after),
  )
  for (const [position, { kind, definition }] of schema.entries()) {
    if (!facts[position]!.dependsOn.includes(table)) continue
    const isUnique =
      (kind === 'INDEX' && /^\s*CREATE UNIQUE /.test(definition ?? '')) ||
      (kind === 'CONSTRAINT' && !/ FOREIGN KEY /.test(definition ?? ''))
    const isIdentity = kind === 'SEQUENCE' && / ADD GENERATED ALWAYS /.test(definition ?? '')
    if (!isUnique && !isIdentity) continue
    for (const column of after.columns) {
      if (!keyColumns.includes(column) && definition?.includes(column)) replaced.add(column)
    }
  }
  return replaced
}

function planTruncation(
  rows: readonly TransitionRows[],
  surgery: Surgery | undefined,
): Statement[] {
  const names = rows
    .filter(({ pair, how }) => how === 'load' && !surgery?.builtTables.has(tableKey(pair)))
    .map(({ pair }) => `ONLY ${qualifiedName(pair)}`)
  if (names.length === 0) return []
  return [{ subject: 'rows that are loaded again', sql: `TRUNCATE ${names.join(', ')}` }]
}

/** Those at another position, and those that are new or made again at the one they had. */
async function listMovedSequences(
  found: StateDiff,
  surgery: Surgery | undefined,
  { objects, tree }: DatabaseState,
): Promise<SequenceState[]> {
  const touched = new Set([
    ...found.sequences.map(tableKey),
    ...[...(surgery?.created ?? []), ...(surgery?.altered.keys() ?? [])]
      .filter(({ kind }) => kind === 'SEQUENCE')
      .map(tableKey),
  ])
  if (touched.size === 0) return []
  const states = await readJsonStream(objects, tree.sequences, checkSequenceState)
  return states.filter((state) => touched.has(tableKey(state)))
}

function planViewRefreshes(
  surgery: Surgery | undefined,
  { materializedViews }: StateDiff,
  { schema, tree }: DatabaseState,
): Statement[] {
  const differ = new Set(materializedViews.map(tableKey))
  const due = schema.filter(
    (entry) =>
      entry.kind === 'MATERIALIZED VIEW' &&
      (differ.has(tableKey(entry)) || surgery?.refreshed.includes(entry)),
  )
  const emptied = materializedViews.flatMap(({ before, after }) =>
    before?.isPopulated === true && after?.isPopulated === false ? [after] : [],
  )
  return [
    ...planRefreshes(due, tree.materializedViews),
    ...emptied.map((view) => ({
      subject: `rows of MATERIALIZED VIEW ${view.namespace}.${view.name}`,
      sql: `REFRESH MATERIALIZED VIEW ${qualifiedName(view)} WITH NO DATA`,
    })),
  ]
}
