import {
  formatRowChange,
  formatSequencePosition,
  planSchemaScript,
  type RowChange,
  SCRIPT_SETTINGS,
  type SchemaEntryChange,
  type StateDiff,
  type TablePair,
} from '../src/index.ts'
import type { ComparedSide } from './compared-states.ts'
import { createColors } from './output/colors.ts'
import { nameOfEntry } from './output/diff-text.ts'
import type { Output } from './output/output.ts'
import { printable } from './output/printable.ts'
import { formatEntryDiff } from './output/schema-diff-text.ts'

interface ScriptParts {
  before: ComparedSide
  after: ComparedSide
  /** Everything but rows. */
  found: StateDiff
  tables: AsyncIterable<{ pair: TablePair; readChanges: () => AsyncIterable<RowChange> }>
}

/**
 * Writes a transaction that turns the first state into the second, as far as statements can say it.
 *
 * @returns  whether anything differs
 */
export async function writeSqlScript(output: Output, parts: ScriptParts): Promise<boolean> {
  const { found } = parts
  const schema = planSchemaScript(found.schema)
  await output.resultLines(
    ...formatHead(parts, schema.leftOut.length),
    'BEGIN;',
    ...SCRIPT_SETTINGS,
  )

  for (const change of schema.leftOut) {
    const diff = formatEntryDiff(change, createColors(false)).slice(2)
    await output.resultLines('', `-- ${nameOfEntry(change)} differs; change it by hand:`)
    await output.resultLines(...diff.map((line) => `--   ${line}`))
  }
  await writeStatements(output, schema.beforeRows)
  const hasRows = await writeRows(output, parts)
  const positions = found.sequences.flatMap(({ after }) => (after === null ? [] : [after]))
  await writeStatements(output, positions.map(formatSequencePosition))
  await writeStatements(output, schema.afterRows)
  await output.resultLines(...formatLeftOut(found), '', 'COMMIT;')
  return hasRows || !found.isEqual
}

function formatHead({ before, after }: ScriptParts, leftOutCount: number): string[] {
  return [
    `-- Turns ${before.label} into ${after.label}.`,
    '--',
    '-- Rows and sequences are complete. Schema entries that only one side has are dropped or',
    '-- created; a changed one is replaced where that touches no rows, and otherwise shown as a',
    leftOutCount === 0
      ? '-- comment (there is none here).'
      : `-- comment: ${leftOutCount} of them below need a statement of yours before the rows.`,
    '-- Owners, tablespaces and large objects are not changed.',
    '-- Rows are written table by table, in no order that foreign keys ask for. Constraints that',
    '-- cannot be deferred may refuse that; a superuser can set session_replication_role = replica.',
    "-- To make a database equal to a commit, proven, use 'snap checkout'.",
  ]
}

/**
 * Deletions of a table come before its other changes, so that keys are free when rows arrive. The
 * rows are compared once for either, instead of being kept meanwhile: there may be any number.
 */
async function writeRows(output: Output, { found, tables }: ScriptParts): Promise<boolean> {
  const removed = new Set(
    found.schema.flatMap((change) => (change.change === 'removed' ? [keyOf(change)] : [])),
  )
  let hasRows = false
  for await (const { pair, readChanges } of tables) {
    // The table goes with its rows.
    if (removed.has(`${pair.namespace}\0${pair.name}`)) continue
    for (const isDeletion of [true, false]) {
      for await (const change of readChanges()) {
        hasRows = true
        if ((change.kind === 'deleted') !== isDeletion) continue
        await output.resultLines(formatRowChange(pair, change))
      }
    }
  }
  return hasRows
}

function keyOf(change: Extract<SchemaEntryChange, { change: 'removed' }>): string {
  const { kind, namespace, name } = change.before
  return kind === 'TABLE' ? `${namespace}\0${name}` : ''
}

async function writeStatements(output: Output, statements: readonly string[]): Promise<void> {
  for (const statement of statements) {
    const text = statement.trim()
    await output.resultLines('', text.endsWith(';') ? text : `${text};`)
  }
}

function formatLeftOut({ largeObjects, materializedViews }: StateDiff): string[] {
  const oids = [...largeObjects.added, ...largeObjects.removed, ...largeObjects.changed]
  return [
    ...(oids.length === 0 ? [] : ['', `-- Large objects differ: ${oids.join(', ')}`]),
    ...materializedViews.map(({ namespace, name, after }) =>
      after === null
        ? `-- Materialized view ${printable(`${namespace}.${name}`)} is gone`
        : `-- Materialized view ${printable(`${namespace}.${name}`)}: REFRESH MATERIALIZED VIEW`,
    ),
  ]
}
