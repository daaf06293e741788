import type { Intent } from './action.ts'
import { act, type Binding, type KeyTable } from './binding.ts'
import { COMMIT_KEYS, DIFF_KEYS, FILTER_KEYS, LOG_KEYS, TABLE_KEYS } from './history-keys.ts'
import type { Motion } from './scroll.ts'
import { currentScreen, type Screen, type UiState } from './state.ts'
import { CHECKOUT_KEYS, NAME_KEYS, OPERATIONS_KEYS, STORE_KEYS } from './work-keys.ts'

/** Every key, and what it does where; the help is made of the same tables. */

const motion = (keys: readonly string[], help: string, kind: Motion): Binding => ({
  keys,
  help,
  act: () => act({ kind: 'moved', motion: kind }),
})

const GENERAL_KEYS: KeyTable = {
  title: 'Everywhere',
  bindings: [
    motion(['up', 'k'], 'one line up', 'up'),
    motion(['down', 'j'], 'one line down', 'down'),
    motion(['pageup', 'b'], 'one screen up', 'pageUp'),
    motion(['pagedown', 'f'], 'one screen down', 'pageDown'),
    motion(['home', 'g'], 'to the first', 'first'),
    motion(['end', 'G'], 'to the last', 'last'),
    { keys: ['?'], help: 'this help', short: 'help', act: () => act({ kind: 'helpToggled' }) },
    {
      keys: ['q', 'escape'],
      help: 'back; from the log: leave',
      short: 'back',
      act: goBack,
    },
    {
      keys: ['ctrl-c'],
      help: 'leave; while a checkout runs: stop it, and the database stays as it was',
      act: interrupt,
    },
    {
      keys: ['ctrl-z'],
      help: "to the shell, whose 'fg' comes back; not while a checkout runs",
      act: suspend,
    },
  ],
}

function goBack(screen: Screen, state: UiState): Intent {
  if (state.isHelpOpen) return act({ kind: 'helpToggled' })
  if (isWorking(screen)) {
    return act({ kind: 'noticed', notice: 'a checkout is running: Ctrl-C stops it' })
  }
  if (screen.kind === 'log' && screen.filter !== '') {
    return act({ kind: 'typingEnded', isKept: false })
  }
  return act({ kind: 'wentBack' })
}

function interrupt(screen: Screen): Intent {
  return screen.kind === 'checkout' && isWorking(screen)
    ? { effect: { kind: 'stop', screenId: screen.id } }
    : act({ kind: 'left', how: 'interrupted' })
}

function suspend(screen: Screen): Intent {
  return isWorking(screen)
    ? act({ kind: 'noticed', notice: 'a checkout is running, and would hold its locks' })
    : { effect: { kind: 'suspend' } }
}

function isWorking(screen: Screen): boolean {
  if (screen.kind !== 'checkout') return false
  return screen.stage.kind === 'applying' || screen.stage.kind === 'stopping'
}

/** In the order of the help. */
export const KEY_TABLES: readonly KeyTable[] = [
  GENERAL_KEYS,
  LOG_KEYS,
  FILTER_KEYS,
  COMMIT_KEYS,
  DIFF_KEYS,
  TABLE_KEYS,
  CHECKOUT_KEYS,
  NAME_KEYS,
  OPERATIONS_KEYS,
  STORE_KEYS,
]

/** What the key does here and now, if anything. */
export function findIntent(state: UiState, key: string): Intent | undefined {
  const screen = currentScreen(state)
  const own = state.isHelpOpen ? undefined : tableOf(screen)
  const tables = own === undefined ? [GENERAL_KEYS] : [own, GENERAL_KEYS]
  const isTyping = own?.onText !== undefined
  for (const { bindings } of tables) {
    for (const { keys, act } of bindings) {
      if (!keys.includes(key) || (isTyping && isText(key) && bindings !== own?.bindings)) continue
      const intent = act(screen, state)
      if (intent !== undefined) return intent
    }
  }
  return isTyping && isText(key) ? own?.onText?.(key === 'space' ? ' ' : key) : undefined
}

/** What of the keys is named at the foot of the screen. */
export function shortKeys(state: UiState): readonly (readonly [key: string, does: string])[] {
  const screen = currentScreen(state)
  const own = state.isHelpOpen ? undefined : tableOf(screen)
  const general = own?.onText === undefined ? GENERAL_KEYS.bindings : []
  const isHelp = ({ keys }: Binding) => keys.includes('?')
  const bindings = [
    ...general.filter(isHelp),
    ...(own?.bindings ?? []),
    ...general.filter((binding) => !isHelp(binding)),
  ]
  return bindings.flatMap(({ keys, short, act }) =>
    short !== undefined && act(screen, state) !== undefined ? [[keys[0]!, short] as const] : [],
  )
}

function tableOf(screen: Screen): KeyTable | undefined {
  switch (screen.kind) {
    case 'log':
      return screen.isTyping ? FILTER_KEYS : LOG_KEYS
    case 'commit':
      return COMMIT_KEYS
    case 'diff':
      return DIFF_KEYS
    case 'table':
      return TABLE_KEYS
    case 'checkout': {
      const { stage } = screen
      const wantsName = stage.kind === 'asking' && stage.needed === 'databaseName'
      return wantsName ? NAME_KEYS : CHECKOUT_KEYS
    }
    case 'operations':
      return OPERATIONS_KEYS
    case 'store':
      return STORE_KEYS
    default:
      return undefined
  }
}

/** Keys with names are longer than one character; a space has one. */
function isText(key: string): boolean {
  return key === 'space' || [...new Intl.Segmenter().segment(key)].length === 1
}
