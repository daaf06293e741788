import type { Colors } from '../../output/colors.ts'

/** What views are given besides the state. */
export interface Look {
  colors: Colors
  now: Date
  /** Columns of the screen. */
  width: number
  /** Lines for the list or the text. */
  height: number
}

/** Marks the line that keys act on: by its sign, and where there are colours by them too. */
export function asChosen(line: string, isChosen: boolean, { colors }: Look): string {
  return isChosen ? colors.inverse(`>${line}`) : ` ${line}`
}

/** The window of a list. */
export function windowOf<T>(
  items: readonly T[],
  { top }: { top: number },
  { height }: Look,
): readonly T[] {
  return items.slice(top, top + height)
}
