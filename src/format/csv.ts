/**
 * Writes one line of CSV exactly as `COPY … TO … (FORMAT csv)` does, without the line feed.
 *
 * A null is an empty field, an empty text is `""` (PostgreSQL manual, COPY, "CSV Format").
 */
export function formatCsvLine(values: readonly (string | null)[]): string {
  const isSingle = values.length === 1
  return values.map((value) => formatField(value, isSingle)).join(',')
}

function formatField(value: string | null, isSingle: boolean): string {
  if (value === null) return ''
  // Alone on a line, `\.` would end the data for a server before PostgreSQL 18.
  const isQuoted = value === '' || NEEDS_QUOTES.test(value) || (isSingle && value === '\\.')
  return isQuoted ? `"${value.replaceAll('"', '""')}"` : value
}

const NEEDS_QUOTES = /[",\n\r]/
