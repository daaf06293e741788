import {
  type ChangeOutline,
  type CheckoutPart,
  type CheckoutPlan,
  type Loss,
  type SchemaStep,
  shortId,
  type TableStep,
} from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { titleOf } from './commit-text.ts'
import { describePart } from './part-text.ts'
import { printable } from './printable.ts'
import { formatPlannedSources } from './source-text.ts'
import { formatTable } from './text-table.ts'
import { formatRelativeTime } from './times.ts'
import { formatCount, formatQuantity, formatSize } from './units.ts'

/** A longer list is cut and the rest counted; `--json` has all of it. */
const MAX_LIST_LINES = 40

export interface PlanTextOptions {
  colors: Colors
  now: Date
  /** Whether the state before will be kept in a safety commit. */
  withSafety: boolean
}

/** Says what a checkout will do, and exactly what will be lost by it. */
export function formatPlan(plan: CheckoutPlan, options: PlanTextOptions): string[] {
  return [
    ...formatTarget(plan, options),
    ...formatWork(plan, options),
    ...formatPlannedSources(plan.sources, options.colors),
    ...plan.warnings.map(
      (warning) => `warning: ${printable(warning.subject)}: ${printable(warning.detail)}`,
    ),
  ]
}

function formatWork(plan: CheckoutPlan, options: PlanTextOptions): string[] {
  if (plan.isNoOp) {
    return [
      plan.part === null
        ? 'The database already equals this commit.'
        : 'This part of the database already equals the commit.',
    ]
  }
  if (plan.outline === null) return formatNewTables(plan)
  const { outline } = plan
  return [
    ...formatForm(outline),
    ...formatRenames(outline),
    ...formatTables(outline),
    ...formatSchema(outline),
    ...formatValues(plan, outline),
    ...formatLocks(outline),
    ...formatLosses(outline, options),
  ]
}

function formatTarget(plan: CheckoutPlan, { colors, now }: PlanTextOptions): string[] {
  const { commit, database } = plan
  const when = formatRelativeTime(new Date(commit.createdAt), now)
  const label = plan.kind === 'into' ? 'New database: ' : 'Database: '
  return [
    `${'Commit: '.padEnd(label.length)}${colors.yellow(shortId(plan.commitId))} ${titleOf(commit)} (${when})`,
    `${label}${printable(database.name)} on ${printable(database.address)}, ` +
      `PostgreSQL ${printable(database.serverVersion)}`,
    ...(plan.part === null ? [] : formatPart(plan.part, plan.kind, label.length)),
  ]
}

function formatPart(part: CheckoutPart, kind: CheckoutPlan['kind'], width: number): string[] {
  const rest = kind === 'into' ? 'nothing else' : 'all else stays as it is'
  return [
    `${'Only: '.padEnd(width)}${describePart(part)}; ${rest}`,
    ...part.others.map((name) => `${'With: '.padEnd(width)}${printable(name)}`),
  ]
}

function formatRenames({ renames }: ChangeOutline): string[] {
  if (renames.length === 0) return []
  return [
    '',
    'Renamed back, rows untouched:',
    ...renames
      .slice(0, MAX_LIST_LINES)
      .map(({ kind, from, to }) => `  ${printable(kind)} ${printable(from)} to ${printable(to)}`),
    ...countRest(renames.length),
  ]
}

function formatForm({ because }: ChangeOutline): string[] {
  return because === null
    ? []
    : ['', `Everything is dropped and built again: ${printable(because)}.`]
}

function formatNewTables({ tables }: CheckoutPlan): string[] {
  const rows = tables
    .slice(0, MAX_LIST_LINES)
    .map((table) => [
      tableName(table),
      table.rowsAfter === null ? '-' : formatCount(table.rowsAfter),
      table.rowsAfter === null ? 'created; the commit leaves its rows out' : 'created',
    ])
  if (rows.length === 0) return []
  const columns = [{ header: 'table' }, { header: 'rows', align: 'right' }, { header: '' }] as const
  return ['', ...formatTable(columns, rows), ...countRest(tables.length)]
}

function formatTables({ tables, because }: ChangeOutline): string[] {
  const touched = tables.filter(({ step }) => step !== 'keep')
  // Where everything is built again, what differs is still what people want to see.
  const shown = because === null ? touched : tables.filter(({ change }) => change !== 'unchanged')
  const keptCount = tables.length - touched.length
  const kept =
    keptCount === 0
      ? []
      : [`The rows of ${formatQuantity(keptCount, 'table')} stay where they are.`]
  if (shown.length === 0) return kept.length === 0 ? [] : ['', ...kept]
  const rows = shown
    .slice(0, MAX_LIST_LINES)
    .map((table) => [
      tableName(table),
      table.rowsBefore === null ? '-' : formatCount(table.rowsBefore),
      table.rowsAfter === null ? '-' : formatCount(table.rowsAfter),
      describeStep(table),
    ])
  const columns = [
    { header: 'table' },
    { header: 'rows now', align: 'right' },
    { header: 'rows then', align: 'right' },
    { header: '' },
  ] as const
  return ['', ...formatTable(columns, rows), ...countRest(shown.length), ...kept]
}

function describeStep(table: TableStep): string {
  switch (table.step) {
    case 'drop':
      return 'dropped'
    case 'keep':
      return 'stays'
    case 'reload':
      return `rows replaced (${formatSize(table.sentSizeBytes)})`
    case 'build':
      if (table.change === 'dataKept') return 'built again with the rows it has'
      return table.change === 'missing'
        ? `created (${formatSize(table.sentSizeBytes)})`
        : `built again (${formatSize(table.sentSizeBytes)})`
    case 'delta':
      return [
        ...(table.rowsUpdated === 0 ? [] : [`${formatQuantity(table.rowsUpdated, 'row')} changed`]),
        ...(table.rowsDeleted === 0 ? [] : [`${formatQuantity(table.rowsDeleted, 'row')} deleted`]),
        ...(table.rowsInserted === 0
          ? []
          : [`${formatQuantity(table.rowsInserted, 'row')} inserted`]),
      ].join(', ')
  }
}

const SCHEMA_SIGNS: Readonly<Record<SchemaStep['action'], string>> = {
  create: '+',
  drop: '-',
  alter: '~',
  replace: '!',
  recreate: '=',
}

const SCHEMA_LEGEND: Readonly<Record<SchemaStep['action'], string>> = {
  create: '+ created',
  drop: '- dropped',
  alter: '~ altered in place',
  replace: '! dropped and created as it was then',
  recreate: '= dropped and created again unchanged, because of what it depends on',
}

function formatSchema({ schema }: ChangeOutline): string[] {
  if (schema.length === 0) return []
  const actions = [...new Set(schema.map(({ action }) => action))]
  return [
    '',
    'Schema:',
    ...schema
      .slice(0, MAX_LIST_LINES)
      .map((step) => `  ${SCHEMA_SIGNS[step.action]} ${describeEntry(step)}`),
    ...countRest(schema.length),
    `  (${actions.map((action) => SCHEMA_LEGEND[action]).join('; ')})`,
  ]
}

function formatValues({ largeObjects }: CheckoutPlan, outline: ChangeOutline): string[] {
  const { countBefore, countAfter, differ } = largeObjects
  const set = outline.sequences.filter(({ after }) => after !== null)
  const lines = [
    ...(outline.refreshed.length === 0
      ? []
      : [`Filled again: materialized view ${outline.refreshed.map(printable).join(', ')}`]),
    ...(set.length === 0
      ? []
      : [`Set to its position in the commit: ${formatQuantity(set.length, 'sequence')}`]),
    ...(differ
      ? [`Large objects: ${formatCount(countBefore)} now, ${formatCount(countAfter)} then.`]
      : []),
  ]
  return lines.length === 0 ? [] : ['', ...lines]
}

function formatLocks({ locks }: ChangeOutline): string[] {
  const { againstWriters, againstReaders } = locks
  if (againstWriters.length === 0) return []
  const names = againstReaders.slice(0, MAX_LOCK_NAMES).map(printable).join(', ')
  const rest = againstReaders.length - MAX_LOCK_NAMES
  const readers =
    againstReaders.length === againstWriters.length
      ? 'readers too'
      : againstReaders.length === 0
        ? 'readers go on'
        : `readers too on ${names}${rest > 0 ? ` and ${formatCount(rest)} more` : ''}`
  return [
    '',
    `While it runs, writers wait on ${formatQuantity(againstWriters.length, 'table')}, ${readers}.`,
  ]
}

const MAX_LOCK_NAMES = 8

function formatLosses(outline: ChangeOutline, { colors, withSafety }: PlanTextOptions): string[] {
  const losses = outline.losses.map(describeLoss)
  if (losses.length === 0) return ['', 'Nothing will be lost.']
  const header = withSafety
    ? "Will be lost from the database (a safety commit keeps it; 'snap undo' brings it back):"
    : 'Will be lost for good (--no-safety: no commit keeps it):'
  return [
    '',
    withSafety ? colors.yellow(header) : colors.red(header),
    ...losses.slice(0, MAX_LIST_LINES).map((loss) => `  ${loss}`),
    ...countRest(losses.length),
  ]
}

function describeLoss(loss: Loss): string {
  switch (loss.kind) {
    case 'table': {
      const rows = loss.rowCount === null ? 'its rows' : formatQuantity(loss.rowCount, 'row')
      return `table ${tableName(loss)} with ${rows}`
    }
    case 'rows':
      return `${formatQuantity(loss.rowCount, 'row')} of ${tableName(loss)} as they are now`
    case 'schemaEntry': {
      const entry = describeEntry({ ...loss, kind: loss.entryKind })
      return loss.isDropped ? entry : `the present form of ${entry}`
    }
    case 'sequences':
      return `the present position of ${formatQuantity(loss.count, 'sequence')}`
    case 'largeObjects':
      return `the present ${formatQuantity(loss.count, 'large object')}`
  }
}

function countRest(totalCount: number): string[] {
  return totalCount > MAX_LIST_LINES ? [`  … and ${totalCount - MAX_LIST_LINES} more`] : []
}

function tableName({ namespace, name }: { namespace: string; name: string }): string {
  return printable(`${namespace}.${name}`)
}

function describeEntry({
  kind,
  namespace,
  name,
}: Pick<SchemaStep, 'kind' | 'namespace' | 'name'>): string {
  return `${printable(kind)} ${printable(namespace === null ? name : `${namespace}.${name}`)}`
}
