import { basename, resolve } from 'node:path'
import {
  type DatabaseAddress,
  type Dump,
  type ImportedDump,
  importDumps,
  inspectDump,
  isSnapError,
  type ObjectId,
  resolveDatabaseAddress,
  type Store,
  shortId,
} from '../../src/index.ts'
import { findAuthor } from '../author.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { startTemporaryServer } from '../demo/start-temporary-server.ts'
import { ExitCode } from '../exit-codes.ts'
import { withOperation } from '../operation.ts'
import { parseCount } from '../options.ts'
import { formatTotals, type TreeTotals, totalsOf } from '../output/commit-text.ts'
import { printable } from '../output/printable.ts'
import { formatTime } from '../output/times.ts'
import { formatQuantity, formatSize } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface ImportFlags {
  branch: string
  scratch?: string
  jobs?: number
}

export interface ImportJson {
  branch: string
  /** Oldest first. */
  imported: ImportedJson[]
}

interface ImportedJson extends Pick<Dump, 'file' | 'format' | 'createdAt' | 'databaseName'> {
  commitId: ObjectId
  totals: TreeTotals
  storedSizeBytes: number
  /** Statements that were left out, for want of a role. */
  leftOut: readonly string[]
}

export const defineImport: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Turns dumps that pg_dump has made (plain, also gzipped; custom; directory) into commits on a ' +
      'branch of their own, oldest first. The time of each commit is that of its dump: from the ' +
      'header, or else when the file was written. Each is restored into a temporary server, or into ' +
      'a new database of the server that --scratch names, captured and dropped; your own ' +
      'database, HEAD and its branch stay as they are. All dumps become commits, or none. On a ' +
      'temporary server roles are made as the dumps name them; on that of --scratch owners and ' +
      'grants of roles it has not are left out. Dumps with large objects or compressed by lz4 or ' +
      'zstd are to be made plain first: pg_restore --file=dump.sql DUMP.',
    examples: [
      ['snap import backups/*.dump', 'onto the branch imported'],
      ['snap import monday.sql.gz tuesday.sql.gz --branch backups', 'onto another'],
      ['snap import shop.dump --scratch postgresql:///postgres', 'on a server with its extensions'],
      ['snap diff imported~1 imported', 'what changed from one dump to the next'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.postgres,
      ExitCode.backend,
    ],
    seeAlso: ['snap export', 'snap load', 'snap branch', 'snap help comparison'],
  })
    .argument('<files...>', 'dumps of one database each; a directory for one in directory format')
    .option('--branch <name>', 'where the commits go; made when it is not there', 'imported')
    .option('--scratch <url>', 'a server that may make a database, instead of a temporary one')
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .action((files: string[], flags: ImportFlags) => importFiles(context, files, flags))
}

async function importFiles(context: Context, files: string[], flags: ImportFlags): Promise<void> {
  const { io } = context
  context.interruptedState = 'nothing was imported'
  await withStore(context, async (store) => {
    const dumps: Dump[] = []
    for (const file of files)
      dumps.push(await inspectDump(resolve(io.workingDirectory, file), file))
    await withOperation(context, store, { command: 'import' }, () =>
      withScratch(context, store, flags, (scratch) =>
        importInto(context, store, { dumps, flags, scratch }),
      ),
    )
  })
}

interface Scratch {
  address: DatabaseAddress
  isThrowaway: boolean
}

async function withScratch(
  context: Context,
  store: Store,
  { scratch }: ImportFlags,
  work: (scratch: Scratch) => Promise<void>,
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

async function importInto(
  context: Context,
  store: Store,
  { dumps, flags, scratch }: { dumps: Dump[]; flags: ImportFlags; scratch: Scratch },
): Promise<void> {
  const { io, options, output } = context
  const imported = await importDumps(store, dumps, {
    scratch: scratch.address,
    isThrowaway: scratch.isThrowaway,
    branch: flags.branch,
    databaseName: await nameDatabase(context, store, dumps),
    author: await findAuthor(io),
    jobs: flags.jobs,
    reporter: context.reporter,
    signal: io.signal,
    now: io.now,
    onImported: (one) => {
      output.progress.clear()
      output.note(...describeImported(one, context))
    },
  })
  if (options.json) {
    output.json<ImportJson>({ branch: flags.branch, imported: imported.map(asJson) })
    return
  }
  output.result(
    `${formatQuantity(imported.length, 'dump')} imported onto branch '${printable(flags.branch)}', ` +
      `now at ${output.colors.yellow(shortId(imported.at(-1)!.commitId))}`,
  )
}

/** A store is of one database: what does not say of which it is, is taken for one of that. */
async function nameDatabase(context: Context, store: Store, dumps: Dump[]): Promise<string> {
  try {
    return (await findDatabaseOf(store, context)).databaseName
  } catch (error) {
    if (!isSnapError(error, 'DATABASE_ADDRESS_MISSING')) throw error
    return basename(dumps[0]!.file).replace(/\..*$/, '')
  }
}

function describeImported(
  { dump, commitId, tree, storedSizeBytes, leftOut }: ImportedDump,
  context: Context,
): string[] {
  const { output } = context
  const clock = { ...output.messageStyle.clock, date: context.options.date ?? 'iso' }
  const what = `${formatTotals(totalsOf(tree))}, ${formatSize(storedSizeBytes)} stored`
  return [
    `${output.messageColors.yellow(shortId(commitId))} ${formatTime(dump.createdAt, clock)} ${printable(dump.file)}: ${what}`,
    ...leftOut.map((statement) => `warning: left out, for want of a role: ${printable(statement)}`),
  ]
}

function asJson({ dump, commitId, tree, storedSizeBytes, leftOut }: ImportedDump): ImportedJson {
  const { file, format, createdAt, databaseName } = dump
  const totals = totalsOf(tree)
  return { file, format, createdAt, databaseName, commitId, totals, storedSizeBytes, leftOut }
}
