/**
 * The statements of a checkout, to be read by people. Pure.
 *
 * Rows are not in it: where they are sent, a comment says how many. Neither is
 * what the transaction finds out itself: which default privileges it takes back.
 */
import { isWholeDatabase } from '../capture/selection.ts'
import type { SchemaEntry } from '../format/values.ts'
import { qualifiedName, quoteLiteral } from '../postgres/quote.ts'
import type { CheckoutPlan } from './checkout-plan.ts'
import type { ChangeOutline, SequenceStep, TableStep } from './outline-change.ts'
import { planCreation, planRefreshes } from './plan-creation.ts'
import { planDrops } from './plan-drops.ts'
import { NO_SEARCH_PATH, type Statement } from './statement.ts'
import { scriptOf } from './surgery-script.ts'

export interface CheckoutSqlOptions {
  withOwners: boolean
  withPrivileges: boolean
}

/** Returns the lines of the script; of a plan in which nothing is to be done, a comment. */
export function formatCheckoutSql(plan: CheckoutPlan, options: CheckoutSqlOptions): string[] {
  if (plan.isNoOp) return ['-- Nothing is to be done: the database already equals the commit.']
  return [
    '-- What a checkout runs. Rows are sent by COPY and not shown.',
    'BEGIN;',
    `${NO_SEARCH_PATH};`,
    ...(plan.inPlace === null || plan.outline === null
      ? formatBuild(plan, [], options)
      : formatInPlace(plan, plan.inPlace, plan.outline, options)),
    '-- Here everything is compared with the commit, and rolled back if anything differs.',
    'COMMIT;',
  ]
}

function formatInPlace(
  plan: CheckoutPlan,
  { live, change, target }: NonNullable<CheckoutPlan['inPlace']>,
  outline: ChangeOutline,
  options: CheckoutSqlOptions,
): string[] {
  const tables = live.schema.entries.filter(({ kind }) => kind === 'TABLE').map(nameOf)
  const lock =
    tables.length === 0
      ? []
      : [
          `LOCK TABLE ${tables.map((name) => `ONLY ${name}`).join(', ')} IN SHARE ROW EXCLUSIVE MODE;`,
        ]
  if (change.form === 'general') {
    return [...lock, ...formatBuild(plan, live.schema.entries, options)]
  }
  const script = scriptOf(change.surgery, {
    entries: target.entries,
    tables: target.tree.tables,
    serverVersionNumber: plan.database.serverVersionNumber,
    currentUser: live.role.name,
    ...options,
  })
  return [
    ...lock,
    ...format(change.renames?.statements ?? []),
    ...(change.surgery.resetsDefaultPrivileges
      ? ['-- Default privileges are brought back to what a new database has.']
      : []),
    ...format([...script.lateDrops, ...script.truncation, ...script.drops, ...script.structure]),
    ...outline.tables.flatMap(describeRows),
    ...describeLargeObjects(plan),
    ...outline.sequences.flatMap(formatPosition),
    ...format(script.finish),
    ...format(planRefreshes(change.surgery.refreshed, target.tree.materializedViews)),
    ...format(script.eventTriggers),
  ]
}

/** Everything that stands is dropped, and everything created. */
function formatBuild(
  plan: CheckoutPlan,
  live: readonly SchemaEntry[],
  options: CheckoutSqlOptions,
): string[] {
  const { statements, standing } = planDrops(live, plan.schemaEntries)
  const creation = planCreation(plan.schemaEntries, {
    serverVersionNumber: plan.database.serverVersionNumber,
    currentUser: '',
    ...options,
    standing,
  })
  return [
    ...format([...statements, ...creation.beforeRows]),
    ...plan.tree.tables.flatMap(({ namespace, name, rows }) =>
      rows === null ? [] : [`-- COPY ${nameOf({ namespace, name })}: ${rows.rowCount} rows`],
    ),
    ...describeLargeObjects(plan),
    '-- Sequences are set to their positions.',
    ...format([...creation.afterRows, ...creation.privileges]),
    ...format(planRefreshes(plan.schemaEntries, plan.tree.materializedViews)),
    ...format(creation.eventTriggers),
  ]
}

function describeRows(table: TableStep): string[] {
  const name = nameOf(table)
  const { step, rowsAfter, rowsInserted, rowsDeleted, rowsUpdated } = table
  if (step === 'build' || step === 'reload') {
    return rowsAfter === null ? [] : [`-- COPY ${name}: ${rowsAfter} rows`]
  }
  if (step !== 'delta') return []
  const deleted = rowsDeleted + rowsUpdated
  const inserted = rowsInserted + rowsUpdated
  return [
    ...(deleted === 0 ? [] : [`-- DELETE FROM ${name}: ${deleted} rows, by key`]),
    ...(inserted === 0 ? [] : [`-- COPY ${name}: ${inserted} rows`]),
  ]
}

function describeLargeObjects({ largeObjects, commit }: CheckoutPlan): string[] {
  const { differ, countBefore, countAfter } = largeObjects
  return differ && isWholeDatabase(commit.selection)
    ? [`-- ${countBefore} large objects are removed, ${countAfter} created.`]
    : []
}

function formatPosition({ namespace, name, after }: SequenceStep): string[] {
  if (after === null) return []
  const sequence = qualifiedName({ namespace, name })
  return [
    `ALTER SEQUENCE ${sequence} RESTART;`,
    `SELECT pg_catalog.setval(${quoteLiteral(sequence)}, ${after.lastValue}, ${after.isCalled});`,
  ]
}

/** A definition may end in a comment, so its semicolon has a line of its own then. */
const format = (statements: readonly Statement[]) =>
  statements.map(({ sql }) => (/--[^\n]*$/.test(sql) ? `${sql}\n;` : `${sql};`))

const nameOf = ({ namespace, name }: { namespace: string | null; name: string }) =>
  qualifiedName({ namespace: namespace ?? '', name })
