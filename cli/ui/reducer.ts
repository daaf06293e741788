import type { Action } from './action.ts'
import { formatHelp } from './help.ts'
import { isText, itemCountOf, listHeight } from './items.ts'
import { openScreen } from './open-screen.ts'
import { reduceScreen } from './reduce-screen.ts'
import { AT_TOP, fitScroll, moveCursor, moveText } from './scroll.ts'
import { bodyHeight, currentScreen, LOG_PAGE, type Screen, type UiState } from './state.ts'

/** Pure: the state after an action. */
export function reduce(state: UiState, action: Action): UiState {
  switch (action.kind) {
    case 'resized':
      return refit({ ...state, size: action.size })
    case 'moved':
      return move(state, action.motion)
    case 'helpToggled':
      return { ...state, isHelpOpen: !state.isHelpOpen, helpScroll: AT_TOP }
    case 'wentBack':
      if (state.screens.length === 1) return { ...state, leaving: 'quit' }
      return refit({ ...state, screens: state.screens.slice(0, -1), notice: null })
    case 'left':
      return { ...state, leaving: state.leaving ?? action.how }
    case 'noticed':
      return { ...state, notice: action.notice }
    case 'opened':
      return {
        ...state,
        screens: [...state.screens, openScreen(state.nextScreenId, action.what)],
        nextScreenId: state.nextScreenId + 1,
        notice: null,
      }
    default: {
      const id = 'screenId' in action ? action.screenId : currentScreen(state).id
      const screens = state.screens.map((screen) => {
        if (screen.id === id) return reduceScreen(screen, action)
        // A checkout moves HEAD and makes a commit of the state before.
        const isStale = action.kind === 'finished' && screen.kind === 'log'
        return isStale ? reduceScreen(screen, { kind: 'reloaded' }) : screen
      })
      // What was said before a checkout was begun, or stopped, is not about what comes now.
      const isTurn = action.kind === 'confirmed' || action.kind === 'stopped'
      return refit({ ...state, screens, notice: isTurn ? null : state.notice })
    }
  }
}

function move(state: UiState, motion: Parameters<typeof moveCursor>[1]): UiState {
  if (state.isHelpOpen) {
    const extent = { itemCount: formatHelp().length, height: bodyHeight(state.size) }
    return { ...state, helpScroll: moveText(state.helpScroll, motion, extent) }
  }
  const screen = currentScreen(state)
  const extent = { itemCount: itemCountOf(screen, state.size), height: listHeight(state, screen) }
  const scroll = (isText(screen) ? moveText : moveCursor)(screen.scroll, motion, extent)
  return replaceCurrent({ ...state, notice: null }, wantMore({ ...screen, scroll }, extent))
}

/** More is read when the cursor comes within two screens of the end of what is there. */
function wantMore(
  screen: Screen,
  { itemCount, height }: { itemCount: number; height: number },
): Screen {
  if (screen.kind !== 'log' && screen.kind !== 'rows') return screen
  if (screen.isComplete || screen.scroll.cursor + 2 * height < itemCount) return screen
  const loadedCount = screen.kind === 'log' ? screen.entries.length : screen.changes.length
  return { ...screen, wantedCount: loadedCount + LOG_PAGE }
}

/** Lists change and terminals do: every cursor stays on an item and on the screen. */
function refit(state: UiState): UiState {
  const screen = currentScreen(state)
  const height = listHeight(state, screen)
  const itemCount = itemCountOf(screen, state.size)
  if (isText(screen)) {
    const top = Math.min(screen.scroll.top, Math.max(0, itemCount - height))
    return replaceCurrent(state, { ...screen, scroll: { cursor: top, top } })
  }
  const scroll = fitScroll(screen.scroll, { itemCount, height })
  const isFiltered = screen.kind === 'log' && screen.filter !== ''
  const fitted = { ...screen, scroll }
  return replaceCurrent(state, isFiltered ? wantMore(fitted, { itemCount, height }) : fitted)
}

function replaceCurrent(state: UiState, screen: Screen): UiState {
  return { ...state, screens: [...state.screens.slice(0, -1), screen] }
}
