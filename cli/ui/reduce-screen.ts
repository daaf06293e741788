import type { Action } from './action.ts'
import { AT_TOP } from './scroll.ts'
import type { CheckoutScreen, CommitScreen, LogScreen, Screen } from './state.ts'

/** Pure: one screen after an action; the same where the action is not for its kind. */
export function reduceScreen(screen: Screen, action: Action): Screen {
  if (action.kind === 'failed') return fail(screen, action.lines)
  switch (screen.kind) {
    case 'log':
      return reduceLog(screen, action)
    case 'commit':
      return reduceCommit(screen, action)
    case 'diff':
      if (action.kind === 'diffProgressed') return { ...screen, progress: action.progress }
      return action.kind === 'diffLoaded' ? { ...screen, found: action.found } : screen
    case 'rows':
      if (action.kind !== 'rowsLoaded') return screen
      return {
        ...screen,
        changes: [...screen.changes, ...action.changes],
        isComplete: action.isComplete,
      }
    case 'table':
      if (action.kind === 'pageLoaded') {
        const { page, columns, rowCount } = action
        return { ...screen, page, columns, rowCount }
      }
      if (action.kind === 'againstChanged') {
        return { ...screen, against: action.against, changes: null }
      }
      if (action.kind === 'marksLoaded') {
        // Another commit may have been chosen while this one was compared.
        return action.against === screen.against ? { ...screen, changes: action.changes } : screen
      }
      if (action.kind === 'movedColumn') {
        const last = Math.max(0, screen.columns.length - 1)
        const firstColumn = Math.min(Math.max(0, screen.firstColumn + action.by), last)
        return { ...screen, firstColumn }
      }
      return screen
    case 'text':
      return screen
    case 'checkout':
      return reduceCheckout(screen, action)
    case 'operations':
      return action.kind === 'operationsLoaded'
        ? { ...screen, operations: action.operations }
        : screen
    case 'store':
      if (action.kind === 'storeLoaded') return { ...screen, lines: action.lines }
      if (action.kind === 'jobBegun') {
        return { ...screen, job: { kind: action.job, progress: '', lines: null } }
      }
      if (screen.job === null) return screen
      if (action.kind === 'jobProgressed') {
        return { ...screen, job: { ...screen.job, progress: action.progress } }
      }
      return action.kind === 'jobFinished'
        ? { ...screen, job: { ...screen.job, lines: action.lines } }
        : screen
  }
}

function fail(screen: Screen, lines: readonly string[]): Screen {
  if (screen.kind !== 'checkout') return { ...screen, failure: lines }
  // What was planned stays to be read above what went wrong.
  const before = screen.lines.length === 0 ? [] : [...screen.lines, '']
  const all = [...before, ...lines]
  return { ...screen, lines: all, stage: { kind: 'ended' }, scroll: atEnd(all) }
}

function reduceLog(screen: LogScreen, action: Action): LogScreen {
  switch (action.kind) {
    case 'commitsLoaded':
      if (action.reading !== screen.wantedReading) return screen
      return {
        ...screen,
        reading: action.reading,
        entries:
          action.reading === screen.reading
            ? [...screen.entries, ...action.entries]
            : action.entries,
        isComplete: action.isComplete,
      }
    case 'reloaded':
      return { ...screen, wantedReading: screen.wantedReading + 1 }
    case 'typingBegun':
      return { ...screen, isTyping: true }
    case 'typingEnded':
      return { ...screen, isTyping: false, filter: action.isKept ? screen.filter : '' }
    case 'typed':
      return { ...screen, filter: screen.filter + action.text, scroll: AT_TOP }
    case 'erased':
      return { ...screen, filter: withoutLast(screen.filter), scroll: AT_TOP }
    case 'markToggled': {
      const { commitId } = action
      const others = screen.marked.filter((id) => id !== commitId)
      const isMarked = others.length < screen.marked.length
      // Of more than two the newest marks count.
      return { ...screen, marked: isMarked ? others : [...others, commitId].slice(-2) }
    }
    default:
      return screen
  }
}

const TABS: readonly CommitScreen['tab'][] = ['tables', 'schema', 'about']

function reduceCommit(screen: CommitScreen, action: Action): CommitScreen {
  if (action.kind === 'commitLoaded') {
    return { ...screen, details: action.details, parentId: action.parentId }
  }
  if (action.kind !== 'tabChanged') return screen
  const tab = TABS[(TABS.indexOf(screen.tab) + 1) % TABS.length]!
  return { ...screen, tab, scroll: AT_TOP }
}

function reduceCheckout(screen: CheckoutScreen, action: Action): CheckoutScreen {
  switch (action.kind) {
    case 'planned':
      return { ...screen, plan: action.plan, lines: action.lines, stage: action.stage }
    case 'typed':
      return { ...screen, typed: screen.typed + action.text }
    case 'erased':
      return { ...screen, typed: withoutLast(screen.typed) }
    case 'confirmed':
      return { ...screen, stage: { kind: 'applying' }, progress: null }
    case 'stopped':
      return { ...screen, stage: { kind: 'stopping' } }
    case 'progressed':
      return { ...screen, progress: action.progress, progressAtMs: action.atMs }
    case 'finished': {
      const lines = [...screen.lines, '', ...action.lines]
      const stage = { kind: 'done', canUndo: action.canUndo } as const
      return { ...screen, lines, stage, scroll: atEnd(lines) }
    }
    default:
      return screen
  }
}

/** `refit` brings it back to where the last line is on the screen. */
const atEnd = (lines: readonly string[]) => ({ cursor: lines.length, top: lines.length })

function withoutLast(text: string): string {
  const characters = [...new Intl.Segmenter().segment(text)]
  return characters
    .slice(0, -1)
    .map(({ segment }) => segment)
    .join('')
}
