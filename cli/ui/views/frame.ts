import { shortId } from '../../../src/index.ts'
import { printable } from '../../output/printable.ts'
import { formatCount } from '../../output/units.ts'
import { formatHelp, formatKey } from '../help.ts'
import { diffArguments } from '../history-keys.ts'
import { itemCountOf } from '../items.ts'
import { shortKeys } from '../key-map.ts'
import { PREVIEWED_FLAGS } from '../prune-policy.ts'
import { currentScreen, type Screen, type UiState } from '../state.ts'
import { viewCheckout } from './checkout-view.ts'
import { viewCommit } from './commit-view.ts'
import { viewDiff, viewRows } from './diff-view.ts'
import { viewLog } from './log-view.ts'
import { viewTable } from './table-view.ts'
import { viewOperations, viewStore, viewText } from './text-view.ts'
import type { Look } from './view.ts'

/** What is around and in the screen: pure texts, which `App` lays out. */

export function titleOfScreen(state: UiState): string {
  if (state.isHelpOpen) return 'Keys'
  const screen = currentScreen(state)
  const count = itemCountOf(screen, state.size)
  const place =
    count === 0 || screen.kind === 'checkout'
      ? ''
      : `  ${formatCount(Math.min(screen.scroll.cursor + 1, count))}/${formatCount(count)}${isOpenEnded(screen) ? '+' : ''}`
  return nameOf(screen) + place
}

const isOpenEnded = (screen: Screen) =>
  (screen.kind === 'log' || screen.kind === 'rows') && !screen.isComplete

function nameOf(screen: Screen): string {
  switch (screen.kind) {
    case 'log':
      return 'Log'
    case 'commit': {
      const message = screen.details?.commit.message.split('\n', 1)[0] ?? ''
      return `Commit ${shortId(screen.commitId)} ${printable(message)}`
    }
    case 'diff': {
      const [before, after] = screen.found?.labels ?? [
        shortId(screen.before),
        screen.after === null ? 'the database' : shortId(screen.after),
      ]
      return `From ${before} to ${after}`
    }
    case 'rows':
      return `Rows of ${printable(`${screen.table.namespace}.${screen.table.name}`)} that differ`
    case 'table':
      return nameOfTable(screen)
    case 'text':
      return screen.title
    case 'checkout':
      return screen.commitId === null
        ? 'Undo of the last checkout'
        : `Checkout of ${shortId(screen.commitId)}`
    case 'operations':
      return 'Operations'
    case 'store':
      return 'Store'
  }
}

function nameOfTable(screen: Extract<Screen, { kind: 'table' }>): string {
  const { table, commitId, against, changes } = screen
  const name = `${printable(`${table.namespace}.${table.name}`)} in ${shortId(commitId)}`
  if (against === null) return name
  const known =
    changes === null
      ? 'comparing …'
      : `+ ~ differ${changes.isComplete ? '' : ' (the first of them)'}, ` +
        `${formatCount(changes.deletedCount)} gone`
  return `${name}, against ${shortId(against)}: ${known}`
}

export function bodyOfScreen(state: UiState, look: Look): string[] {
  if (state.isHelpOpen) {
    return formatHelp().slice(state.helpScroll.top, state.helpScroll.top + look.height)
  }
  const screen = currentScreen(state)
  if (screen.failure !== null) return [...screen.failure]
  switch (screen.kind) {
    case 'log':
      return viewLog(screen, look)
    case 'commit':
      return viewCommit(screen, look)
    case 'diff':
      return viewDiff(screen, look)
    case 'rows':
      return viewRows(screen, look)
    case 'table':
      return viewTable(screen, look)
    case 'text':
      return viewText(screen, look)
    case 'checkout':
      return viewCheckout(screen, look)
    case 'operations':
      return viewOperations(screen, look)
    case 'store':
      return viewStore(screen, look)
  }
}

/** `? help  Enter open  / filter  …`: what of the keys there is room for, the way to the others first. */
export function keysOfScreen(state: UiState): string {
  let line = ''
  for (const [key, does] of shortKeys(state)) {
    const next = `${line === '' ? '' : `${line}  `}${formatKey(key)} ${does}`
    if (next.length > state.size.columns) break
    line = next
  }
  return line
}

/** The command that tells, or does, the same without the screen. */
export function commandOfScreen(state: UiState): string {
  const screen = currentScreen(state)
  switch (screen.kind) {
    case 'log':
      return 'snap log --all'
    case 'commit':
      return screen.tab === 'schema'
        ? `snap show ${shortId(screen.commitId)}:schema`
        : `snap show ${shortId(screen.commitId)}`
    case 'diff':
      return `snap diff ${diffArguments(screen)} --stat`
    case 'rows':
      return `snap diff ${diffArguments(screen)} --rows --table '${printable(screen.table.name)}'`
    case 'table': {
      const { table, commitId } = screen
      return `snap cat '${shortId(commitId)}:${quote(table.namespace)}.${quote(table.name)}'`
    }
    case 'text':
      return screen.command
    case 'checkout':
      return screen.commitId === null ? 'snap undo' : `snap checkout ${shortId(screen.commitId)}`
    case 'operations':
      return 'snap ops'
    case 'store':
      return screen.job === null
        ? 'snap doctor'
        : screen.job.kind === 'fsck'
          ? 'snap fsck'
          : `snap prune ${PREVIEWED_FLAGS} --dry-run`
  }
}

function quote(name: string): string {
  const shown = printable(name)
  return /[".:]/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown
}
