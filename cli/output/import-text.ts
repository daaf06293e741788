import { type Imported, shortId } from '../../src/index.ts'
import { formatTotals, totalsOf } from './commit-text.ts'
import { limitLines } from './limit-lines.ts'
import { formatRejectedRow } from './load-text.ts'
import { printable } from './printable.ts'
import type { TextStyle } from './text-style.ts'
import { formatTime } from './times.ts'
import { formatSize } from './units.ts'

/** More are in the file of rejected rows, or in the document of --json. */
const MAX_SHOWN = 20

/** Says what became of a dump, or of files of rows, and what is not as it was. */
export function formatImported(
  {
    source,
    commitId,
    tree,
    storedSizeBytes,
    leftOut,
    tables,
    rejectedCount,
    rejected,
    uncheckedForeignKeys,
  }: Imported,
  { colors, clock }: Pick<TextStyle, 'colors' | 'clock'>,
): string[] {
  // Its time is what a dump is known by: how long ago that was says little.
  const time = formatTime(source.createdAt, { ...clock, date: clock.date ?? 'iso' })
  const what = `${formatTotals(totalsOf(tree))}, ${formatSize(storedSizeBytes)} stored`
  return [
    `${colors.yellow(shortId(commitId))} ${time} ${printable(source.file)}: ${what}`,
    ...leftOut.map((statement) => `warning: left out, for want of a role: ${printable(statement)}`),
    ...limitLines(
      rejected.map((row) => `  left out: ${formatRejectedRow(row)}`),
      MAX_SHOWN,
      rejectedCount,
    ),
    ...tables
      .filter(({ missingColumns }) => missingColumns.length > 0)
      .map(
        ({ file, missingColumns }) =>
          `warning: ${printable(file)} has no ${missingColumns.map(printable).join(', ')}: as the table says by itself`,
      ),
    ...uncheckedForeignKeys.map((key) => `warning: not checked: foreign key ${printable(key)}`),
  ]
}
