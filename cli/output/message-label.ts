import type { Colors } from './colors.ts'

/** How messages begin that are more than news, each with its colour. */
const LABELS = { fatal: 'red', alarm: 'red', warning: 'yellow', hint: 'cyan' } as const

const LABEL_PATTERN = new RegExp(`^(${Object.keys(LABELS).join('|')}):`)

/** Paints what a message begins with: `warning: …`. */
export function paintLabel(line: string, colors: Colors): string {
  return line.replace(LABEL_PATTERN, (text, label: keyof typeof LABELS) =>
    colors[LABELS[label]](text),
  )
}
