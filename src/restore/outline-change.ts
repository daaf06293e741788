/**
 * Says what a restore in place will do, entry by entry and table by table, what
 * it locks and what will be lost. Pure.
 */
import type { SchemaEntry, SequenceState } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import { entryKey, type SchemaDifference } from '../schema/compare-schemas.ts'
import { hasSameLargeObjects, type TableChange } from './compare-trees.ts'
import type { InPlaceChange } from './in-place-change.ts'
import type { LiveState } from './live-state.ts'
import type { Rename } from './plan-renames.ts'
import { tableKey } from './plan-surgery.ts'
import type { RestoreTarget } from './restore-state.ts'

export interface SchemaStep {
  /**
   * `replace`: dropped, and created as the commit has it. `recreate`: dropped and created again
   * as it was, because something that it depends on changes.
   */
  action: 'create' | 'drop' | 'alter' | 'replace' | 'recreate'
  kind: string
  namespace: string | null
  name: string
}

export interface TableStep extends TableChange {
  /**
   * `keep`: rows stay where they are. `delta`: single rows are deleted and inserted. `reload`: all
   * rows are loaded into the table that stands. `build`: the table is created and loaded. `drop`: it goes.
   */
  step: 'keep' | 'delta' | 'reload' | 'build' | 'drop'
  /** Single rows, of `delta` alone. */
  rowsInserted: number
  rowsDeleted: number
  rowsUpdated: number
  /** COPY text that is sent to the server. */
  sentSizeBytes: number
}

export interface SequenceStep {
  namespace: string
  name: string
  /** Null where only the other side has the sequence. */
  before: SequencePosition | null
  after: SequencePosition | null
}

export type SequencePosition = Pick<SequenceState, 'lastValue' | 'isCalled'>

/** What is there now and will not be afterwards. */
export type Loss =
  | { kind: 'table'; namespace: string; name: string; rowCount: number | null }
  /** Rows as they are now, of a table that stays; of `delta` exactly those that go or change. */
  | { kind: 'rows'; namespace: string; name: string; rowCount: number }
  | {
      kind: 'schemaEntry'
      entryKind: string
      namespace: string | null
      name: string
      isDropped: boolean
    }
  | { kind: 'sequences'; count: number }
  | { kind: 'largeObjects'; count: number }

export interface ChangeOutline {
  form: 'surgical' | 'general'
  /** Why everything is built again; null when only what differs is changed. */
  because: string | null
  /** What only gets its name back, first of all, and is called so in all that follows. */
  renames: Rename[]
  schema: SchemaStep[]
  tables: TableStep[]
  /** Sequences whose position changes. */
  sequences: SequenceStep[]
  /** Materialized views that are filled again, `namespace.name`. */
  refreshed: string[]
  locks: {
    /** Writers wait on these tables until the end, readers go on; `namespace.name`. */
    againstWriters: string[]
    /** Readers wait too. */
    againstReaders: string[]
  }
  losses: Loss[]
}

export interface OutlineInput {
  live: LiveState
  change: InPlaceChange
  target: Pick<RestoreTarget, 'tree' | 'entries'>
  renames: readonly Rename[]
  /** In what the rows aimed at and the live ones differ, renames aside. */
  tables: readonly TableChange[]
  /** In what the entries aimed at and the live ones differ, renames aside. */
  differences: readonly SchemaDifference[]
  /** Positions aimed at; of a sequence that is left alone there is none. */
  sequences: readonly SequenceState[]
}

export function outlineChange(input: OutlineInput): ChangeOutline {
  const { live, change, target, renames } = input
  const { entries } = target
  const tables = outlineTables(input)
  const schema = outlineSchema(input)
  const sequences = outlineSequences(input)
  const managed = live.schema.entries.filter(isTable).map(nameOf)
  const isGeneral = change.form === 'general'
  const refreshed = isGeneral
    ? entries.filter(({ kind }) => kind === 'MATERIALIZED VIEW')
    : change.surgery.refreshed
  return {
    form: change.form,
    because: isGeneral ? change.because : null,
    renames: [...renames],
    schema,
    tables,
    sequences,
    refreshed: refreshed.map(nameOf),
    locks: {
      againstWriters: managed,
      againstReaders: isGeneral ? managed : tablesClosed(input, tables),
    },
    losses: lossesOf(input, tables, sequences),
  }
}

function outlineSchema({ change, target, differences }: OutlineInput): SchemaStep[] {
  const step = (action: SchemaStep['action'], { kind, namespace, name }: SchemaEntry) => ({
    action,
    kind,
    namespace,
    name,
  })
  const altered =
    change.form === 'surgical'
      ? new Set([...change.surgery.altered.keys()].map(entryKey))
      : new Set<string>()
  const steps = differences.map((difference): SchemaStep => {
    if (difference.kind === 'extra') return step('drop', difference.found)
    const { expected } = difference
    if (difference.kind === 'missing') return step('create', expected)
    return step(altered.has(entryKey(expected)) ? 'alter' : 'replace', expected)
  })
  if (change.form === 'general') return steps

  const differing = new Set(
    differences.map((difference) =>
      entryKey(difference.kind === 'extra' ? difference.found : difference.expected),
    ),
  )
  const standing = new Set(change.facts.live.entries.map(entryKey))
  const created = new Set(change.surgery.created)
  const recreated = target.entries.filter(
    (entry) =>
      created.has(entry) && standing.has(entryKey(entry)) && !differing.has(entryKey(entry)),
  )
  return [...steps, ...recreated.map((entry) => step('recreate', entry))]
}

function outlineTables({ change, tables }: OutlineInput): TableStep[] {
  return tables.map((table): TableStep => {
    const key = tableKey(table)
    const nothing = { rowsInserted: 0, rowsDeleted: 0, rowsUpdated: 0, sentSizeBytes: 0 }
    const all = { ...nothing, sentSizeBytes: table.sizeBytesAfter ?? 0 }
    if (table.change === 'extra') return { ...table, ...nothing, step: 'drop' }
    if (change.form === 'general') return { ...table, ...all, step: 'build' }
    if (change.surgery.builtTables.has(key)) return { ...table, ...all, step: 'build' }
    const comparison = change.rows.get(key)
    switch (change.surgery.rowSteps.get(key)) {
      case 'reload':
        return { ...table, ...all, step: 'reload' }
      case 'delta':
        if (comparison?.kind === 'delta') {
          const { deletedKeys, insertedRows, updatedCount } = comparison.delta
          return {
            ...table,
            step: 'delta',
            rowsInserted: insertedRows.length - updatedCount,
            rowsDeleted: deletedKeys.length - updatedCount,
            rowsUpdated: updatedCount,
            sentSizeBytes: [...deletedKeys, ...insertedRows].reduce(
              (sum, row) => sum + row.length + 1,
              0,
            ),
          }
        }
        return { ...table, ...all, step: 'reload' }
      default:
        return { ...table, ...nothing, step: 'keep' }
    }
  })
}

function outlineSequences(input: OutlineInput): SequenceStep[] {
  const { live, change, sequences: after, target } = input
  const renames = change.form === 'surgical' ? change.renames : null
  const before = renames?.live.sequences ?? live.capture.sequences
  const stays = new Set(target.entries.filter(({ kind }) => kind === 'SEQUENCE').map(nameOf))
  const positionsBefore = new Map(before.map((state) => [tableKey(state), positionOf(state)]))
  const positionsAfter = new Map(after.map((state) => [tableKey(state), positionOf(state)]))
  const names = new Map([...before, ...after].map((state) => [tableKey(state), state]))
  return [...names].flatMap(([key, { namespace, name }]) => {
    const step = {
      namespace,
      name,
      before: positionsBefore.get(key) ?? null,
      after: positionsAfter.get(key) ?? null,
    }
    const isLeftAlone = step.after === null && stays.has(nameOf({ namespace, name }))
    const isSame =
      step.before?.lastValue === step.after?.lastValue &&
      step.before?.isCalled === step.after?.isCalled
    return isSame || isLeftAlone ? [] : [step]
  })
}

const positionOf = ({ lastValue, isCalled }: SequenceState) => ({ lastValue, isCalled })

/** DDL on a table, or on what belongs to it, keeps everybody out of it until COMMIT. */
function tablesClosed(
  { live, change, target }: OutlineInput,
  steps: readonly TableStep[],
): string[] {
  if (change.form === 'general') return []
  const { surgery, facts } = change
  const closed = new Set(
    steps.filter(({ step }) => step !== 'keep' && step !== 'delta').map(nameOf),
  )
  const closeTablesOf = (
    chosen: ReadonlySet<SchemaEntry>,
    closing: ReadonlySet<string>,
    state: { entries: readonly SchemaEntry[]; facts: LiveState['schema']['facts'] },
  ) => {
    for (const [position, entry] of state.entries.entries()) {
      if (!chosen.has(entry)) continue
      if (isTable(entry)) closed.add(nameOf(entry))
      if (!closing.has(entry.kind) || entry.name.endsWith(' _RETURN')) continue
      for (const dependency of state.facts[position]?.dependsOn ?? []) {
        const table = state.entries[dependency]
        if (table !== undefined && isTable(table)) closed.add(nameOf(table))
      }
    }
  }
  closeTablesOf(new Set(surgery.dropped), new Set([...CLOSING, ...CLOSING_TO_DROP]), facts.live)
  closeTablesOf(new Set([...surgery.created, ...surgery.altered.keys()]), CLOSING, {
    entries: target.entries,
    facts: facts.target.facts,
  })
  const formerNames = new Map(
    steps.map((step) => [nameOf(step), nameOf(step.renamedFrom ?? step)] as const),
  )
  const present = [...closed].map((name) => formerNames.get(name) ?? name)
  const standing = new Set(live.schema.entries.filter(isTable).map(nameOf))
  return [...new Set([...present, ...tablesRenamedIn(live, change)])]
    .filter((name) => standing.has(name))
    .sort()
}

/** A new name of a table, of a column or of a constraint keeps everybody out as well. */
function tablesRenamedIn(
  { schema }: LiveState,
  { renames }: Extract<InPlaceChange, { form: 'surgical' }>,
): string[] {
  const names = new Map(
    schema.entries
      .filter(isTable)
      .map((entry) => [qualifiedName({ ...entry, namespace: entry.namespace ?? '' }), entry]),
  )
  return (renames?.statements ?? []).flatMap(({ sql }) => {
    const name = /^ALTER TABLE (?:ONLY )?(.+?) (?:RENAME|SET SCHEMA) /s.exec(sql)?.[1]
    const table = names.get(name ?? '')
    return table === undefined ? [] : [nameOf(table)]
  })
}

/** Takes ACCESS EXCLUSIVE on the tables it is about (PostgreSQL manual, "Explicit Locking"). */
const CLOSING = new Set([
  'CHECK CONSTRAINT',
  'CONSTRAINT',
  'DEFAULT',
  'INDEX ATTACH',
  'POLICY',
  'ROW SECURITY',
  'RULE',
  'TABLE ATTACH',
])
/** Created while others read; only dropping keeps them out. */
const CLOSING_TO_DROP = new Set(['FK CONSTRAINT', 'INDEX', 'TRIGGER'])

function lossesOf(
  { live, target, differences }: OutlineInput,
  tables: readonly TableStep[],
  sequences: readonly SequenceStep[],
): Loss[] {
  const losses: Loss[] = []
  for (const { namespace, name, step, change: rows, ...counts } of tables) {
    if (step === 'drop') {
      losses.push({ kind: 'table', namespace, name, rowCount: counts.rowsBefore })
    } else if (step === 'delta') {
      const rowCount = counts.rowsDeleted + counts.rowsUpdated
      if (rowCount > 0) losses.push({ kind: 'rows', namespace, name, rowCount })
    } else if (rows === 'changed' && step !== 'keep') {
      losses.push({ kind: 'rows', namespace, name, rowCount: counts.rowsBefore ?? 0 })
    }
  }
  for (const difference of differences) {
    if (difference.kind === 'missing') continue
    const { kind: entryKind, namespace, name } = difference.found
    const isDropped = difference.kind === 'extra'
    // A table that goes is in the list with its rows.
    if (isDropped && entryKind === 'TABLE') continue
    losses.push({ kind: 'schemaEntry', entryKind, namespace, name, isDropped })
  }
  const moved = sequences.filter(({ before }) => before !== null)
  if (moved.length > 0) losses.push({ kind: 'sequences', count: moved.length })
  const count = live.tree.largeObjects.metadata.rowCount
  if (count > 0 && !hasSameLargeObjects(live.tree, target.tree)) {
    losses.push({ kind: 'largeObjects', count })
  }
  return losses
}

const isTable = ({ kind }: SchemaEntry) => kind === 'TABLE'
const nameOf = ({ namespace, name }: { namespace: string | null; name: string }) =>
  namespace === null || namespace === '' ? name : `${namespace}.${name}`
