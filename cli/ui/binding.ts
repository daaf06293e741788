import type { Action, Intent, Opening } from './action.ts'
import type { Screen, UiState } from './state.ts'

/** One thing that keys do: what is pressed, what the help says of it, and what comes of it. */
export interface Binding<S = Screen> {
  /** By name (`key-names.ts`); any of them will do. */
  keys: readonly string[]
  /** For the help. */
  help: string
  /** One word for the foot of the screen; what has none is in the help only. */
  short?: string
  /** Returns nothing where the key has nothing to act on. */
  act(screen: S, state: UiState): Intent | undefined
}

/** The keys of one screen, or of one way of using it. */
export interface KeyTable {
  title: string
  /** Of several tables that apply the first that knows the key has it. */
  bindings: readonly Binding[]
  /** Takes what is no key of its own: text that is typed. */
  onText?: (text: string) => Intent
}

export const act = (action: Action): Intent => ({ action })

export const open = (what: Opening): Intent => ({ action: { kind: 'opened', what } })

/** Narrows a binding to the kind of screen that its table is for. */
export function bindingsOf<K extends Screen['kind']>(
  kind: K,
  bindings: readonly Binding<Extract<Screen, { kind: K }>>[],
): readonly Binding[] {
  return bindings.map((binding) => ({
    ...binding,
    act: (screen, state) =>
      screen.kind === kind ? binding.act(screen as Extract<Screen, { kind: K }>, state) : undefined,
  }))
}
