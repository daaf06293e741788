import { Option } from 'commander'
import {
  type FileEntry,
  formatTableRows,
  listSourceFiles,
  type RowFormat,
  readSourceFile,
  readSourceOutput,
  resolveRevision,
  SnapError,
  type Store,
} from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findTable, parseTableArgument } from '../find-table.ts'
import { formatFileEntry } from '../output/source-text.ts'
import { pageOutput } from '../pager.ts'
import { findSource, parseSourceArgument, type SourceArgument } from '../source-argument.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

/** One line each: rows of a table, what a dump command wrote, or the paths of a directory. */
export type CatJson = CatRowJson | CatOutputJson | FileEntry

/** The columns of the table, as --format jsonl. */
export type CatRowJson = Record<string, string | null>

export interface CatOutputJson {
  kind: 'command'
  sizeBytes: number
}

export const defineCat: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      "Prints a table's rows as a commit holds them, in the order in which they were stored, " +
      'without a database. CSV is what COPY … (FORMAT csv, HEADER) writes: an empty field is ' +
      'null, "" an empty text. JSON lines hold values as strings, as PostgreSQL prints them. ' +
      'Names are written as in SQL, quoted where they hold a dot, a colon or a quote. ' +
      'REVISION:source:NAME is another datastore of the commit: what its dump command wrote, or its ' +
      'files as a list; with /PATH behind it, the contents of that file or the list of that directory.',
    examples: [
      ['snap cat HEAD:orders > orders.csv', 'with a header line'],
      ['snap cat HEAD~2:public.orders --format jsonl', 'one JSON object a row'],
      [`snap cat 'v1:"My Schema".orders' --format copy`, 'what COPY … FROM stdin takes'],
      ['snap cat HEAD:source:uploads', 'the files of a source: mode, bytes, when written, path'],
      ['snap cat HEAD:source:uploads/a.png > a.png', 'one of them, as it was'],
      ['snap cat HEAD~3:source:redis | redis-cli --pipe', 'what the dump command wrote'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap export', 'snap show', 'snap diff', 'snap help revisions'],
  })
    .argument('<table>', 'REVISION:schema.table, or REVISION:source:NAME[/PATH]')
    .addOption(
      new Option('--format <how>', 'how rows are written')
        .choices(['csv', 'jsonl', 'copy'])
        .default('csv'),
    )
    .action((table: string, { format }: { format: RowFormat }) =>
      withStore(context, (store) => cat(context, store, table, format)),
    )
}

async function cat(
  context: Context,
  store: Store,
  argument: string,
  format: RowFormat,
): Promise<void> {
  const { io, options, output } = context
  const source = parseSourceArgument(argument)
  await pageOutput(context)
  if (source !== undefined) return catSource(context, store, source)
  const wanted = parseTableArgument(argument)
  const commitId = await resolveRevision(store, wanted.revision, { now: io.now() })
  const { treeId } = await store.objects.readCommit(commitId)
  const table = findTable(await store.objects.readTree(treeId), wanted)
  const pieces = formatTableRows(store.objects, table, options.json ? 'jsonl' : format)
  for await (const piece of pieces) {
    io.signal.throwIfAborted()
    await output.resultBytes(piece)
  }
}

async function catSource(context: Context, store: Store, argument: SourceArgument): Promise<void> {
  const { io, options, output } = context
  const { revision, name, path } = argument
  const commitId = await resolveRevision(store, revision, { now: io.now() })
  const { sources = [] } = await store.objects.readCommit(commitId)
  const source = findSource(sources, argument)
  const print = async (pieces: AsyncIterable<Uint8Array>) => {
    for await (const piece of pieces) {
      io.signal.throwIfAborted()
      await output.resultBytes(piece)
    }
  }
  if (source.kind === 'command') {
    if (path !== '') throw noSuchPath(argument, `'${name}' is the output of a command`)
    const { kind, output: stored } = source
    if (options.json) return output.jsonLine<CatOutputJson>({ kind, sizeBytes: stored.sizeBytes })
    return print(readSourceOutput(store.objects, source))
  }
  let isFound = path === ''
  for await (const file of listSourceFiles(store.objects, source, path, { signal: io.signal })) {
    const { entry } = file
    isFound = true
    io.signal.throwIfAborted()
    if (options.json) await output.jsonLine<FileEntry>(entry)
    else if (entry.kind === 'file' && file.isNamed) {
      await print(readSourceFile(store.objects, source, file))
    } else await output.resultLines(formatFileEntry(entry))
  }
  if (!isFound) throw noSuchPath(argument, `it is not among the files of '${name}'`)
}

function noSuchPath({ revision, name, path }: SourceArgument, reason: string): SnapError {
  return new SnapError(
    'USAGE',
    `there is no '${path}' in source '${name}' of '${revision}': ${reason}`,
    { argument: 'table' },
    { hint: `'snap cat ${revision}:source:${name}' shows what there is` },
  )
}
