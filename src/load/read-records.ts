import { extname } from 'node:path'
import { SnapError } from '../errors.ts'
import type { RowSource } from './decode-text.ts'
import { readCsv } from './read-csv.ts'
import { readJson } from './read-json.ts'
import type { Records } from './records.ts'

/** What a file of rows is written as. */
export type RowFileFormat = 'csv' | 'tsv' | 'json' | 'jsonl'

export interface RowOptions {
  /** Of the WHATWG Encoding Standard: `utf-8`. */
  encoding: string
  /** Between fields; a comma, or a tab in TSV, when not given. */
  delimiter?: string | undefined
  /** What stands for null where it is not in quotes; nothing, and `\N`, when not given. */
  nulls?: readonly string[] | undefined
}

const FORMATS: Readonly<Record<string, RowFileFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
}

/** Tells by the end of a name. */
export function findRowFormat(fileName: string): RowFileFormat | undefined {
  return FORMATS[extname(fileName).toLowerCase()]
}

/**
 * Reads what columns a file has, and then its rows, streaming.
 *
 * @throws INPUT_UNREADABLE, USAGE
 */
export async function readRecords(
  source: RowSource,
  format: RowFileFormat,
  { encoding, delimiter, nulls }: RowOptions,
): Promise<Records> {
  if (format === 'json' || format === 'jsonl') return readJson(source, format, encoding)
  if (delimiter !== undefined && (delimiter === '' || /["\r\n]/.test(delimiter))) {
    throw new SnapError(
      'USAGE',
      `nothing can stand between fields as ${JSON.stringify(delimiter)}`,
      { argument: '--delimiter' },
      { hint: "for instance ',', ';' or '|'; a tab is that of --format tsv" },
    )
  }
  return readCsv(source, {
    encoding,
    delimiter: delimiter ?? (format === 'tsv' ? '\t' : ','),
    nulls: nulls ?? ['', String.raw`\N`],
  })
}
