import { type Commit, type ObjectId, shortId, walkCommits } from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { readDecorations } from '../names.ts'
import { parseCount } from '../options.ts'
import {
  formatAuthorAndDate,
  formatCommitLine,
  formatMessage,
  formatMigrations,
  formatNames,
  formatTotals,
  type TreeTotals,
  titleOf,
  totalsOf,
} from '../output/commit-text.ts'
import { printable } from '../output/printable.ts'
import { formatQuantity } from '../output/units.ts'
import { findStartIds } from '../start-ids.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface LogOptions {
  oneline?: true
  maxCount?: number
  all?: true
}

export const defineLog: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Lists the commits that the revisions (HEAD when none is given) lead back to, newest first, ' +
      'with the rows and bytes each holds, and where commits in between were pruned. Under --json ' +
      'every commit is one line.',
    examples: [
      ['snap log', 'everything that led to HEAD'],
      ['snap log --oneline -n 10', 'the last ten, one line each'],
      ['snap log --all', 'from every branch and tag'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    jsonKeys: ['commitId', 'names', 'totals', 'prunedCount', 'commit'],
  })
    .argument('[revision...]', 'where to begin')
    .option('--oneline', 'one line a commit')
    .option('-n, --max-count <count>', 'at most this many', parseCount)
    .option('--all', 'begin at every branch and tag too')
    .action((revisions: string[], options: LogOptions) => log(context, revisions, options))
}

async function log(context: Context, revisions: string[], options: LogOptions): Promise<void> {
  const { io, output } = context
  await withStore(context, async (store) => {
    const startIds = await findStartIds(store, {
      revisions,
      isAll: options.all === true,
      now: io.now(),
    })
    const decorations = await readDecorations(store)
    let count = 0
    for await (const { id, commit, prunedCount } of walkCommits(store, startIds, {
      signal: io.signal,
    })) {
      const names = decorations.get(id) ?? []
      // A tree of many tables takes longer to read than all else that is told of a commit.
      const readTotals = async () => totalsOf(await store.objects.readTree(commit.treeId))
      if (context.options.json) {
        const totals = await readTotals()
        await output.jsonLine({ commitId: id, names, totals, prunedCount, commit })
      } else if (options.oneline) {
        const { colors } = output
        await output.resultLines(
          `${colors.yellow(shortId(id))}${formatNames(names, colors)} ${titleOf(commit)}`,
        )
      } else {
        const separator = count === 0 ? [] : ['']
        await output.resultLines(
          ...separator,
          ...formatEntry({ id, commit, names, totals: await readTotals() }, context),
        )
      }
      if (prunedCount > 0 && !context.options.json) {
        const indent = options.oneline ? '' : '\n'
        const passed = `${formatQuantity(prunedCount, 'commit')} pruned here`
        await output.resultLines(indent + output.colors.dim(`… ${passed}`))
      }
      count += 1
      if (count === options.maxCount) break
    }
  })
}

function formatEntry(
  entry: { id: ObjectId; commit: Commit; names: readonly string[]; totals: TreeTotals },
  { io, output }: Context,
): string[] {
  const { commit } = entry
  const { name, serverVersion } = commit.database
  return [
    formatCommitLine(entry.id, entry.names, output.colors),
    ...(commit.parentIds.length > 1
      ? [`Parents:    ${commit.parentIds.map(shortId).join(' ')}`]
      : []),
    ...formatAuthorAndDate(commit, io.now()),
    `Database:   ${printable(name)}, PostgreSQL ${printable(serverVersion)}`,
    `Holds:      ${formatTotals(entry.totals)}`,
    ...formatMigrations(commit),
    ...formatMessage(commit),
  ]
}
