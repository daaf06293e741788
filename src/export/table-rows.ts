import { bytesToRow, decodeField, splitFields } from '../format/copy-text.ts'
import { formatCsvLine } from '../format/csv.ts'
import type { TableEntry } from '../format/values.ts'
import { abortableReader } from '../objects/abortable-reader.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'

/** `csv` with a header, JSON objects one a line, or COPY text as it is stored. */
export type RowFormat = 'csv' | 'jsonl' | 'copy'

/**
 * Writes a table's rows in order, piece by piece; a chunk and the row it ends in are all that is held.
 *
 * `csv` is what `COPY … (FORMAT csv, HEADER)` writes. In `jsonl` every value is
 * a string as PostgreSQL prints it, or null: a tree holds no types. `copy` gives
 * the stored bytes, whatever their encoding; in the others, bytes that are not
 * UTF-8 become U+FFFD.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function* formatTableRows(
  reader: StreamReader,
  table: TableEntry,
  format: RowFormat,
  options: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array> {
  const { rows, columns } = table
  const objects = abortableReader(reader, options.signal, 'writing rows')
  if (format === 'csv') yield Buffer.from(`${formatCsvLine(columns)}\n`)
  if (rows === null) return
  if (format === 'copy') {
    yield* readRows(objects, rows)
    return
  }
  const formatRow = format === 'csv' ? formatCsvLine : newJsonFormatter(columns)
  for await (const batch of splitRows(readRows(objects, rows))) {
    const lines = batch.map((rowText) => {
      // A table without columns has rows without fields.
      const values = columns.length === 0 ? [] : splitFields(rowText).map(decodeField)
      return `${formatRow(values)}\n`
    })
    yield Buffer.from(lines.join(''))
  }
}

function newJsonFormatter(columns: readonly string[]) {
  return (values: readonly (string | null)[]) =>
    JSON.stringify(Object.fromEntries(columns.map((column, i) => [column, values[i] ?? null])))
}

const LINE_FEED = 0x0a

/** Yields the whole rows of each piece, with what the piece before began. */
async function* splitRows(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  let begun: Uint8Array[] = []
  for await (const piece of pieces) {
    const end = piece.lastIndexOf(LINE_FEED)
    if (end === -1) {
      begun.push(piece)
      continue
    }
    const whole = Buffer.concat([...begun, piece.subarray(0, end)])
    begun = end + 1 < piece.length ? [piece.subarray(end + 1)] : []
    yield bytesToRow(whole).split('\n')
  }
}
