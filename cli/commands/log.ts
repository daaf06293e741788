import {
  type Commit,
  type CommitWithId,
  type ObjectId,
  orderHistory,
  walkCommits,
} from '../../src/store-index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import { findHistoryRange, type HistoryRange } from '../history-range.ts'
import { namesOf, readDecorations } from '../names.ts'
import { parseCount } from '../options.ts'
import { CommitGraph } from '../output/commit-graph.ts'
import { type TreeTotals, totalsOf } from '../output/commit-text.ts'
import { formatLogEntry, formatLogLines } from '../output/log-text.ts'
import { pageOutput } from '../pager.ts'
import { withStore } from '../store.ts'
import { type DefineCommand, describeCommand } from './command.ts'

interface LogOptions {
  oneline?: true
  graph?: true
  maxCount?: number
  all?: true
}

/** One commit, a line. */
export interface LogJson {
  commitId: ObjectId
  /** What points at it: `HEAD -> main`, `tag: v1`. */
  names: readonly string[]
  totals: TreeTotals
  /** How many commits between it and the next line were pruned. */
  prunedCount: number
  commit: Commit
}

export const defineLog: DefineCommand = (command, context) => {
  describeCommand(command, {
    description:
      'Lists the commits that the revisions (HEAD when none is given) lead back to, newest first, ' +
      'with the rows and bytes each holds, and where commits in between were pruned. Under --json ' +
      'every commit is one line. REVISION..REVISION lists what led to the second and not to the ' +
      'first, ^REVISION leaves out what led to it.',
    examples: [
      ['snap log', 'everything that led to HEAD'],
      ['snap log --oneline -n 10', 'the last ten, one line each'],
      ['snap log --all --graph', 'from every branch and tag, with lines to their ancestors'],
      ['snap log v1..main', 'what came after v1'],
      ['snap log --date=iso', 'with times in figures alone'],
    ],
    exitCodes: [
      ExitCode.done,
      ExitCode.usage,
      ExitCode.noStore,
      ExitCode.damaged,
      ExitCode.backend,
    ],
    seeAlso: ['snap show', 'snap diff', 'snap reflog', 'snap ops', 'snap help revisions'],
  })
    .argument('[revision...]', 'where to begin, or a range')
    .option('--oneline', 'one line a commit')
    .option('--graph', 'draw lines from commits to their ancestors beside the list')
    .option('-n, --max-count <count>', 'at most this many', parseCount)
    .option('--all', 'begin at every branch and tag too')
    .action((revisions: string[], options: LogOptions) => log(context, revisions, options))
}

async function log(context: Context, revisions: string[], options: LogOptions): Promise<void> {
  const { io, output } = context
  await withStore(context, async (store) => {
    await pageOutput(context)
    const range = await findHistoryRange(store, {
      revisions,
      isAll: options.all === true,
      now: io.now(),
      signal: io.signal,
    })
    const { hiddenIds } = range
    const walk = walkCommits(store, range.startIds, { signal: io.signal, hiddenIds })
    const graph = options.graph
      ? new CommitGraph({ maxLanes: Number.POSITIVE_INFINITY })
      : undefined
    const decorations = await readDecorations(store)
    let separator: string[] = []
    let count = 0
    for await (const entry of graph === undefined ? walk : inGraphOrder(walk, range)) {
      const { id, commit, prunedCount } = entry
      const names = decorations.get(id) ?? []
      if (options.oneline && !context.options.json) {
        await output.resultLines(...formatLogLines({ ...entry, names }, output.style, graph))
      } else {
        const totals = totalsOf(await store.objects.readTree(commit.treeId))
        if (context.options.json) {
          await output.jsonLine<LogJson>({
            commitId: id,
            names: namesOf(names),
            totals,
            prunedCount,
            commit,
          })
        } else {
          const lines = formatLogEntry({ ...entry, names, totals }, output.style, graph)
          // The empty line at the end stands between entries: it is written when another one follows.
          await output.resultLines(...separator, ...lines.slice(0, -1))
          separator = lines.slice(-1)
        }
      }
      count += 1
      if (count === options.maxCount) break
    }
  })
}

/** Lines lead down: no commit may come before one that leads to it, whatever their clocks say. */
async function* inGraphOrder(
  walk: AsyncIterable<CommitWithId>,
  { hiddenIds }: HistoryRange,
): AsyncGenerator<CommitWithId> {
  const found: CommitWithId[] = []
  for await (const entry of walk) {
    // No line leads to what is not listed.
    const ancestorIds = entry.ancestorIds.filter((id) => !hiddenIds.has(id))
    found.push({ ...entry, ancestorIds })
  }
  yield* orderHistory(found)
}
