import { Option } from 'commander'
import {
  diffStates,
  diffTableRows,
  listChangedTables,
  type ObjectId,
  type RowChange,
  type SchemaEntryChange,
  SnapError,
  type StateDiff,
  type Store,
  type TablePair,
} from '../../src/store-index.ts'
import { type Comparison, chooseTables, requireOneOf, withComparison } from '../compared-states.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { collect, parseCount, parseDurationMs } from '../options.ts'
import { formatStateDiff } from '../output/diff-text.ts'
import { printable } from '../output/printable.ts'
import {
  formatRowsAsCells,
  formatRowsAsCsv,
  type ReadableRowChange,
  ROW_COLUMNS,
  ROW_CSV_HEADER,
  toReadable,
} from '../output/row-change-text.ts'
import { formatEntryDiff } from '../output/schema-diff-text.ts'
import { formatTable } from '../output/text-table.ts'
import { pageOutput } from '../pager.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface DiffFlags {
  stat?: true
  rows?: true
  schema?: true
  sql?: true
  format?: 'table' | 'csv' | 'json'
  table: string[]
  jobs?: number
  lockTimeout?: number
}

export type DiffJson = DiffStatJson | DiffRowJson | DiffSchemaJson

/** @title --stat */
interface DiffStatJson extends StateDiff {
  before: ObjectId | null
  /** Null for the database as it is now. */
  after: ObjectId | null
}

/**
 * One row, a line.
 *
 * @title --rows
 */
interface DiffRowJson extends ReadableRowChange {}

/**
 * One schema entry, a line.
 *
 * @title --schema
 */
type DiffSchemaJson = SchemaEntryChange

export const defineDiff: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Shows what turns the first state into the second. Two revisions are compared without a ' +
      'database; with one, or none for HEAD, the second state is the database as it is now. Rows ' +
      'are paired by primary key, or another unique key that is not null; without one, an ' +
      'updated row shows as deleted and inserted. Ends with 1 when something differs, as git ' +
      'diff --exit-code does. Values are text as PostgreSQL prints it; under --json, and with ' +
      '--rows --format json, --rows prints one row a line, and --schema one entry a line.',
    examples: [
      ['snap diff', 'tables, rows and schema entries that changed since HEAD'],
      ['snap diff HEAD~1 HEAD --rows', 'which rows, between two commits'],
      ['snap diff --rows --format csv --table orders', 'of one table, for a spreadsheet'],
      ['snap diff v1 v2 --schema', 'the DDL, entry by entry'],
      ['snap diff v1 v2 --sql', 'statements that make v2 of v1'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.postgres,
      ExitCode.backend,
      ExitCode.source,
    ],
    seeAlso: ['snap status', 'snap show', 'snap checkout', 'snap help revisions'],
  })
    .argument('[before]', 'the first commit', 'HEAD')
    .argument('[after]', 'the second; else the database as it is now')
    .option('--stat', 'count what differs (what it does unless told otherwise)')
    .option('--rows', 'show each row that differs')
    .option('--schema', 'show the DDL that differs, as a unified diff')
    .option('--sql', 'write statements that turn the first state into the second')
    .addOption(new Option('--format <how>', 'of --rows').choices(['table', 'csv', 'json']))
    .option(
      '--table <pattern>',
      'rows of these tables only; a pattern as psql has them',
      collect,
      [],
    )
    .option('--jobs <count>', 'connections that read the database at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
    .action((before: string, after: string | undefined, flags: DiffFlags) =>
      withStore(context, (store) => diff(context, store, [before, after], flags)),
    )
}

async function diff(
  context: Context,
  store: Store,
  revisions: readonly [string, string | undefined],
  flags: DiffFlags,
): Promise<void> {
  const { stat = false, rows = false, schema = false, sql = false } = flags
  requireOneOf({ '--stat': stat, '--rows': rows, '--schema': schema, '--sql': sql })
  if (flags.format !== undefined && !rows) {
    throw new SnapError('USAGE', '--format says how --rows are written', { argument: '--format' })
  }
  const withSources = !rows && !schema && !sql
  await pageOutput(context)
  const wanted = { revisions, live: flags, withSources }
  await withComparison(context, store, wanted, async (comparison) => {
    const print = rows ? printRows : schema ? printSchema : sql ? printSql : printStat
    const isDifferent = await print(context, comparison, flags)
    if (isDifferent) context.exitCode = ExitCode.different
  })
}

async function printStat(
  { io, options, output }: Context,
  { before, after, scratchDirectory }: Comparison,
  { table }: DiffFlags,
): Promise<boolean> {
  const found = await diffStates(before, after, {
    scratchDirectory,
    isWanted: chooseTables(table, { before, after }),
    signal: io.signal,
  })
  if (options.json) {
    output.json<DiffJson>({ before: before.commitId, after: after.commitId, ...found })
  } else if (!found.isEqual) {
    output.result(
      `From ${before.label} to ${after.label}:`,
      '',
      ...formatStateDiff(found, output.style),
    )
  }
  return !found.isEqual
}

async function printSchema(
  { io, options, output }: Context,
  { before, after, scratchDirectory }: Comparison,
): Promise<boolean> {
  const { schema } = await diffStates(before, after, {
    scratchDirectory,
    isWanted: () => false,
    signal: io.signal,
  })
  for (const change of schema) {
    if (options.json) await output.jsonLine<DiffJson>(change)
    else await output.resultLines(...formatEntryDiff(change, output.colors))
  }
  return schema.length > 0
}

async function printRows(
  context: Context,
  comparison: Comparison,
  flags: DiffFlags,
): Promise<boolean> {
  const { options, output } = context
  const format = options.json ? 'json' : (flags.format ?? 'table')
  let isDifferent = false
  if (format === 'csv') await output.resultLines(ROW_CSV_HEADER)
  for await (const { pair, readChanges } of listRowChanges(context, comparison, flags.table)) {
    const changes = readChanges()
    if (format === 'table') {
      isDifferent = (await printTable(context, pair, changes)) || isDifferent
      continue
    }
    for await (const change of changes) {
      isDifferent = true
      const row = toReadable(pair, change)
      if (format === 'json') await output.jsonLine<DiffJson>(row)
      else await output.resultLines(...formatRowsAsCsv(row))
    }
  }
  return isDifferent
}

/** Columns are as wide as a batch needs: a table may have more rows than fit into memory. */
const ROWS_PER_BATCH = 200

async function printTable(
  { output }: Context,
  pair: TablePair,
  changes: AsyncIterable<RowChange>,
): Promise<boolean> {
  let batch: ReadableRowChange[] = []
  let isFirst = true
  const flush = async () => {
    if (batch.length === 0) return
    const cells = batch.flatMap((row) => formatRowsAsCells(row, output.colors))
    const lines = formatTable(ROW_COLUMNS, cells, output.style)
    const title = output.colors.bold(printable(`${pair.namespace}.${pair.name}`))
    await output.resultLines(...(isFirst ? [title, ...lines] : lines.slice(1)))
    isFirst = false
    batch = []
  }
  for await (const change of changes) {
    batch.push(toReadable(pair, change))
    if (batch.length === ROWS_PER_BATCH) await flush()
  }
  await flush()
  return !isFirst
}

async function printSql(
  context: Context,
  comparison: Comparison,
  flags: DiffFlags,
): Promise<boolean> {
  const { before, after, scratchDirectory } = comparison
  const { writeSqlScript } = await import('../sql-diff.ts')
  return writeSqlScript(
    context.output,
    { before, after },
    {
      scratchDirectory,
      isWanted: chooseTables(flags.table, { before, after }),
      signal: context.io.signal,
    },
  )
}

/** The tables that differ, each with a way to read its differing rows. */
async function* listRowChanges(
  { io }: Context,
  { before, after, scratchDirectory }: Comparison,
  patterns: readonly string[],
): AsyncGenerator<{ pair: TablePair; readChanges: () => AsyncGenerator<RowChange> }> {
  const options = { scratchDirectory, signal: io.signal }
  for (const pair of listChangedTables(before, after, chooseTables(patterns, { before, after }))) {
    yield { pair, readChanges: () => diffTableRows(before, after, pair, options) }
  }
}
