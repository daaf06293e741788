import { rm, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import {
  type DatabaseAddress,
  type Dump,
  formatCsvLine,
  type Imported,
  importDumps,
  inspectDump,
  inspectExport,
  inspectExportDirectory,
  isSnapError,
  isTableFile,
  type RejectedFileRow,
  resolveDatabaseAddress,
  SnapError,
  type Store,
  shortId,
  type TableExport,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { csvPieces } from '../csv-pieces.ts'
import { findDatabaseOf } from '../database.ts'
import { startTemporaryServer } from '../demo/start-temporary-server.ts'
import { exists } from '../exists.ts'
import { ExitCode } from '../exit-codes.ts'
import { resolveNewFile, writeNewFile } from '../new-file.ts'
import { withOperation } from '../operation.ts'
import { collect, parseCount, parseTime } from '../options.ts'
import { type TreeTotals, totalsOf } from '../output/commit-text.ts'
import { formatImported } from '../output/import-text.ts'
import { printable } from '../output/printable.ts'
import { formatQuantity } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface ImportFlags {
  branch: string
  scratch?: string
  jobs?: number
  at?: Date
  schemaFrom: string
  table?: string[]
  null?: string[]
  delimiter?: string
  timeZone: string
  encoding: string
  reject?: string
}

export interface ImportJson {
  branch: string
  /** Oldest first. */
  imported: ImportedJson[]
}

interface ImportedJson
  extends Omit<Imported, 'source' | 'commit' | 'tree' | 'rejected'>,
    Pick<Dump, 'file' | 'createdAt'> {
  /** `tables` for files of rows. */
  format: Dump['format'] | 'tables'
  /** Null where nothing says it. */
  databaseName: string | null
  totals: TreeTotals
  rejected: Omit<Imported['rejected'][number], 'record'>[]
}

export const defineImport: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Turns dumps that pg_dump has made (plain, custom, directory, tar; of any compression) into ' +
      'commits on a branch of their own, oldest first. The time of each commit is that of its dump: ' +
      'from the header, or else when the file was written. Each is restored into a temporary server, ' +
      'or into a new database of the server that --scratch names, captured and dropped; your own ' +
      'database, HEAD and its branch stay as they are. All become commits, or none. On a ' +
      'temporary server roles are made as the dumps name them; on that of --scratch owners and ' +
      'grants of roles it has not are left out. ' +
      'Files of rows (CSV, TSV, JSON, JSON lines) are imported, too: a directory of them is one ' +
      'commit, those named one by one are one together, at the time when the newest was written. ' +
      'The name of a file says which table it is of: orders.csv, sales.orders.json. What the tables ' +
      'are is taken from HEAD, or from the commit that --schema-from names; the commit holds these tables ' +
      'and no others. Rows that do not fit (a cast, a constraint, a foreign key between these files) ' +
      'are listed and nothing is imported, unless --reject leaves them out, however many, and writes ' +
      'them to a file.',
    examples: [
      ['snap import backups/*.dump', 'onto the branch imported'],
      ['snap import monday.sql.gz tuesday.sql.zst --branch backups', 'onto another'],
      ['snap import shop.dump --scratch postgresql:///postgres', 'on a server with its extensions'],
      [
        'snap import exports/2026-11-01 exports/2026-11-08',
        'two commits of directories of CSV files',
      ],
      [
        "snap import orders.csv old-users.json --table 'old-users.json=users' --at 2026-11-01",
        'one commit of two tables, as of that day',
      ],
      ['snap import exports --schema-from v1.2 --reject bad.csv', 'with the tables of a tag'],
      ['snap diff imported~1 imported', 'what changed from one dump to the next'],
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
    seeAlso: ['snap export', 'snap load', 'snap branch', 'snap help comparison'],
  })
    .argument(
      '<files...>',
      'dumps of one database each; directories in directory format, or of files of rows; files of rows',
    )
    .option('--branch <name>', 'where the commits go; made when it is not there', 'imported')
    .option('--scratch <url>', 'a server that may make a database, instead of a temporary one')
    .option('--at <time>', 'when it was so, of a single commit', parseTime)
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option('--schema-from <rev>', 'for files of rows: what their tables are', 'HEAD')
    .option('-t, --table <file=table>', 'this file is of that table (repeatable)', collect)
    .option(
      '--null <text>',
      String.raw`for CSV and TSV: what stands for null, where it is not in quotes (repeatable; default: nothing, and \N)`,
      collect,
    )
    .option('--delimiter <text>', 'for CSV and TSV: between fields (default: comma; tab for TSV)')
    .option('--time-zone <zone>', 'for files of rows: of times that say none', 'UTC')
    .option('--encoding <name>', 'of files of rows', 'utf-8')
    .option(
      '--reject <file>',
      'leave out rows of files that do not fit, and write them here, as CSV',
    )
    .action((files: string[], flags: ImportFlags) => importFiles(context, files, flags))
}

async function importFiles(context: Context, files: string[], flags: ImportFlags): Promise<void> {
  const { io } = context
  context.interruptedState = 'nothing was imported'
  const rejectPath = flags.reject === undefined ? undefined : await resolveNewFile(flags.reject, io)
  await withStore(context, async (store) => {
    const sources = await inspectSources(files, flags, io.workingDirectory)
    await withOperation(context, store, { command: 'import' }, () =>
      withScratch(context, store, flags, (scratch) =>
        importInto(context, store, { sources, flags, scratch, rejectPath }),
      ),
    )
  })
}

type Source = Dump | TableExport

/** @throws DUMP_UNREADABLE, USAGE */
async function inspectSources(
  files: readonly string[],
  { at, table = [] }: ImportFlags,
  workingDirectory: string,
): Promise<Source[]> {
  const sources: Source[] = []
  const ofRows: { file: string; path: string }[] = []
  for (const file of files) {
    // It would be the working directory: what a variable that is not set comes to.
    if (file === '') throw usage('files', 'the name of a file is empty')
    const path = resolve(workingDirectory, file)
    const isDirectory = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (isDirectory && !(await exists(resolve(path, 'toc.dat')))) {
      const found = await inspectExportDirectory(path, file)
      sources.push(found ?? (await inspectDump(path, file)))
    } else if (!isDirectory && isTableFile(file)) {
      ofRows.push({ file, path })
    } else {
      sources.push(await inspectDump(path, file))
    }
  }
  if (ofRows.length > 0) sources.push(await inspectExport(ofRows))
  if (at !== undefined && sources.length > 1) {
    throw usage('--at', `--at is of one commit, and this would be ${sources.length}`)
  }
  return withNames(
    sources.map((source) => (at === undefined ? source : { ...source, createdAt: at })),
    table,
  )
}

/** What --table says goes before what files are called. */
function withNames(sources: readonly Source[], mappings: readonly string[]): Source[] {
  const unused = new Set(mappings)
  const named = sources.map((source) => {
    if (source.kind === 'dump') return source
    const tables = source.tables.map((each) => {
      const mapping = mappings.find((text) => {
        const from = text.slice(0, text.lastIndexOf('='))
        return from === each.file || from === basename(each.file)
      })
      if (mapping === undefined) return each
      unused.delete(mapping)
      return { ...each, table: mapping.slice(mapping.lastIndexOf('=') + 1) }
    })
    return { ...source, tables }
  })
  for (const mapping of unused) {
    throw usage(
      '--table',
      `--table '${mapping}' is of none of the files`,
      "write it as 'file=table', the file as it is named or without its directory",
    )
  }
  return named
}

const usage = (argument: string, message: string, hint?: string) =>
  new SnapError('USAGE', message, { argument }, hint === undefined ? {} : { hint })

interface ScratchServer {
  address: DatabaseAddress
  isThrowaway: boolean
}

async function withScratch(
  context: Context,
  store: Store,
  { scratch }: ImportFlags,
  work: (scratch: ScratchServer) => Promise<void>,
): Promise<void> {
  const { io, output } = context
  if (scratch !== undefined) {
    const address = await findDatabaseOf(store, context, scratch)
    return work({ address, isThrowaway: false })
  }
  output.note('Starting a temporary PostgreSQL …')
  const server = await startTemporaryServer(io, 'the import')
  try {
    const address = await resolveDatabaseAddress({
      url: server.url('postgres'),
      environment: {},
      workingDirectory: io.workingDirectory,
      homeDirectory: io.homeDirectory,
      userName: server.user,
    })
    return await work({ address, isThrowaway: true })
  } finally {
    await server.stop()
  }
}

interface ImportWork {
  sources: Source[]
  flags: ImportFlags
  scratch: ScratchServer
  rejectPath: string | undefined
}

async function importInto(
  context: Context,
  store: Store,
  { sources, flags, scratch, rejectPath }: ImportWork,
): Promise<void> {
  const { io, options, output } = context
  const { schemaFrom, timeZone, encoding, delimiter, null: nulls } = flags
  let writtenPath: string | undefined
  const onRejected = async (rows: AsyncIterable<RejectedFileRow>) => {
    if (rejectPath === undefined) return
    await writeNewFile({ path: rejectPath, pieces: csvPieces(formatRejected(rows)) }, io.signal)
    writtenPath = rejectPath
  }
  const imported = await importDumps(store, sources, {
    scratch: scratch.address,
    isThrowaway: scratch.isThrowaway,
    branch: flags.branch,
    databaseName: await nameDatabase(context, store, sources),
    author: await findAuthor(io),
    jobs: flags.jobs,
    reporter: context.reporter,
    signal: io.signal,
    now: io.now,
    tables: {
      schemaFrom,
      timeZone,
      encoding,
      delimiter,
      nulls,
      allowsRejected: rejectPath !== undefined,
      onRejected,
    },
    onImported: (one) => {
      output.progress.clear()
      output.note(...formatImported(one, output.messageStyle))
    },
  }).catch(async (error) => {
    // It tells of an import that did not come about.
    if (writtenPath !== undefined) await rm(writtenPath, { force: true })
    throw error
  })
  if (writtenPath !== undefined) context.exitCode = ExitCode.different
  if (options.json) {
    output.json<ImportJson>({ branch: flags.branch, imported: imported.map(asJson) })
    return
  }
  if (writtenPath !== undefined) {
    output.note(`Rows that were left out are in ${printable(flags.reject!)}`)
  }
  const hasExports = sources.some(({ kind }) => kind === 'tables')
  output.result(
    `${formatQuantity(imported.length, hasExports ? 'state' : 'dump')} imported onto branch '${printable(flags.branch)}', ` +
      `now at ${output.colors.yellow(shortId(imported.at(-1)!.commitId))}`,
  )
}

/**
 * A store is of one database: what does not say of which it is, is taken for one of that. Only a
 * name is wanted, so that one of the file does where nothing, or too much, says which.
 */
async function nameDatabase(
  context: Context,
  store: Store,
  sources: readonly Source[],
): Promise<string> {
  try {
    return (await findDatabaseOf(store, context)).databaseName
  } catch (error) {
    const isUnknown =
      isSnapError(error, 'DATABASE_ADDRESS_MISSING') ||
      isSnapError(error, 'DATABASE_ADDRESS_AMBIGUOUS')
    if (!isUnknown) throw error
    return basename(sources[0]!.file).replace(/\..*$/, '')
  }
}

async function* formatRejected(rows: AsyncIterable<RejectedFileRow>): AsyncGenerator<string> {
  yield formatCsvLine(['file', 'row', 'line', 'reason', 'values'])
  for await (const { file, rowNumber, lineNumber, reason, record } of rows) {
    const numbers = [rowNumber, lineNumber].map((number) => number?.toString() ?? null)
    yield formatCsvLine([file, ...numbers, reason, JSON.stringify(record)])
  }
}

function asJson({ source, commit: _, tree, rejected, ...imported }: Imported): ImportedJson {
  const isDump = source.kind === 'dump'
  return {
    ...imported,
    file: source.file,
    format: isDump ? source.format : 'tables',
    createdAt: source.createdAt,
    databaseName: isDump ? source.databaseName : null,
    totals: totalsOf(tree),
    rejected: rejected.map(({ record: __, ...row }) => row),
  }
}
