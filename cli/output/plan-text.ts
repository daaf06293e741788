import {
  type CheckoutPart,
  type CheckoutPlan,
  type SchemaDifference,
  type SchemaEntry,
  shortId,
  type TableChange,
} from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { titleOf } from './commit-text.ts'
import { describePart } from './part-text.ts'
import { printable } from './printable.ts'
import { formatTable } from './text-table.ts'
import { formatRelativeTime } from './times.ts'
import { formatCount, formatQuantity } from './units.ts'

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
    ...(plan.isNoOp
      ? [
          plan.part === null
            ? 'The database already equals this commit.'
            : 'This part of the database already equals the commit.',
        ]
      : [
          ...formatTables(plan),
          ...formatSchema(plan),
          ...formatValues(plan),
          ...formatLosses(plan, options),
        ]),
    ...plan.warnings.map(
      (warning) => `warning: ${printable(warning.subject)}: ${printable(warning.detail)}`,
    ),
  ]
}

/** Returns what is there now and will not be afterwards, one line each; empty when nothing is lost. */
export function listLosses(plan: CheckoutPlan): string[] {
  if (plan.kind === 'into' || plan.isNoOp) return []
  const { largeObjects } = plan
  return [
    ...plan.tables.flatMap(tableLoss),
    ...plan.schema.flatMap(schemaLoss),
    ...(plan.sequencesDiffer ? ['the present positions of sequences'] : []),
    ...(largeObjects.differ && largeObjects.countBefore > 0
      ? [`the present ${formatQuantity(largeObjects.countBefore, 'large object')}`]
      : []),
  ]
}

function tableLoss(table: TableChange): string[] {
  const name = tableName(table)
  const rows = table.rowsBefore === null ? 'its rows' : formatQuantity(table.rowsBefore, 'row')
  if (table.change === 'extra') return [`table ${name} with ${rows}`]
  if (table.change === 'changed') return [`the present rows of ${name} (${rows})`]
  return []
}

function schemaLoss(difference: SchemaDifference): string[] {
  if (difference.kind === 'missing') return []
  const { found } = difference
  if (difference.kind === 'different') return [`the present form of ${describeEntry(found)}`]
  // A table that goes is already in the list, with its rows.
  return found.kind === 'TABLE' ? [] : [describeEntry(found)]
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

const TABLE_CHANGE_TEXTS: Readonly<Record<TableChange['change'], string>> = {
  unchanged: 'stays',
  changed: 'rows replaced',
  missing: 'created',
  extra: 'dropped',
  dataKept: 'rows stay',
}

function formatTables(plan: CheckoutPlan): string[] {
  const changed = plan.tables.filter((table) => table.change !== 'unchanged')
  if (changed.length === 0) return []
  const rows = changed
    .slice(0, MAX_LIST_LINES)
    .map((table) => [
      tableName(table),
      table.rowsBefore === null ? '-' : formatCount(table.rowsBefore),
      table.rowsAfter === null ? '-' : formatCount(table.rowsAfter),
      TABLE_CHANGE_TEXTS[table.change],
    ])
  const columns = [
    { header: 'table' },
    { header: 'rows now', align: 'right' },
    { header: 'rows then', align: 'right' },
    { header: '' },
  ] as const
  const unchangedCount = plan.tables.length - changed.length
  return [
    '',
    ...formatTable(columns, rows),
    ...countRest(changed.length),
    ...(unchangedCount === 0 ? [] : [`${formatQuantity(unchangedCount, 'table')} unchanged`]),
  ]
}

const SCHEMA_SIGNS: Readonly<Record<SchemaDifference['kind'], string>> = {
  missing: '+',
  extra: '-',
  different: '~',
}

function formatSchema(plan: CheckoutPlan): string[] {
  if (plan.schema.length === 0) return []
  return [
    '',
    'Schema (+ created, - dropped, ~ changed):',
    ...plan.schema.slice(0, MAX_LIST_LINES).map((difference) => {
      const entry = difference.kind === 'extra' ? difference.found : difference.expected
      return `  ${SCHEMA_SIGNS[difference.kind]} ${describeEntry(entry)}`
    }),
    ...countRest(plan.schema.length),
  ]
}

function formatValues({ sequencesDiffer, largeObjects }: CheckoutPlan): string[] {
  const { countBefore, countAfter, differ } = largeObjects
  const lines = [
    ...(sequencesDiffer ? ['Sequences are set to their positions in the commit.'] : []),
    ...(differ
      ? [`Large objects: ${formatCount(countBefore)} now, ${formatCount(countAfter)} then.`]
      : []),
  ]
  return lines.length === 0 ? [] : ['', ...lines]
}

function formatLosses(plan: CheckoutPlan, { colors, withSafety }: PlanTextOptions): string[] {
  const losses = listLosses(plan)
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

function countRest(totalCount: number): string[] {
  return totalCount > MAX_LIST_LINES ? [`  … and ${totalCount - MAX_LIST_LINES} more`] : []
}

function tableName({ namespace, name }: TableChange): string {
  return printable(`${namespace}.${name}`)
}

function describeEntry({ kind, namespace, name }: SchemaEntry): string {
  return `${printable(kind)} ${printable(namespace === null ? name : `${namespace}.${name}`)}`
}
