import { join, resolve } from 'node:path'
import { Option } from 'commander'
import {
  type Commit,
  type ExportOptions,
  formatPlainDump,
  formatTableRows,
  type ObjectId,
  resolveRevision,
  SnapError,
  type Store,
  shortId,
  type Tree,
} from '../../src/index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { createDirectory, type NewFile, writeNewFile } from '../new-file.ts'
import { printable } from '../output/printable.ts'
import { formatQuantity, formatSize } from '../output/units.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface ExportFlags {
  format: 'plain' | 'directory'
  output?: string
  owner: boolean
  privileges: boolean
}

interface Exported {
  commitId: ObjectId
  commit: Commit
  tree: Tree
}

export const defineExport: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Writes a commit so that other tools can read it, without a database: as SQL that psql ' +
      'loads into an empty database, in one transaction; or as a directory with one CSV file a ' +
      'table, and the rest in schema.sql. Roles and tablespaces that the commit names must exist ' +
      'where the SQL is loaded; --no-owner and --no-privileges leave them out. A file or ' +
      'directory that exists is not overwritten.',
    examples: [
      ['snap export HEAD | psql shop_copy', 'into an empty database'],
      ['snap export v1 --output v1.sql', 'into a file'],
      ['snap export v1 --format directory --output v1', 'v1/schema.sql and a CSV for each table'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.refused,
      ExitCode.backend,
    ],
    jsonKeys: ['commitId', 'output', 'fileCount', 'sizeBytes'],
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

  if (path === undefined) {
    for await (const piece of formatPlainDump(store.objects, exported, {
      ...settings,
      withRows: true,
    })) {
      io.signal.throwIfAborted()
      await output.resultBytes(piece)
    }
    return
  }
  const files =
    flags.format === 'plain'
      ? [
          {
            path,
            pieces: formatPlainDump(store.objects, exported, { ...settings, withRows: true }),
          },
        ]
      : await planDirectory(store, exported, { path, settings })
  let sizeBytes = 0
  for (const file of files) sizeBytes += await writeNewFile(file, io.signal)
  if (options.json) {
    output.json({ commitId, output: path, fileCount: files.length, sizeBytes })
  } else {
    output.note(
      `Wrote ${shortId(commitId)} to ${printable(path)}: ` +
        `${formatQuantity(files.length, 'file')}, ${formatSize(sizeBytes)}`,
    )
  }
}

async function planDirectory(
  store: Store,
  exported: Exported,
  { path, settings }: { path: string; settings: Omit<ExportOptions, 'withRows'> },
): Promise<NewFile[]> {
  await createDirectory(path)
  const { objects } = store
  return [
    {
      path: join(path, 'schema.sql'),
      pieces: formatPlainDump(objects, exported, { ...settings, withRows: false }),
    },
    ...exported.tree.tables
      .filter(({ rows }) => rows !== null)
      .map((table) => ({
        path: join(path, `${fileNameOf(table.namespace)}.${fileNameOf(table.name)}.csv`),
        pieces: formatTableRows(objects, table, 'csv'),
      })),
  ]
}

/** What a file system or a shell may not like, and the dot that parts the names, as `%2E`. */
function fileNameOf(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N}_-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
