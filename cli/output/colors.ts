/** Paints text; every function returns it unchanged where colours are off. */
export interface Colors {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
  magenta(text: string): string
  /** Foreground and background exchanged. */
  inverse(text: string): string
}

export type ColorChoice = 'always' | 'auto' | 'never'

/**
 * Says whether a stream gets colours.
 *
 * `--color` decides. Under `auto` FORCE_COLOR does (`0` and `false` are no); then NO_COLOR, set to
 * anything, is a no (https://no-color.org); and else terminals get them that do not call themselves dumb.
 */
export function wantsColors(
  choice: ColorChoice,
  stream: { isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (choice !== 'auto') return choice === 'always'
  const { FORCE_COLOR, NO_COLOR, TERM } = environment
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb'
}

export function createColors(isOn: boolean): Colors {
  const paint = (open: number, close: number) => (text: string) =>
    isOn && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
    magenta: paint(35, 39),
    inverse: paint(7, 27),
  }
}
