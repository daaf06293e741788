import stringWidth from 'string-width'
import { KEY_TABLES } from './key-map.ts'

const KEY_LABELS: Readonly<Record<string, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  enter: 'Enter',
  escape: 'Esc',
  tab: 'Tab',
  space: 'Space',
  backspace: 'Backspace',
  'ctrl-c': 'Ctrl-C',
}

/** A key as it is written on keyboards. */
export function formatKey(key: string): string {
  return KEY_LABELS[key] ?? key
}

/** Every key there is, made of the tables that the keys themselves are looked up in. */
export function formatHelp(): string[] {
  return KEY_TABLES.flatMap(({ title, bindings }, i) => [
    ...(i === 0 ? [] : ['']),
    title,
    ...bindings.map(({ keys, help }) => {
      const label = keys.map(formatKey).join(' or ')
      return `  ${label}${' '.repeat(Math.max(2, 16 - stringWidth(label)))}${help}`
    }),
  ])
}
