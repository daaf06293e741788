import { Option } from 'commander'
import {
  formatTableRows,
  type RowFormat,
  resolveRevision,
  type Store,
} from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findTable, parseTableArgument } from '../find-table.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

export const defineCat: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      "Prints a table's rows as a commit holds them, in the order in which they were stored, " +
      'without a database. CSV is what COPY … (FORMAT csv, HEADER) writes: an empty field is ' +
      'null, "" an empty text. JSON lines hold values as strings, as PostgreSQL prints them. ' +
      'Names are written as in SQL, quoted where they hold a dot, a colon or a quote.',
    examples: [
      ['snap cat HEAD:orders > orders.csv', 'with a header line'],
      ['snap cat HEAD~2:public.orders --format jsonl', 'one JSON object a row'],
      [`snap cat 'v1:"My Schema".orders' --format copy`, 'what COPY … FROM stdin takes'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    jsonKeys: ['the columns of the table; as --format jsonl'],
  })
    .argument('<table>', 'REVISION:schema.table')
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
  { io, options, output }: Context,
  store: Store,
  argument: string,
  format: RowFormat,
): Promise<void> {
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
