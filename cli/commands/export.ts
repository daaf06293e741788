import { join, resolve } from 'node:path'
import { Option } from 'commander'
import {
  exportSources,
  formatPlainDump,
  listExportFiles,
  type ObjectId,
  resolveRevision,
  SnapError,
  type Store,
  shortId,
} from '../../src/index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { writeNewDirectory, writeNewFile } from '../new-file.ts'
import { printable } from '../output/printable.ts'
import { formatQuantity, formatSize } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface ExportFlags {
  format: 'plain' | 'directory'
  output?: string
  owner: boolean
  privileges: boolean
  sources: boolean
}

/** With --output; what goes to standard output is no JSON. */
export interface ExportJson {
  commitId: ObjectId
  /** The file or directory. */
  output: string
  fileCount: number
  sizeBytes: number
}

export const defineExport: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Writes a commit so that other tools can read it, without a database: as SQL that psql ' +
      'loads into an empty database, in one transaction; or as a directory with one CSV file a ' +
      'table, the rest in schema.sql, and load.sql, which psql runs in that directory to load it all. Roles and tablespaces that the commit names must exist ' +
      'where the SQL is loaded; --no-owner and --no-privileges leave them out. A file or ' +
      'directory that exists is not overwritten, and one that could not be finished is taken away ' +
      'again; what went to standard output until then ends without a COMMIT, so psql loads nothing. ' +
      'Other datastores of the commit are in the directory, below sources/: files as they were, and ' +
      'what a dump command wrote as one file. SQL holds none of them.',
    examples: [
      ['snap export HEAD | psql shop_copy', 'into an empty database'],
      ['snap export v1 --output v1.sql', 'into a file'],
      ['snap export v1 --format directory --output v1', 'v1/load.sql and a CSV for each table'],
      ['cd v1 && psql shop_copy --file load.sql', 'load it again'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.refused,
      ExitCode.backend,
    ],
    seeAlso: ['snap cat', 'snap checkout', 'snap import', 'snap help recovery'],
  })
    .argument('[revision]', 'the commit', 'HEAD')
    .addOption(
      new Option('--format <how>', 'what to write')
        .choices(['plain', 'directory'])
        .default('plain'),
    )
    .option('--output <path>', 'write there instead of to standard output')
    .option('--no-owner', 'leave out who owns what')
    .option('--no-privileges', 'leave out grants')
    .option('--no-sources', 'leave out other datastores')
    .action((revision: string, flags: ExportFlags) =>
      withStore(context, (store) => exportCommit(context, store, revision, flags)),
    )
}

async function exportCommit(
  context: Context,
  store: Store,
  revision: string,
  flags: ExportFlags,
): Promise<void> {
  const { io, options, output } = context
  const path = flags.output === undefined ? undefined : resolve(io.workingDirectory, flags.output)
  if (path === undefined && (options.json || flags.format === 'directory')) {
    const what = options.json ? '--json' : '--format directory'
    throw new SnapError('USAGE', `${what} needs --output`, { argument: '--output' })
  }
  context.interruptedState = 'what was written is not complete'
  const commitId = await resolveRevision(store, revision, { now: io.now() })
  const commit = await store.objects.readCommit(commitId)
  const exported = { commitId, commit, tree: await store.objects.readTree(commit.treeId) }
  const settings = { withOwners: flags.owner, withPrivileges: flags.privileges }
  const sources = flags.sources ? (commit.sources ?? []) : []
  if (flags.format === 'plain' && sources.length > 0) {
    const names = sources.map(({ name }) => printable(name)).join(', ')
    output.note(`Not in the SQL: source ${names}; --format directory writes them`)
  }
  const whole = { ...settings, rows: () => 'inline' as const }

  if (path === undefined) {
    for await (const piece of formatPlainDump(store.objects, exported, whole)) {
      io.signal.throwIfAborted()
      await output.resultBytes(piece)
    }
    return
  }
  context.interruptedState = `'${printable(path)}' was taken away again`
  let fileCount = 1
  let sizeBytes = 0
  if (flags.format === 'plain') {
    const pieces = formatPlainDump(store.objects, exported, whole)
    sizeBytes = await writeNewFile({ path, pieces }, io.signal)
  } else {
    const files = listExportFiles(store.objects, exported, settings)
    fileCount = files.length
    sizeBytes = await writeNewDirectory(path, files, io.signal, async () => {
      if (sources.length === 0) return 0
      const target = { directory: join(path, 'sources'), signal: io.signal }
      const written = await exportSources(store.objects, sources, target)
      fileCount += written.fileCount
      return written.sizeBytes
    })
  }
  if (options.json) {
    output.json<ExportJson>({ commitId, output: path, fileCount, sizeBytes })
  } else {
    output.note(
      `Wrote ${shortId(commitId)} to ${printable(path)}: ` +
        `${formatQuantity(fileCount, 'file')}, ${formatSize(sizeBytes)}`,
    )
  }
}
