/**
 * Writes a commit as a directory: one CSV file a table, the schema, and a script that loads both.
 */
import type { TableEntry, Tree } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { type ExportedCommit, type ExportOptions, formatPlainDump } from './plain-dump.ts'
import { formatTableRows } from './table-rows.ts'

export interface ExportedFile {
  name: string
  /** To be read once, and only after those of the files before it. */
  pieces: AsyncIterable<Uint8Array>
}

/**
 * Lists the files of a directory export: `load.sql`, which psql runs in that directory, comes last.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED  while pieces are read
 */
export function listExportFiles(
  objects: StreamReader,
  exported: ExportedCommit,
  options: Omit<ExportOptions, 'rows'>,
): ExportedFile[] {
  const unreadable = new Set<TableEntry>()
  const tables = tablesWithRows(exported.tree)
  const loadRows = (table: TableEntry) =>
    unreadable.has(table) || !canBeCopied(table) ? 'inline' : { fileName: csvNameOf(table) }
  return [
    {
      name: 'schema.sql',
      pieces: formatPlainDump(objects, exported, { ...options, rows: () => 'leftOut' }),
    },
    ...tables.map((table) => ({
      name: csvNameOf(table),
      pieces: noteEndMarkers(formatTableRows(objects, table, 'csv', options), () =>
        unreadable.add(table),
      ),
    })),
    {
      name: 'load.sql',
      pieces: formatPlainDump(objects, exported, { ...options, rows: loadRows }),
    },
  ]
}

const tablesWithRows = ({ tables }: Tree) => tables.filter(({ rows }) => rows !== null)

/** `\copy` ends with its line, and COPY has no empty list of columns. */
const canBeCopied = ({ namespace, name, columns }: TableEntry) =>
  columns.length > 0 && ![namespace, name, ...columns].some((each) => /[\r\n]/.test(each))

/**
 * Up to psql 17, `\copy` takes a line of `\.` for the end of the file, also within a quoted value
 * (PostgreSQL 18 release notes, "COPY").
 */
async function* noteEndMarkers(
  pieces: AsyncIterable<Uint8Array>,
  note: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    const text = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    if (text.includes('\\.') && /^\\\.\r?$/m.test(text.toString('latin1'))) note()
    yield piece
  }
}

const csvNameOf = ({ namespace, name }: TableEntry) =>
  `${fileNameOf(namespace)}.${fileNameOf(name)}.csv`

/** What a file system or a shell may not like, and the dot that parts the names, as `%2E`. */
function fileNameOf(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N}_-]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
