import { createReadStream } from 'node:fs'
import { access, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Option } from 'commander'
import {
  type DatabaseAddress,
  findRowFormat,
  formatCsvLine,
  type LoadOptions,
  type LoadPlan,
  type LoadResult,
  loadRows,
  type ObjectId,
  prepareLoad,
  type Records,
  type RejectedRow,
  type RowFileFormat,
  type RowSource,
  readRecords,
  rejectedError,
  SnapError,
  type Store,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { csvPieces } from '../csv-pieces.ts'
import { findDatabaseOf } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { releaseGuardCommit } from '../guarded-run/guard-commit.ts'
import { commitBefore, describeGuard } from '../guarded-run/run-guarded.ts'
import { resolveNewFile, writeNewFile } from '../new-file.ts'
import { type LoggedOperation, withOperation } from '../operation.ts'
import { collect, parseCount, parseDurationMs } from '../options.ts'
import { formatLoadResult } from '../output/load-text.ts'
import { formatRollbackCommand } from '../rollback-command.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface LoadFlags {
  table: string
  format?: RowFileFormat
  map?: string[]
  ignore?: string[]
  key?: string
  skipExisting?: true
  null?: string[]
  delimiter?: string
  timeZone: string
  encoding: string
  dryRun?: true
  reject?: string
  leaveSequences?: true
  message?: string[]
  jobs?: number
  lockTimeout?: number
}

export interface LoadJson {
  result: Omit<LoadResult, 'rejected'> & { rejected: Omit<RejectedRow, 'values'>[] }
  /** Null for a dry run, as are the next two. */
  operation: number | null
  guardCommitId: ObjectId | null
  rollbackCommand: string | null
}

export const defineLoad: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Loads rows of a CSV, TSV, JSON or JSON lines file into a table: rows whose key is there are ' +
      'updated, others inserted. Commits first, as snap run does. Columns go by their names, or by ' +
      '--map; columns that do not fit are refused before a row is read. All of it is one ' +
      'transaction: when a row does not fit, nothing is loaded, and such rows are listed with their ' +
      'number, line, value and the reason. With --reject all of these rows are written to a file, ' +
      'however many, and the others loaded. A sequence that gives a column its numbers is moved ' +
      'past those that were loaded into it. While it runs, others may read the table and not write ' +
      'it.',
    examples: [
      ['snap load customers.csv --table customers', 'by the primary key'],
      [
        "snap load export.csv --table orders --map 'ID=external_id' --skip-existing",
        'into another column, its key; rows that are there stay as they are',
      ],
      ['snap load rows.json --table events --dry-run', 'what it would do'],
      ['snap load rows.tsv --table t --null NULL --time-zone Europe/Paris', 'as it was exported'],
      ['snap load rows.jsonl --table t --reject rejected.csv', 'all that fit, the others apart'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.postgres,
      ExitCode.refused,
      ExitCode.backend,
    ],
    seeAlso: ['snap rollback', 'snap import', 'snap cat'],
  })
    .argument('<file>', 'what to load; the first line of CSV and TSV names the columns')
    .requiredOption('-t, --table <name>', 'the table, as SQL writes it')
    .option('--map <from=to>', 'this column of the file is that of the table (repeatable)', collect)
    .option('--ignore <column>', 'leave this column of the file out (repeatable)', collect)
    .option(
      '--key <columns>',
      'of the table, with commas: which key tells what is there (default: the first that the file has, the primary key before others)',
    )
    .option('--skip-existing', 'leave rows whose key is there as they are')
    .addOption(
      new Option('--format <format>', 'what the file is (default: by the end of its name)').choices(
        ['csv', 'tsv', 'json', 'jsonl'],
      ),
    )
    .option(
      '--null <text>',
      String.raw`what stands for null, where it is not in quotes (repeatable; default: nothing, and \N)`,
      collect,
    )
    .option('--delimiter <text>', 'between fields (default: comma; tab for TSV)')
    .option('--time-zone <zone>', 'of times that say none', 'UTC')
    .option('--encoding <name>', 'of the file', 'utf-8')
    .option('--dry-run', 'load, tell what came of it, and roll back')
    .option('--reject <file>', 'write rows that do not fit here, as CSV, and load the others')
    .option('--leave-sequences', 'leave sequences where they are, even behind what was loaded')
    .option('-m, --message <text>', 'of the commit; given again, the next paragraph', collect)
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default: for ever)',
      parseDurationMs,
    )
    .action((file: string, flags: LoadFlags) => load(context, file, flags))
}

interface LoadWork {
  context: Context
  store: Store
  database: DatabaseAddress
  flags: LoadFlags
  options: LoadOptions
  records: Records
  plan: LoadPlan
}

async function load(context: Context, file: string, flags: LoadFlags): Promise<void> {
  const { io, output } = context
  const path = resolve(io.workingDirectory, file)
  await access(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = `cannot read '${file}': ${cause.code ?? cause.message}`
    throw new SnapError('INPUT_UNREADABLE', reason, { path: file }, { cause })
  })
  const rejectPath = flags.reject === undefined ? undefined : await resolveNewFile(flags.reject, io)
  const map = (flags.map ?? []).map(parseMapping)
  context.interruptedState = 'nothing was loaded'
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    const source: RowSource = { path: file, open: () => createReadStream(path) }
    const records = await readFile(source, flags)
    const options: LoadOptions = {
      table: flags.table,
      map,
      ignore: flags.ignore ?? [],
      key: flags.key?.split(',').map((name) => name.trim()),
      skipsExisting: flags.skipExisting === true,
      timeZone: flags.timeZone,
      isDryRun: flags.dryRun === true,
      allowsRejected: rejectPath !== undefined,
      leavesSequences: flags.leaveSequences === true,
      lockTimeoutMs: flags.lockTimeout,
      reporter: context.reporter,
      signal: io.signal,
    }
    const plan = await prepareLoad(database, records, options)
    const work: LoadWork = { context, store, database, flags, options, records, plan }
    if (flags.dryRun) {
      const result = await loadRows(database, records, plan, options)
      output.progress.clear()
      if (result.rejectedCount > 0) context.exitCode = ExitCode.different
      return print(work, result, null)
    }
    await withOperation(context, store, { command: 'load', database }, (operation) =>
      loadGuarded(work, operation, rejectPath),
    )
  })
}

async function loadGuarded(
  work: LoadWork,
  operation: LoggedOperation,
  rejectPath: string | undefined,
): Promise<void> {
  const { context, store, database, flags, options, records, plan } = work
  const { io, output } = context
  const author = await findAuthor(io)
  const command = ['snap', ...context.arguments] as const
  const guardFlags = { ...flags, report: false }
  const guard = await commitBefore(
    { context, store, database, flags: guardFlags, command },
    operation,
    { author, isPinned: true },
  )
  const release = () => releaseGuardCommit(store, guard, { author, at: io.now() }).catch(() => {})
  output.note(describeGuard(context, operation, guard))
  context.interruptedState = 'nothing was loaded'
  let writtenPath: string | undefined
  const onRejected = async (rows: AsyncIterable<RejectedRow>) => {
    if (rejectPath === undefined) return
    const pieces = csvPieces(formatRejected(records.columns, rows))
    await writeNewFile({ path: rejectPath, pieces }, io.signal)
    writtenPath = rejectPath
  }
  let result: LoadResult
  try {
    result = await loadRows(database, records, plan, { ...options, onRejected })
  } catch (error) {
    await release()
    // It tells of a load that did not come about.
    if (writtenPath !== undefined) await rm(writtenPath, { force: true })
    throw error
  }
  output.progress.clear()
  if (!result.isCommitted) {
    await release()
    throw rejectedError(result.rejected, String(result.rejectedCount))
  }
  const { insertedCount, updatedCount } = result
  const isChanged = insertedCount + updatedCount > 0
  if (!isChanged) await release()
  Object.assign(operation.outcome, {
    databaseChange: isChanged ? 'changed' : 'none',
    changes: {
      tableCount: isChanged ? 1 : 0,
      insertedRowCount: insertedCount,
      deletedRowCount: 0,
      updatedRowCount: updatedCount,
      schemaEntryCount: 0,
    },
  })
  if (result.rejectedCount > 0) context.exitCode = ExitCode.different
  const rollbackCommand = isChanged ? formatRollbackCommand(context, operation.number) : null
  print(work, result, { number: operation.number, guardCommitId: guard.commitId, rollbackCommand })
}

function parseMapping(text: string): [string, string] {
  const at = text.lastIndexOf('=')
  if (at < 1 || at === text.length - 1) {
    throw new SnapError(
      'USAGE',
      `cannot read --map '${text}'`,
      { argument: '--map' },
      { hint: "write it as 'column of the file=column of the table'" },
    )
  }
  return [text.slice(0, at), text.slice(at + 1)]
}

function readFile(source: RowSource, flags: LoadFlags): Promise<Records> {
  const format = flags.format ?? findRowFormat(source.path)
  if (format === undefined) {
    throw new SnapError(
      'USAGE',
      `cannot tell what '${source.path}' is`,
      { argument: '--format' },
      { hint: 'say it with --format: csv, tsv, json or jsonl' },
    )
  }
  const { encoding, delimiter, null: nulls } = flags
  return readRecords(source, format, { encoding, delimiter, nulls })
}

async function* formatRejected(
  columns: readonly string[],
  rows: AsyncIterable<RejectedRow>,
): AsyncGenerator<string> {
  yield formatCsvLine(['row', 'line', 'reason', ...columns])
  for await (const { rowNumber, lineNumber, reason, values } of rows) {
    yield formatCsvLine([String(rowNumber), lineNumber?.toString() ?? null, reason, ...values])
  }
}

function print(
  { context, flags }: LoadWork,
  result: LoadResult,
  done: { number: number; guardCommitId: ObjectId; rollbackCommand: string | null } | null,
): void {
  const { options, output } = context
  if (options.json) {
    output.json<LoadJson>({
      result: { ...result, rejected: result.rejected.map(({ values: _, ...row }) => row) },
      operation: done?.number ?? null,
      guardCommitId: done?.guardCommitId ?? null,
      rollbackCommand: done?.rollbackCommand ?? null,
    })
    return
  }
  const { colors } = output
  output.result(...formatLoadResult(result, { colors, rejectFile: flags.reject ?? null }))
  if (done !== null && done.rollbackCommand !== null) {
    output.note(`To return to the state before: ${done.rollbackCommand}`)
  }
}
