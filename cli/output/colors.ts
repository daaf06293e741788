/** Paints text; every function returns it unchanged where colours are off. */
export interface Colors {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
  /** Foreground and background exchanged. */
  inverse(text: string): string
}

export type ColorChoice = 'always' | 'auto' | 'never'

/**
 * Says whether a stream gets colours.
 *
 * `--color` decides; `auto` gives them to terminals unless NO_COLOR is set to
 * something (https://no-color.org) or the terminal calls itself dumb.
 */
export function wantsColors(
  choice: ColorChoice,
  stream: { isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (choice !== 'auto') return choice === 'always'
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb'
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
    inverse: paint(7, 27),
  }
}
