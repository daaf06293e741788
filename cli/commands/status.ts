import { diffStates, type ObjectId, type StateDiff, type Store } from '../../src/index.ts'
import { chooseTables, type LiveFlags, withComparison } from '../compared-states.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { giveHint } from '../hint.ts'
import { collect, parseCount, parseDurationMs } from '../options.ts'
import { formatStateDiff } from '../output/diff-text.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface StatusFlags extends LiveFlags {
  table: string[]
}

export interface StatusJson extends StateDiff {
  /** The commit HEAD is at. */
  commitId: ObjectId | null
}

export const defineStatus: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Tells what differs between the database as it is now and the commit HEAD is at: rows ' +
      'inserted, deleted and updated in each table, schema entries, sequences, large objects, and ' +
      'what is configured of other datastores. ' +
      'The database is read as for a commit, unchanged tables not at all where the server keeps WAL ' +
      'summaries, and nothing is stored. Ends with 1 when something ' +
      'differs.',
    examples: [
      ['snap status', 'what has changed since the last commit'],
      ["snap status --table 'sales.*'", 'rows of some tables alone; schema entries still of all'],
      ['snap status -q && echo clean', 'for scripts: the exit code tells'],
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
    seeAlso: ['snap diff', 'snap commit', 'snap check'],
  })
    .option(
      '--table <pattern>',
      'rows of these tables only; a pattern as psql has them',
      collect,
      [],
    )
    .option('--full', 'read every table, whatever WAL summaries say')
    .option('--jobs <count>', 'connections that read at once', parseCount)
    .option(
      '--lock-timeout <duration>',
      'how long to wait for a lock (default 10s)',
      parseDurationMs,
    )
    .action((flags: StatusFlags) => withStore(context, (store) => status(context, store, flags)))
}

async function status(context: Context, store: Store, flags: StatusFlags): Promise<void> {
  const { io, options, output } = context
  const wanted = { revisions: [], live: flags, withSources: true }
  await withComparison(context, store, wanted, async (comparison) => {
    const { before, after, scratchDirectory } = comparison
    const diff = await diffStates(before, after, {
      scratchDirectory,
      isWanted: chooseTables(flags.table, { before, after }),
      signal: io.signal,
    })
    if (!diff.isEqual) context.exitCode = ExitCode.different
    if (options.json) {
      output.json<StatusJson>({ commitId: before.commitId, ...diff })
    } else if (diff.isEqual) {
      output.result(`Nothing has changed in ${after.label} since ${before.label}`)
    } else {
      output.result(
        `Changes in ${after.label} since ${before.label}:`,
        '',
        ...formatStateDiff(diff, output.style),
      )
      await giveHint(
        context,
        store,
        "'snap diff HEAD --rows' shows the rows, 'snap commit' keeps this state, " +
          "'snap checkout HEAD' returns to the commit",
      )
    }
  })
}
