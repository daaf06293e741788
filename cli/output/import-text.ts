import { type Imported, shortId } from '../../src/index.ts'
import type { Context } from '../context.ts'
import { formatTotals, totalsOf } from './commit-text.ts'
import { formatRejectedRow } from './load-text.ts'
import { printable } from './printable.ts'
import { formatAbsoluteTime } from './times.ts'
import { formatCount, formatSize } from './units.ts'

/** More are in the file of rejected rows, or in the document of --json. */
const MAX_SHOWN = 20

/** Says what became of a dump, or of files of rows, and what is not as it was. */
export function describeImported(
  {
    source,
    commitId,
    tree,
    storedSizeBytes,
    leftOut,
    tables,
    rejected,
    uncheckedForeignKeys,
  }: Imported,
  { output }: Pick<Context, 'output'>,
): string[] {
  const what = `${formatTotals(totalsOf(tree))}, ${formatSize(storedSizeBytes)} stored`
  const hiddenCount = rejected.length - MAX_SHOWN
  return [
    `${output.messageColors.yellow(shortId(commitId))} ${formatAbsoluteTime(source.createdAt)} ${printable(source.file)}: ${what}`,
    ...leftOut.map((statement) => `warning: left out, for want of a role: ${printable(statement)}`),
    ...rejected.slice(0, MAX_SHOWN).map((row) => `  left out: ${formatRejectedRow(row)}`),
    ...(hiddenCount > 0 ? [`  … and ${formatCount(hiddenCount)} more`] : []),
    ...tables
      .filter(({ missingColumns }) => missingColumns.length > 0)
      .map(
        ({ file, missingColumns }) =>
          `note: ${printable(file)} has no ${missingColumns.map(printable).join(', ')}: as the table says by itself`,
      ),
    ...uncheckedForeignKeys.map((key) => `note: not checked: foreign key ${printable(key)}`),
  ]
}
