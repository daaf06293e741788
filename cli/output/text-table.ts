import stringWidth from 'string-width'
import type { Colors } from './colors.ts'
import { cutToWidth, fitWidth } from './fit-width.ts'

export interface TextColumn {
  header?: string
  align?: 'left' | 'right'
  /** Where a line would be wider than the terminal, its cells may be cut with `…` to this width. */
  shrinksTo?: number
}

/** Of names and titles; cut to less they say nothing any more. */
export const MIN_NAME_WIDTH = 24
export const MIN_TITLE_WIDTH = 8

const GAP = '  '

/**
 * Lays out cells in columns, two spaces apart, with no trailing space.
 *
 * Widths are display columns, so wide and combining characters and colours do
 * not break the alignment. The header line is left out when no column has one.
 * Where a terminal is too narrow, the widest of the columns that may shrink do.
 *
 * @returns one string a line
 */
export function formatTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  style: { columns?: number | undefined; colors?: Pick<Colors, 'dim'> } = {},
): string[] {
  const headers = columns.map((column) => column.header ?? '')
  const hasHeader = headers.some((header) => header !== '')
  const lines = hasHeader ? [headers, ...rows] : [...rows]
  const widths = shrink(
    columns,
    columns.map((_, index) => Math.max(0, ...lines.map((line) => stringWidth(line[index] ?? '')))),
    style.columns,
  )
  const formatted = lines.map((line) =>
    columns
      .map((column, index) => {
        const text = line[index] ?? ''
        // The last cell is not filled, and one that holds no more than fits is not looked into.
        return index === columns.length - 1 && column.align !== 'right'
          ? cutToWidth(text, widths[index]!)
          : fitWidth(text, widths[index]!, column.align)
      })
      .join(GAP)
      .trimEnd(),
  )
  const [header, ...body] = formatted
  return hasHeader && style.colors !== undefined ? [style.colors.dim(header!), ...body] : formatted
}

function shrink(
  columns: readonly TextColumn[],
  natural: readonly number[],
  lineWidth: number | undefined,
): number[] {
  const widths = [...natural]
  if (lineWidth === undefined) return widths
  let excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - lineWidth
  while (excess > 0) {
    let widest: number | undefined
    for (const [index, width] of widths.entries()) {
      if (width <= (columns[index]!.shrinksTo ?? width)) continue
      if (widest === undefined || width > widths[widest]!) widest = index
    }
    // What is too narrow for all there is to say wraps.
    if (widest === undefined) break
    widths[widest]! -= 1
    excess -= 1
  }
  return widths
}
