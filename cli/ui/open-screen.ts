import type { Opening } from './action.ts'
import { AT_TOP } from './scroll.ts'
import { LOG_PAGE, type Screen } from './state.ts'

/** Makes a screen that has loaded nothing yet. */
export function openScreen(id: number, what: Opening): Screen {
  const base = { id, scroll: AT_TOP, failure: null }
  switch (what.kind) {
    case 'commit':
      return { ...base, ...what, parentId: null, tab: 'tables', details: null }
    case 'diff':
      return { ...base, ...what, progress: '', found: null }
    case 'rows':
      return { ...base, ...what, changes: [], isComplete: false, wantedCount: LOG_PAGE }
    case 'table':
      return {
        ...base,
        ...what,
        columns: [],
        rowCount: null,
        page: null,
        changes: null,
        firstColumn: 0,
      }
    case 'text':
      return { ...base, ...what }
    case 'checkout':
      return {
        ...base,
        ...what,
        stage: { kind: 'planning' },
        plan: null,
        lines: [],
        typed: '',
        progress: null,
        progressAtMs: 0,
      }
    case 'operations':
      return { ...base, ...what, operations: null }
    case 'store':
      return { ...base, ...what, lines: null, job: null }
  }
}
