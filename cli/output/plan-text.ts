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
import { countRest, limitLines } from './limit-lines.ts'
import { describePart } from './part-text.ts'
import { printable } from './printable.ts'
import { formatPlannedSources } from './source-text.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_NAME_WIDTH, type TextColumn } from './text-table.ts'
import { formatTime } from './times.ts'
import { formatCount, formatQuantity, formatSize } from './units.ts'

/** A longer list is cut and the rest counted; `--json` has all of it. */
const MAX_LIST_LINES = 40

export interface PlanTextOptions {
  style: TextStyle
  /** Whether the state before will be kept in a safety commit. */
  withSafety: boolean
}

/** Says what a checkout will do, and exactly what will be lost by it. */
export function formatPlan(plan: CheckoutPlan, options: PlanTextOptions): string[] {
  return [
    ...formatTarget(plan, options),
    ...formatWork(plan, options),
    ...formatPlannedSources(plan.sources, options.style.colors),
    ...plan.warnings.map(
      (warning) => `warning: ${printable(warning.subject)}: ${printable(warning.detail)}`,
    ),
  ]
}

function formatWork(plan: CheckoutPlan, options: PlanTextOptions): string[] {
  if (plan.isNoOp) {
    return [
      plan.part === null
        ? 'The database equals this commit already'
        : 'This part of the database equals the commit already',
    ]
  }
  if (plan.outline === null) return formatNewTables(plan, options)
  const { outline } = plan
  return [
    ...formatForm(outline),
    ...formatRenames(outline),
    ...formatTables(outline, options),
    ...formatSchema(outline, options),
    ...formatValues(plan, outline),
    ...formatLocks(outline),
    ...formatLosses(outline, options),
  ]
}

function formatTarget(plan: CheckoutPlan, { style }: PlanTextOptions): string[] {
  const { colors, clock } = style
  const { commit, database } = plan
  const when = formatTime(new Date(commit.createdAt), clock)
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
    ...limitLines(
      renames.map(
        ({ kind, from, to }) => `  ${printable(kind)} ${printable(from)} to ${printable(to)}`,
      ),
      MAX_LIST_LINES,
    ),
  ]
}

function formatForm({ because }: ChangeOutline): string[] {
  return because === null
    ? []
    : ['', `Everything is dropped and built again: ${printable(because)}`]
}

function formatNewTables({ tables }: CheckoutPlan, { style }: PlanTextOptions): string[] {
  const rows = tables.map((table) => [
    tableName(table),
    table.rowsAfter === null ? '-' : formatCount(table.rowsAfter),
    table.rowsAfter === null ? 'created; the commit leaves its rows out' : 'created',
  ])
  if (rows.length === 0) return []
  const columns = [
    { header: 'table', shrinksTo: MIN_NAME_WIDTH },
    { header: 'rows', align: 'right' },
    { header: '' },
  ] as const
  return ['', ...formatLongTable(columns, rows, style)]
}

function formatTables({ tables, because }: ChangeOutline, { style }: PlanTextOptions): string[] {
  const touched = tables.filter(({ step }) => step !== 'keep')
  // Where everything is built again, what differs is still what people want to see.
  const shown = because === null ? touched : tables.filter(({ change }) => change !== 'unchanged')
  const keptCount = tables.length - touched.length
  const kept =
    keptCount === 0 ? [] : [`The rows of ${formatQuantity(keptCount, 'table')} stay where they are`]
  if (shown.length === 0) return kept.length === 0 ? [] : ['', ...kept]
  const rows = shown.map((table) => [
    tableName(table),
    table.rowsBefore === null ? '-' : formatCount(table.rowsBefore),
    table.rowsAfter === null ? '-' : formatCount(table.rowsAfter),
    describeStep(table),
  ])
  const columns = [
    { header: 'table', shrinksTo: MIN_NAME_WIDTH },
    { header: 'rows now', align: 'right' },
    { header: 'rows then', align: 'right' },
    { header: '' },
  ] as const
  return ['', ...formatLongTable(columns, rows, style), ...kept]
}

function formatLongTable(
  columns: readonly TextColumn[],
  rows: readonly string[][],
  style: TextStyle,
): string[] {
  return [
    ...formatTable(columns, rows.slice(0, MAX_LIST_LINES), style),
    ...countRest(rows.length - MAX_LIST_LINES),
  ]
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

function paintStep(action: SchemaStep['action'], { green, red, yellow }: Colors): string {
  const paint = { create: green, drop: red, alter: yellow, replace: yellow, recreate: yellow }
  return paint[action](SCHEMA_SIGNS[action])
}

const SCHEMA_LEGEND: Readonly<Record<SchemaStep['action'], string>> = {
  create: '+ created',
  drop: '- dropped',
  alter: '~ altered in place',
  replace: '! dropped and created as it was then',
  recreate: '= dropped and created again unchanged, because of what it depends on',
}

function formatSchema({ schema }: ChangeOutline, { style }: PlanTextOptions): string[] {
  const { colors } = style
  if (schema.length === 0) return []
  const actions = [...new Set(schema.map(({ action }) => action))]
  return [
    '',
    'Schema:',
    ...limitLines(
      schema.map((step) => `  ${paintStep(step.action, colors)} ${describeEntry(step)}`),
      MAX_LIST_LINES,
    ),
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
      ? [`Large objects: ${formatCount(countBefore)} now, ${formatCount(countAfter)} then`]
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
    `While it runs, writers wait on ${formatQuantity(againstWriters.length, 'table')}, ${readers}`,
  ]
}

const MAX_LOCK_NAMES = 8

function formatLosses(outline: ChangeOutline, { style, withSafety }: PlanTextOptions): string[] {
  const { colors } = style
  const losses = outline.losses.map(describeLoss)
  if (losses.length === 0) return ['', 'Nothing will be lost']
  const header = withSafety
    ? "Will be lost from the database (a safety commit keeps it; 'snap undo' brings it back):"
    : 'Will be lost for good (--no-safety: no commit keeps it):'
  return [
    '',
    withSafety ? colors.yellow(header) : colors.red(header),
    ...limitLines(
      losses.map((loss) => `  ${loss}`),
      MAX_LIST_LINES,
    ),
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
