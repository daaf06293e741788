import { diffStates, diffTableRows, listChangedTables, type RowChange } from '../../../src/index.ts'
import { type Comparison, withComparison } from '../../compared-states.ts'
import { toReadable } from '../../output/row-change-text.ts'
import type { Job } from '../runner.ts'
import { aborted, contextOf, followProgress, type LoadOf, type Workplace } from './workplace.ts'

/** Compares two states, and keeps them open until the screen is closed: the rows are read from them. */
export async function loadDiff(
  workplace: Workplace,
  { before, after }: LoadOf<'diff'>,
  job: Job,
): Promise<void> {
  const { dispatch, screenId, signal } = job
  const { io } = workplace.context
  const report = followProgress(
    { now: io.now, notice: (notice) => dispatch({ kind: 'noticed', notice }) },
    (_progress, line) => dispatch({ kind: 'diffProgressed', screenId, progress: line }),
  )
  const context = contextOf(workplace, job, { report })
  const wanted = { revisions: [before, after ?? undefined], live: {}, withSources: true }
  await withComparison(context, workplace.store, wanted, async (comparison) => {
    const { scratchDirectory } = comparison
    const diff = await diffStates(comparison.before, comparison.after, { scratchDirectory, signal })
    workplace.comparisons.set(screenId, comparison)
    const labels = [labelOf(comparison.before), labelOf(comparison.after)] as const
    dispatch({ kind: 'diffLoaded', screenId, found: { diff, labels } })
    try {
      await aborted(signal)
    } finally {
      workplace.comparisons.delete(screenId)
    }
  })
}

const labelOf = ({ commitId, label }: Comparison['before']) => commitId?.slice(0, 12) ?? label

/** Reads a table's differing rows, some at a time, and where each load ends the next goes on. */
export function newRowsLoader({ comparisons }: Workplace) {
  const readers = new Map<number, AsyncGenerator<RowChange>>()
  return async (load: LoadOf<'rows'>, { screenId, signal, dispatch }: Job): Promise<void> => {
    const comparison = comparisons.get(load.diffScreenId)
    const pair = comparison && findPair(comparison, load)
    if (comparison === undefined || pair === undefined) {
      dispatch({ kind: 'rowsLoaded', screenId, changes: [], isComplete: true })
      return
    }
    const { before, after, scratchDirectory } = comparison
    const reader =
      readers.get(screenId) ?? diffTableRows(before, after, pair, { scratchDirectory, signal })
    readers.set(screenId, reader)
    const changes = []
    let isComplete = false
    while (changes.length < load.count && !isComplete) {
      const { value, done } = await reader.next()
      if (done === true) isComplete = true
      else changes.push(toReadable(pair, value))
    }
    dispatch({ kind: 'rowsLoaded', screenId, changes, isComplete })
  }
}

function findPair({ before, after }: Comparison, { table }: LoadOf<'rows'>) {
  const [pair] = listChangedTables(
    before,
    after,
    ({ namespace, name }) => namespace === table.namespace && name === table.name,
  )
  return pair
}
