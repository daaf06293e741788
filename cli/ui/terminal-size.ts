import type { TerminalSize } from './state.ts'

/** What the screens are made for, at least. */
export const MIN_SIZE: TerminalSize = { columns: 80, rows: 24 }

export function isLargeEnough({ columns, rows }: TerminalSize): boolean {
  return columns >= MIN_SIZE.columns && rows >= MIN_SIZE.rows
}
