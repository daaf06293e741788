import { type Colors, createColors } from './colors.ts'
import type { Clock } from './times.ts'

/** What text is laid out for. */
export interface TextStyle {
  colors: Colors
  clock: Clock
  /** How wide a terminal is; undefined where lines may be as long as they like: in a file or a pipe. */
  columns: number | undefined
}

/** For text that another view lays out and paints. */
export function plainStyle(clock: Clock): TextStyle {
  return { colors: createColors(false), clock, columns: undefined }
}
