import stringWidth from 'string-width'
import { decodeField, splitFields } from '../../../src/index.ts'
import { fitWidth } from '../../output/fit-width.ts'
import { printable } from '../../output/printable.ts'
import { formatCount } from '../../output/units.ts'
import type { TableScreen } from '../state.ts'
import { asChosen, type Look } from './view.ts'

const MAX_COLUMN_WIDTH = 32

/** The rows of a table as the commit holds them; those that changed have a sign and a colour. */
export function viewTable(screen: TableScreen, look: Look): string[] {
  const { page, columns, scroll, rowCount } = screen
  if (page === null || rowCount === null) return [' Reading rows …']
  const { top } = scroll
  const shown = page.rows.slice(Math.max(0, top - page.firstRow)).slice(0, look.height)
  const cells = shown.map((row) => cellsOf(row, screen))
  const names = columns.slice(screen.firstColumn).map(printable)
  const widths = names.map((name, i) =>
    Math.min(
      MAX_COLUMN_WIDTH,
      Math.max(stringWidth(name), ...cells.map((row) => stringWidth(row[i] ?? ''))),
    ),
  )
  const numberWidth = formatCount(rowCount).length
  const lineOf = (number: string, sign: string, row: readonly string[]) =>
    fitWidth(
      `${fitWidth(number, numberWidth, 'right')} ${sign} ${row.map((cell, i) => fitWidth(cell, widths[i]!)).join('  ')}`,
      look.width - 1,
    )
  // A page that is on its way leaves the lines it will fill.
  const isBehind = top < page.firstRow
  return [
    look.colors.dim(` ${lineOf('', ' ', names)}`),
    ...(isBehind ? [' Reading rows …'] : shown).map((row, i) => {
      if (isBehind) return row
      const line = lineOf(formatCount(top + i + 1), signOf(row, screen), cells[i]!)
      const isChosen = top + i === scroll.cursor
      return asChosen(isChosen ? line : paint(line, row, screen, look), isChosen, look)
    }),
    ...(rowCount === 0 ? [' The table is empty.'] : []),
  ]
}

function cellsOf(row: string, { columns, firstColumn }: TableScreen): string[] {
  // A table without columns has rows without fields.
  if (columns.length === 0) return []
  return splitFields(row)
    .slice(firstColumn)
    .map((field) => {
      const value = decodeField(field)
      return value === null ? 'null' : printable(value.slice(0, 4 * MAX_COLUMN_WIDTH))
    })
}

function signOf(row: string, { changes }: TableScreen): string {
  const change = changes?.marks.get(row)
  return change === undefined ? ' ' : change === 'inserted' ? '+' : '~'
}

function paint(line: string, row: string, { changes }: TableScreen, { colors }: Look): string {
  const change = changes?.marks.get(row)
  if (change === undefined) return line
  return change === 'inserted' ? colors.green(line) : colors.yellow(line)
}
