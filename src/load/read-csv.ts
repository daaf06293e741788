import { pipeline, Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
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
 * a quoted field that the file does not end is none of one row.
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
  // The header is row 0. Both handlers are called in the order of the file.
  let rowNumber = -1
  const lines = new LineNumbers()
  const broken: FileRecord[] = []
  let unclosed: CsvError | undefined
  const nullMarks = new Set(nulls)
  const parser = parse({
    delimiter,
    cast: (value, { quoting }) => (!quoting && nullMarks.has(value) ? null : value),
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_RECORD_CHARACTERS,
    // The numbers go in front: a record is all that comes out at the other end.
    on_record: (values, { lines: endsAt }) => {
      rowNumber += 1
      return [String(rowNumber), String(lines.startOf(values, endsAt)), ...values]
    },
  })
  let brokenLine = 0
  parser.on('skip', (error: CsvError) => {
    if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') {
      unclosed ??= error
    }
    const endsAt = Number(error.lines)
    // One row may have several such faults.
    if (endsAt === brokenLine) return
    brokenLine = endsAt
    rowNumber += 1
    const lineNumber = lines.startOf([], endsAt)
    broken.push({ rowNumber, lineNumber, values: [], problem: describe(error) })
  })
  pipeline(Readable.from(decodeText(source, encoding)), parser, () => {
    // What went wrong comes out of the loop below.
  })
  for await (const [row, line, ...values] of parser as AsyncIterable<
    [string, string, ...unknown[]]
  >) {
    // The parser reads ahead: some of these stand behind records that have not come out yet.
    while (broken[0] !== undefined && broken[0].rowNumber < Number(row)) yield broken.shift()!
    yield { rowNumber: Number(row), lineNumber: Number(line), values, problem: null }
  }
  if (unclosed !== undefined) throw unreadable(source, 'it ends within a quoted field', unclosed)
  yield* broken.splice(0)
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
  return code === 'CSV_INVALID_CLOSING_QUOTE' || code === 'INVALID_OPENING_QUOTE'
    ? 'has a quote where none may be'
    : message
}

function unreadable(source: RowSource, reason: string, cause?: unknown): SnapError {
  const path = source.path
  return new SnapError('INPUT_UNREADABLE', `cannot read '${path}': ${reason}`, { path }, { cause })
}
