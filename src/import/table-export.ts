/**
 * Files of rows, one a table, as what they are together: the state of some tables at one time.
 */
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { findRowFormat, type RowFileFormat } from '../load/read-records.ts'
import { type Compression, detectCompression } from './dump-bytes.ts'
import { unreadable } from './dump-error.ts'

export interface TableExport {
  kind: 'tables'
  /** How messages name it: the directory, or the first file. */
  file: string
  /** When the newest of its files was written. */
  createdAt: Date
  tables: TableFile[]
}

export interface TableFile {
  /** How messages name it. */
  file: string
  path: string
  format: RowFileFormat
  compression: Compression
  /** What its name says that the table is called: `orders`, `sales.orders`. */
  table: string
}

/** Removes what a compressed file has after its name. */
const withoutCompression = (name: string) => name.replace(/\.(?:gz|zst|lz4)$/i, '')

/** Tells by its name whether a file is one of rows, compressed or not. */
export function isTableFile(name: string): boolean {
  return findRowFormat(withoutCompression(name)) !== undefined
}

/**
 * Looks at the files of a directory that are of rows; other files and folders in it are left alone.
 *
 * @returns  undefined when it has none
 * @throws DUMP_UNREADABLE
 */
export async function inspectExportDirectory(
  path: string,
  file: string,
): Promise<TableExport | undefined> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause) => {
    throw unreadable(file, cause.code ?? String(cause), undefined, cause)
  })
  const names = entries
    .filter((entry) => !entry.isDirectory() && isTableFile(entry.name))
    .map(({ name }) => name)
    .sort()
  if (names.length === 0) return undefined
  const files = names.map((name) => ({ path: join(path, name), file: join(file, name) }))
  return { ...(await inspectExport(files)), file }
}

/**
 * @param files  at least one, of rows as `isTableFile` tells
 * @throws DUMP_UNREADABLE  one cannot be read
 */
export async function inspectExport(
  files: readonly { path: string; file: string }[],
): Promise<TableExport> {
  const found = await Promise.all(
    files.map(async ({ path, file }) => {
      try {
        const name = withoutCompression(basename(file))
        const table: TableFile = {
          file,
          path,
          format: findRowFormat(name)!,
          compression: await detectCompression(path),
          table: name.replace(/\.[^.]*$/, ''),
        }
        return { table, writtenAtMs: (await stat(path)).mtimeMs }
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'ENOENT' && file.includes('\ufffd')) {
          throw unreadable(file, 'its name is not UTF-8', 'rename it', cause)
        }
        throw unreadable(file, code ?? String(cause), undefined, cause)
      }
    }),
  )
  return {
    kind: 'tables',
    file: files[0]!.file,
    createdAt: new Date(Math.max(...found.map(({ writtenAtMs }) => writtenAtMs))),
    tables: found.map(({ table }) => table),
  }
}

/**
 * Finds the table that a name means: as it is written, with its schema or without, in `public`
 * before others; or but for capitals. Undefined when none does, or several do.
 */
export function findNamedTable(
  name: string,
  tables: readonly { namespace: string; name: string }[],
): { namespace: string; name: string } | undefined {
  const bare = (text: string) => text.replaceAll('"', '')
  const isCalled = (wanted: string, fold: (text: string) => string) =>
    tables.filter(
      (table) =>
        fold(`${table.namespace}.${table.name}`) === fold(wanted) ||
        fold(table.name) === fold(wanted),
    )
  for (const fold of [(text: string) => text, (text: string) => text.toLowerCase()]) {
    const found = isCalled(bare(name), fold)
    const meant = found.length > 1 ? found.filter(isPublic) : found
    if (meant.length === 1) return meant[0]
  }
  return undefined
}

const isPublic = ({ namespace }: { namespace: string }) => namespace === 'public'
