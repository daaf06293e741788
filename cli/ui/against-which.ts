import type { ObjectId } from '../../src/index.ts'
import type { TableScreen, UiState } from './state.ts'

/**
 * The commit that a table's changed rows are told from next, round in a circle: the parent, the commits that
 * are marked in the log, the newest in it. Undefined where there is none but the one that is.
 */
export function againstWhich(
  { screens }: UiState,
  { commitId, against }: Pick<TableScreen, 'commitId' | 'against'>,
): ObjectId | undefined {
  const log = screens.find((screen) => screen.kind === 'log')
  if (log === undefined) return undefined
  const parents = log.entries.find(({ id }) => id === commitId)?.ancestorIds ?? []
  const newest = log.entries.slice(0, 1).map(({ id }) => id)
  const all = new Set([...parents.slice(0, 1), ...log.marked, ...newest])
  all.delete(commitId)
  const candidates = [...all]
  const next =
    candidates[(against === null ? 0 : candidates.indexOf(against) + 1) % candidates.length]
  return next === against ? undefined : next
}
