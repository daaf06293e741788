/** What a terminal says of a key, as Ink tells it. */
export interface KeyEvent {
  input: string
  flags: Readonly<Record<string, unknown>>
}

const NAMES: readonly (readonly [flag: string, name: string])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'escape'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  // What most terminals send for Backspace, Ink takes for Delete.
  ['delete', 'backspace'],
]

const CONTROL_NAMES: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  ' ': 'space',
  '\u0003': 'ctrl-c',
  '\u0008': 'backspace',
  '\u001a': 'ctrl-z',
  '\u001b': 'escape',
  '\u007f': 'backspace',
}

/**
 * Names the keys of one event. Over a slow line, or from a paste, several come as one text; what is
 * wide or composed stays whole.
 */
export function namesOf({ input, flags }: KeyEvent): string[] {
  for (const [flag, name] of NAMES) if (flags[flag] === true) return [name]
  if (flags.ctrl === true) return input === 'c' || input === 'z' ? [`ctrl-${input}`] : []
  if (flags.meta === true) return []
  return [...new Intl.Segmenter().segment(input)].flatMap(({ segment }) => {
    const name = CONTROL_NAMES[segment]
    if (name !== undefined) return [name]
    if (segment === '\r\n') return ['enter']
    return /^[\u0000-\u001f]/.test(segment) ? [] : [segment]
  })
}
