import type { LoadedSequence, LoadResult, RejectedRow } from '../../src/index.ts'
import type { Colors } from './colors.ts'
import { limitLines } from './limit-lines.ts'
import { printable } from './printable.ts'
import { formatCount, formatQuantity } from './units.ts'

/** More are in the file of rejected rows, or in the document of --json. */
const MAX_SHOWN = 20

/** What became of the rows of a file. */
export function formatLoadResult(
  result: LoadResult,
  { colors, rejectFile }: { colors: Colors; rejectFile: string | null },
): string[] {
  const { rejected, rejectedCount, sequences, isCommitted } = result
  const counts: [count: number, word: string][] = [
    [result.insertedCount, 'inserted'],
    [result.updatedCount, 'updated'],
    [result.unchangedCount, 'unchanged'],
    [result.skippedCount, 'skipped'],
    [rejectedCount, 'rejected'],
  ]
  const parts = counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${formatCount(count)} ${word}`)
  const key =
    result.key === null
      ? 'no key of the table is in the file: every row is taken for new'
      : `by the key (${result.key.map(printable).join(', ')})`
  return [
    `${printable(result.table)}: ${formatQuantity(result.rowCount, 'row')}: ${parts.join(', ') || 'nothing to do'}; ${key}`,
    ...limitLines(
      rejected.map((row) => `  ${colors.red('rejected:')} ${formatRejectedRow(row)}`),
      MAX_SHOWN,
      rejectedCount,
    ),
    ...(rejectFile !== null && rejectedCount > 0 && isCommitted
      ? [`The rejected rows are in ${printable(rejectFile)}`]
      : []),
    ...sequences.map((sequence) => formatSequence(sequence, isCommitted)),
    ...(isCommitted ? [] : ['Nothing was loaded: this was a dry run']),
  ]
}

function formatSequence({ name, column, from, to, outcome }: LoadedSequence, isDone: boolean) {
  const way = `${from ?? 'its start'} -> ${to}`
  const which = `Sequence ${printable(name)} (column ${printable(column)})`
  if (outcome === 'moved') return `${which}: ${isDone ? 'moved' : 'would be moved'}, ${way}`
  const why = outcome === 'left' ? 'left' : 'may not be moved by this user, and stays'
  return `${which}: ${why} at ${from ?? 'its start'}, behind ${to}: rows that take their number from it may fail`
}

const MAX_VALUE_CHARACTERS = 60

/** `row 17 (line 19), column total ("x"): invalid input syntax for type numeric: "x"`. */
export function formatRejectedRow({
  file,
  rowNumber,
  lineNumber,
  column,
  value,
  reason,
}: Pick<RejectedRow, 'lineNumber' | 'column' | 'value' | 'reason'> & {
  file?: string
  rowNumber: number | null
}): string {
  const shown = value === null ? '' : ` (${JSON.stringify(value.slice(0, MAX_VALUE_CHARACTERS))})`
  const where = column === null ? '' : `, column ${printable(column)}${printable(shown)}`
  const line = lineNumber === null ? '' : ` (line ${lineNumber})`
  const row = rowNumber === null ? 'a row' : `row ${rowNumber}`
  const place = file === undefined ? '' : `${printable(file)}: `
  return `${place}${row}${line}${where}: ${printable(reason)}`
}
