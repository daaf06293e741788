import type { ObjectId } from '../../src/index.ts'
import { listHeight } from './items.ts'
import type { Screen, TableName, UiState } from './state.ts'

/** Something a screen shows that is not there yet. */
export type Load =
  | { kind: 'commits'; reading: number; count: number }
  | { kind: 'commit'; commitId: ObjectId }
  | { kind: 'diff'; before: ObjectId; after: ObjectId | null }
  | { kind: 'rows'; diffScreenId: number; table: TableName; count: number }
  | { kind: 'page'; commitId: ObjectId; table: TableName; firstRow: number; rowCount: number }
  | { kind: 'marks'; commitId: ObjectId; table: TableName; against: ObjectId }
  | { kind: 'checkout'; commitId: ObjectId | null }
  | { kind: 'operations' }
  | { kind: 'store' }
  | { kind: 'job'; job: 'fsck' | 'prune' }

/** What a screen lacks. Pure: whoever loads it asks again when it has come. */
export function wantedLoads(state: UiState, screen: Screen): Load[] {
  if (screen.failure !== null) return []
  switch (screen.kind) {
    case 'log': {
      const { reading, wantedReading, wantedCount, entries } = screen
      if (reading !== wantedReading) {
        return [{ kind: 'commits', reading: wantedReading, count: wantedCount }]
      }
      const count = wantedCount - entries.length
      return screen.isComplete || count <= 0 ? [] : [{ kind: 'commits', reading, count }]
    }
    case 'commit':
      return screen.details === null ? [{ kind: 'commit', commitId: screen.commitId }] : []
    case 'diff': {
      const { before, after, found } = screen
      return found === null ? [{ kind: 'diff', before, after }] : []
    }
    case 'rows': {
      const count = screen.wantedCount - screen.changes.length
      const { diffScreenId, table } = screen
      return screen.isComplete || count <= 0 ? [] : [{ kind: 'rows', diffScreenId, table, count }]
    }
    case 'table':
      return wantedRows(state, screen)
    case 'checkout': {
      const { stage, commitId } = screen
      return stage.kind === 'planning' ? [{ kind: 'checkout', commitId }] : []
    }
    case 'operations':
      return screen.operations === null ? [{ kind: 'operations' }] : []
    case 'store':
      return [
        ...(screen.lines === null ? [{ kind: 'store' } as const] : []),
        ...(screen.job !== null && screen.job.lines === null
          ? [{ kind: 'job', job: screen.job.kind } as const]
          : []),
      ]
    case 'text':
      return []
  }
}

/** A page is the screen and as much on either side, so that most keys find their rows there. */
function wantedRows(state: UiState, screen: Extract<Screen, { kind: 'table' }>): Load[] {
  const { commitId, table, against, page, changes, rowCount } = screen
  const height = listHeight(state, screen)
  const { top } = screen.scroll
  const last = Math.min(top + height, rowCount ?? Number.POSITIVE_INFINITY)
  const isThere = page !== null && page.firstRow <= top && page.firstRow + page.rows.length >= last
  const firstRow = Math.max(0, top - height)
  return [
    ...(isThere
      ? []
      : [{ kind: 'page', commitId, table, firstRow, rowCount: 3 * height } as const]),
    ...(against === null || changes !== null
      ? []
      : [{ kind: 'marks', commitId, table, against } as const]),
  ]
}
