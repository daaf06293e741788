import {
  type CaptureTotals,
  type Commit,
  type CommitResult,
  type CommittedSource,
  commit,
  type ObjectId,
  type Selection,
  shortId,
  sizeBytesOf,
} from '../../src/index.ts'
import { findAuthor, parseAuthor } from '../author.ts'
import { readCommitMessage } from '../commit-message.ts'
import type { Context } from '../context.ts'
import { findDatabaseOf } from '../database.ts'
import { ExitCode } from '../exit-codes.ts'
import { withOperation } from '../operation.ts'
import { collect, parseCount, parseDurationMs } from '../options.ts'
import { titleOf } from '../output/commit-text.ts'
import { printable } from '../output/printable.ts'
import { formatDuration, formatQuantity, formatSize } from '../output/units.ts'
import { findSources } from '../sources.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface CommitOptions {
  message?: string[]
  table?: string[]
  excludeTable?: string[]
  excludeTableData?: string[]
  schema?: string[]
  excludeSchema?: string[]
  jobs?: number
  lockTimeout?: number
  author?: string
  sources: boolean
  full?: boolean
  verify?: boolean
  delta: boolean
}

export interface CommitJson
  extends Pick<Commit, 'treeId' | 'parentIds' | 'message' | 'notCaptured'> {
  commitId: ObjectId
  /** Null where HEAD is on no branch. */
  refName: string | null
  isUnchanged: boolean
  sources: CommittedSource[]
  reading: CommitResult['reading']
  totals: CaptureTotals
}

export const defineCommit: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Commits one consistent state of the whole database: every schema object and every row, ' +
      'as of one moment, while others keep working. Only what is new since earlier commits ' +
      'takes space. Other datastores that snap.config.json names under sources are read after it, ' +
      'each at a time of its own (snap help sources). Where the server keeps WAL summaries (PostgreSQL ' +
      '17 and up, summarize_wal = on), tables that have not changed since the last commit are not read ' +
      'again. Without -m an editor asks for the message.',
    examples: [
      ['snap commit -m "before migration 42"', 'commit everything'],
      ["snap commit -m 'small' --exclude-table-data 'log.*'", 'without the rows of those tables'],
      ["snap commit -m 'orders' -t 'public.order*'", 'only these tables (pg_dump patterns)'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.different,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.conflict,
      ExitCode.postgres,
      ExitCode.backend,
      ExitCode.source,
    ],
    seeAlso: [
      'snap status',
      'snap checkout',
      'snap run',
      'snap schedule',
      'snap help sources',
      'snap help config',
    ],
  })
    .option('-m, --message <text>', 'why it is made; given again, the next paragraph', collect)
    .option('-t, --table <pattern>', 'only tables that match (repeatable)', collect)
    .option('-T, --exclude-table <pattern>', 'no tables that match (repeatable)', collect)
    .option('--exclude-table-data <pattern>', 'no rows of tables that match (repeatable)', collect)
    .option('-n, --schema <pattern>', 'only schemas that match (repeatable)', collect)
    .option('-N, --exclude-schema <pattern>', 'no schemas that match (repeatable)', collect)
    .option('--no-sources', 'the database alone, without other datastores')
    .option('--full', 'read every table, whatever WAL summaries say')
    .option('--verify', 'read every table, and end with 1 if WAL summaries were wrong about one')
    .option('--no-delta', 'store changed chunks whole instead of as what differs')
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
    .option('--author <author>', "as 'Name <address>', instead of who git says you are")
    .action((options: CommitOptions) => runCommit(context, options))
}

async function runCommit(context: Context, options: CommitOptions): Promise<void> {
  const { io } = context
  context.interruptedState = 'no commit was made; what was written so far is reused by the next one'
  await withStore(context, async (store) => {
    const database = await findDatabaseOf(store, context)
    const author = options.author === undefined ? await findAuthor(io) : parseAuthor(options.author)
    const sources = wantsSources(options) ? await findSources(store, context) : []
    const message = await readCommitMessage(options.message ?? [], io)
    const result = await withOperation(
      context,
      store,
      { command: 'commit', database },
      async ({ outcome }) => {
        const made = await commit(store, {
          database,
          message,
          author,
          selection: selectionOf(options),
          sources,
          reading: readingOf(options),
          withDeltas: options.delta,
          workingDirectory: io.workingDirectory,
          reporter: context.reporter,
          signal: io.signal,
          now: io.now,
          ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
          ...(options.lockTimeout === undefined ? {} : { lockTimeoutMs: options.lockTimeout }),
        })
        outcome.commitBefore = made.commit.parentIds[0] ?? null
        outcome.commitAfter = made.commitId
        return made
      },
    )
    report(context, result)
  })
}

function readingOf({ full, verify }: CommitOptions) {
  if (verify) return 'verified'
  return full ? 'all' : 'changed'
}

/** Whoever names tables or schemas wants these alone. */
function wantsSources({ sources, table = [], schema = [] }: CommitOptions): boolean {
  return sources && table.length + schema.length === 0
}

function selectionOf(options: CommitOptions): Selection {
  return {
    tables: options.table ?? [],
    excludeTables: options.excludeTable ?? [],
    excludeTableData: options.excludeTableData ?? [],
    schemas: options.schema ?? [],
    excludeSchemas: options.excludeSchema ?? [],
  }
}

function report(context: Context, result: CommitResult): void {
  const { options, output } = context
  const { commit, commitId, totals, refName, reading } = result
  if (reading.mismatches.length > 0) {
    context.exitCode = ExitCode.different
    output.note(
      `error: WAL summaries did not name tables that have changed: ${reading.mismatches.map(printable).join(', ')}`,
      `hint: this commit holds what was read and is right; commits before it may not be. Use --full, and please report it`,
    )
  }
  if (options.json) {
    output.json<CommitJson>({
      commitId,
      treeId: commit.treeId,
      parentIds: commit.parentIds,
      refName,
      isUnchanged: result.isUnchanged,
      message: commit.message,
      notCaptured: commit.notCaptured,
      sources: commit.sources ?? [],
      reading,
      totals,
    })
    return
  }
  for (const left of commit.notCaptured) {
    output.note(
      `warning: not captured: ${printable(left.kind)} ${printable(left.name)}: ${printable(left.reason)}`,
    )
  }
  const branch = refName === null ? 'detached HEAD' : refName.replace(/^refs\/heads\//, '')
  const root = commit.parentIds.length === 0 ? ' (root commit)' : ''
  const { colors } = output
  output.result(
    `[${printable(branch)}${root} ${colors.yellow(shortId(commitId))}] ${titleOf(commit)}`,
    ` ${formatQuantity(totals.tableCount, 'table')}, ${formatQuantity(totals.rowCount, 'row')}, ` +
      formatSize(totals.rowSizeBytes) +
      describeReading(reading),
    ...(commit.sources ?? []).map(
      (source) => ` ${printable(source.name)}: ${formatSize(sizeBytesOf(source))}`,
    ),
    result.isUnchanged
      ? ` nothing changed since its parent, read in ${formatDuration(totals.elapsedMs)}`
      : ` ${formatSize(totals.storedSizeBytes)} stored in ` +
          `${formatQuantity(totals.newObjectCount, 'new object')}, ${formatDuration(totals.elapsedMs)}`,
  )
  if (commit.parentIds.length === 0) output.note('', ...FIRST_STEPS)
}

function describeReading({
  unreadTables,
  partlyReadTables,
  baseId,
}: CommitResult['reading']): string {
  if (baseId === null) return ''
  const unread =
    unreadTables.length === 0
      ? ''
      : `; ${formatQuantity(unreadTables.length, 'table')} not read, unchanged since ${shortId(baseId)}`
  const partlyRead =
    partlyReadTables.length === 0
      ? ''
      : `; ${formatQuantity(partlyReadTables.length, 'table')} read where changed since ${shortId(baseId)}`
  return unread + partlyRead
}

/** For whoever has just made their first commit. */
const FIRST_STEPS = [
  'Next:  snap status          what has changed in the database since',
  '       snap checkout HEAD   shows what it takes to bring this state back, asks, and does it',
  '       snap ui              commits, tables, rows and differences on the whole screen',
]
