import {
  type CheckoutResult,
  type CheckoutSummary,
  shortId,
  type WipePlan,
  type WipeSummary,
} from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTable, MIN_NAME_WIDTH } from './text-table.ts'
import { formatCount, formatDuration, formatQuantity, formatSize } from './units.ts'

/** Lists every table that goes or loses its rows, with its rows, then what else goes and what stays. */
export function formatWipePlan(plan: WipePlan, style: TextStyle): string[] {
  const { colors } = style
  const { database, isNoOp } = plan.checkout
  const where = `${printable(database.name)} on ${printable(database.address)}, PostgreSQL ${database.serverVersion}`
  if (isNoOp) return [`Database: ${where}`, 'There is nothing to wipe']
  const rows = plan.tables.map(({ namespace, name, rowCount, sizeBytes, goes }) => [
    printable(`${namespace}.${name}`),
    formatCount(rowCount),
    formatSize(sizeBytes),
    goes ? colors.red('dropped') : 'emptied',
  ])
  return [
    `Database: ${where}`,
    '',
    ...(rows.length === 0
      ? ['No tables']
      : formatTable(
          [
            { header: 'table', shrinksTo: MIN_NAME_WIDTH },
            { header: 'rows', align: 'right' },
            { header: 'size', align: 'right' },
            {},
          ],
          rows,
          style,
        )),
    '',
    `Will go: ${formatQuantity(plan.rowCount, 'row')} of ${formatQuantity(plan.tables.length, 'table')}` +
      (plan.droppedEntryCount === 0
        ? ''
        : `, ${formatQuantity(plan.droppedEntryCount, 'schema entry', 'schema entries')}`) +
      (plan.largeObjectCount === 0
        ? ''
        : `, ${formatQuantity(plan.largeObjectCount, 'large object')}`),
    `Stays:   ${formatStanding(plan)}`,
    'The state before is committed first and pinned',
  ]
}

function formatStanding({ scope, standing, keptTables }: WipePlan): string {
  const schema = scope === 'rows' ? ['the schema'] : standing.map(printable)
  const tables = keptTables.map(
    ({ namespace, name, rowCount }) =>
      `${formatQuantity(rowCount, 'row')} of ${printable(`${namespace}.${name}`)}`,
  )
  return [...schema, ...tables].join(', ') || 'nothing'
}

/** Says what went, what proves it, and how to return. */
export function formatWipeResult(
  plan: WipePlan,
  { proof, safetyCommitId, elapsedMs }: CheckoutResult,
  colors: Colors,
): string[] {
  const kept = safetyCommitId === null ? '' : shortId(safetyCommitId)
  const gone = `${formatQuantity(plan.rowCount, 'row')} of ${formatQuantity(plan.tables.length, 'table')}`
  return [
    `Database '${printable(plan.checkout.database.name)}' is ` +
      `${plan.scope === 'rows' ? 'without rows' : 'empty'}: ${gone} went in ${formatDuration(elapsedMs)}`,
    `${colors.green('Proven')} before it became final: ${formatProof(plan, proof)}`,
    `The state before is kept in ${colors.yellow(kept)}, pinned; to return to it: snap undo`,
    `Later, from any state: snap checkout ${kept}`,
  ]
}

function formatProof({ scope }: WipePlan, proof: CheckoutResult['proof']): string {
  const entries = formatQuantity(proof?.schemaEntryCount ?? 0, 'schema entry', 'schema entries')
  return scope === 'rows'
    ? `${entries} by pg_dump, ${formatQuantity(proof?.tableCount ?? 0, 'table')} by reading every row back`
    : `pg_dump finds nothing but what stays (${entries})`
}

/** A plan as `--json` prints it. */
/** A plan as `--json` prints it. */
export interface WipePlanJson extends WipeSummary {
  database: CheckoutSummary['database']
  isNoOp: boolean
}

export function wipePlanAsJson({ checkout, emptied: _emptied, ...plan }: WipePlan): WipePlanJson {
  const { database, isNoOp } = checkout
  return { ...plan, database, isNoOp }
}
