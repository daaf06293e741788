/** A row as a file holds it, in order, one value for each of the file's columns. */
export interface FileRecord {
  /** 1 for the first row; a header is none. */
  rowNumber: number
  /** The line of the file on which it begins, from 1 on; absent where the format has no lines. */
  lineNumber?: number
  /** JSON holds more than text; CSV text and nulls alone. */
  values: unknown[]
  /** Why it cannot be a row; null when nothing is wrong. */
  problem: string | null
}

/** What a file holds: its columns are known before its rows are read. */
export interface Records {
  columns: string[]
  /** True where nothing names columns because there are no rows, as in an empty array of JSON. */
  isEmpty?: boolean
  rows: AsyncIterable<FileRecord>
}
