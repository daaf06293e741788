import type { LoadResult, RejectedRow } from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { printable } from './printable.ts'
import { formatCount, formatQuantity } from './units.ts'

/** More are in the file of rejected rows, or in the document of --json. */
const MAX_SHOWN = 20

/** What became of the rows of a file. */
export function formatLoadResult(
  result: LoadResult,
  { colors, rejectFile }: { colors: Colors; rejectFile: string | null },
): string[] {
  const { rejected, isCommitted } = result
  const counts: [count: number, word: string][] = [
    [result.insertedCount, 'inserted'],
    [result.updatedCount, 'updated'],
    [result.unchangedCount, 'unchanged'],
    [result.skippedCount, 'skipped'],
    [rejected.length, 'rejected'],
  ]
  const parts = counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${formatCount(count)} ${word}`)
  const key =
    result.key === null
      ? 'no key of the table is in the file: every row is taken for new'
      : `by the key (${result.key.map(printable).join(', ')})`
  const leftCount = rejected.length - MAX_SHOWN
  return [
    `${printable(result.table)}: ${formatQuantity(result.rowCount, 'row')}: ${parts.join(', ') || 'nothing to do'}; ${key}`,
    ...rejected
      .slice(0, MAX_SHOWN)
      .map((row) => `  ${colors.red('rejected:')} ${formatRejectedRow(row)}`),
    ...(leftCount > 0 ? [`  … and ${formatCount(leftCount)} more`] : []),
    ...(rejectFile !== null && rejected.length > 0 && isCommitted
      ? [`The rejected rows are in ${printable(rejectFile)}`]
      : []),
    ...(isCommitted ? [] : ['Nothing was loaded: this was a dry run']),
  ]
}

const MAX_VALUE_CHARACTERS = 60

/** `row 17, column total ("x"): invalid input syntax for type numeric: "x"`. */
export function formatRejectedRow({
  file,
  rowNumber,
  column,
  value,
  reason,
}: Pick<RejectedRow, 'column' | 'value' | 'reason'> & {
  file?: string
  rowNumber: number | null
}): string {
  const shown = value === null ? '' : ` (${JSON.stringify(value.slice(0, MAX_VALUE_CHARACTERS))})`
  const where = column === null ? '' : `, column ${printable(column)}${printable(shown)}`
  const row = rowNumber === null ? 'a row' : `row ${rowNumber}`
  return `${file === undefined ? '' : `${printable(file)}: `}${row}${where}: ${printable(reason)}`
}
