import stringWidth from 'string-width'

export interface TextColumn {
  header?: string
  align?: 'left' | 'right'
}

/**
 * Lays out cells in columns, two spaces apart, with no trailing space.
 *
 * Widths are display columns, so wide and combining characters and colours do
 * not break the alignment. The header line is left out when no column has one.
 *
 * @returns one string a line
 */
export function formatTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
): string[] {
  const headers = columns.map((column) => column.header ?? '')
  const lines = headers.some((header) => header !== '') ? [headers, ...rows] : [...rows]
  const widths = columns.map((_, index) =>
    Math.max(0, ...lines.map((line) => stringWidth(line[index] ?? ''))),
  )
  return lines.map((line) =>
    columns
      .map((column, index) => pad(line[index] ?? '', widths[index]!, column.align ?? 'left'))
      .join('  ')
      .trimEnd(),
  )
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const padding = ' '.repeat(Math.max(0, width - stringWidth(text)))
  return align === 'right' ? padding + text : text + padding
}
