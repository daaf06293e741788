import { pipeline, Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { SnapError } from '../errors.ts'
import { decodeText, type RowSource } from './decode-text.ts'
import type { FileRecord, Records } from './records.ts'

export interface CsvOptions {
  encoding: string
  delimiter: string
  /** What stands for null where it is not in quotes. */
  nulls: readonly string[]
}

/** A quote that is never closed would swallow the rest of the file. */
const MAX_RECORD_CHARACTERS = 64 << 20

/**
 * Reads CSV or TSV, streaming. The first line names the columns.
 *
 * A row that has more or fewer fields than that, or quotes where none may be, is told as a problem;
 * a quoted field that the file does not end is a problem of the file.
 *
 * @throws INPUT_UNREADABLE  the file is empty, ends within quotes, or is not of its encoding
 */
export async function readCsv(source: RowSource, options: CsvOptions): Promise<Records> {
  const records = parseRecords(source, options)
  const first = await records.next()
  if (first.done) throw unreadable(source, 'it is empty')
  const columns = first.value.values.map((name) => String(name ?? '').trim())
  return { columns, rows: checkWidth(records, columns.length) }
}

async function* checkWidth(
  records: AsyncIterable<FileRecord>,
  width: number,
): AsyncGenerator<FileRecord> {
  for await (const record of records) {
    const { values, problem } = record
    if (problem !== null || values.length === width) yield record
    else yield { ...record, problem: `has ${values.length} fields, and the header ${width}` }
  }
}

async function* parseRecords(
  source: RowSource,
  { encoding, delimiter, nulls }: CsvOptions,
): AsyncGenerator<FileRecord, void, undefined> {
  // The header is row 0. All handlers are called in the order of the file.
  let rowNumber = -1
  let mayBeMalformed = false
  const isWellFormed = newFormCheck(delimiter)
  const lines = new LineNumbers()
  const nullMarks = new Set(nulls)
  const parser = parse({
    delimiter,
    cast: (value, { quoting }) => {
      // What stands behind a closing quote is taken in with the field's own quotes.
      if (quoting ? value.startsWith('"') : value.includes('"')) mayBeMalformed = true
      return !quoting && nullMarks.has(value) ? null : value
    },
    raw: true,
    relax_column_count: true,
    // Without it the parser goes on within quotes, and takes the rows that follow for one.
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_CHARACTERS,
    // What is known of a record goes in front: only a record comes out at the other end.
    on_record: (found, { lines: endsAt }) => {
      const { record, raw } = found as unknown as { record: string[]; raw: string }
      rowNumber += 1
      const isBroken = mayBeMalformed && !isWellFormed(raw)
      mayBeMalformed = false
      const known = [rowNumber, lines.startOf(record, endsAt), isBroken ? 1 : 0].map(String)
      return [...known, ...record]
    },
  })
  pipeline(Readable.from(decodeText(source, encoding)), parser, () => {
    // What went wrong comes out of the loop below.
  })
  try {
    for await (const [row, line, broken, ...values] of parser as AsyncIterable<
      [string, string, string, ...unknown[]]
    >) {
      const problem = broken === '1' ? 'has a quote where none may be' : null
      yield { rowNumber: Number(row), lineNumber: Number(line), values, problem }
    }
  } catch (error) {
    throw error instanceof CsvError ? unreadable(source, describe(error), error) : error
  }
}

/** Whether quotes stand only around whole fields, and doubled within them. */
function newFormCheck(delimiter: string): (raw: string) => boolean {
  const separator = delimiter.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
  const field = String.raw`(?:"(?:[^"]|"")*"|(?:(?!${separator})[^"\r\n])*)`
  const form = new RegExp(`^[\\r\\n]*${field}(?:${separator}${field})*[\\r\\n]*$`)
  return (raw) => form.test(raw)
}

/** Tells on which line a record begins; the parser knows where it ends, and takes a quoted CR LF for two. */
class LineNumbers {
  #countedTwice = 0

  startOf(values: readonly unknown[], endsAt: number): number {
    const endedAt = endsAt - this.#countedTwice
    let breakCount = 0
    for (const value of values) {
      if (typeof value !== 'string' || !/[\r\n]/.test(value)) continue
      breakCount += value.match(/[\r\n]/g)!.length
      this.#countedTwice += value.match(/\r\n/g)?.length ?? 0
    }
    return endedAt - breakCount
  }
}

function describe({ code, message }: CsvError): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'it ends within a quoted field'
  if (code === 'CSV_MAX_RECORD_SIZE') {
    return `a row has more than ${MAX_RECORD_CHARACTERS >> 20} million characters: is a quote never closed?`
  }
  return message
}

function unreadable(source: RowSource, reason: string, cause?: unknown): SnapError {
  const path = source.path
  return new SnapError('INPUT_UNREADABLE', `cannot read '${path}': ${reason}`, { path }, { cause })
}
