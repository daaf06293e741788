import { SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { TableEntry } from '../format/values.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { projectRows } from './project-rows.ts'
import { isStatementError, restoreFailed } from './statement.ts'

/**
 * Loads one table's rows and checks that the server took as many as there are.
 *
 * `isNew` says that the table was created or truncated in the open transaction.
 * Then rows may be written frozen, and are appended in the order they come in
 * (COPY skips the free space map), so that capturing the table again gives the
 * same chunks.
 *
 * @throws RESTORE_FAILED      the server refused a row
 * @throws RESTORE_NOT_PROVEN  the server counted other rows than the manifest
 */
export async function loadRows(
  session: Session,
  objects: StreamReader,
  table: TableEntry,
  options: {
    isNew: boolean
    /** Columns to load, all of the rows' when absent; the others of the table get their defaults. */
    columns?: readonly string[] | undefined
    reporter?: Reporter | undefined
  },
): Promise<void> {
  const { rows } = table
  if (rows === null || (rows.rowCount === 0 && options.isNew)) return
  const label = `${table.namespace}.${table.name}`
  const columns = options.columns ?? table.columns
  const isWhole = columns.join('\0') === table.columns.join('\0')
  let sizeBytes = 0
  const source = async function* () {
    for await (const bytes of readRows(objects, rows)) {
      sizeBytes += bytes.length
      yield bytes
      emit(options.reporter, {
        kind: 'tableProgress',
        table: label,
        rowCount: 0,
        sizeBytes,
        isDone: false,
      })
    }
  }

  let loaded: number
  try {
    loaded = await session.copyIn(
      copyInStatement({ ...table, columns: [...columns] }, options.isNew),
      isWhole ? source() : projectRows(source(), table.columns, columns),
    )
  } catch (error) {
    throw isStatementError(error) ? restoreFailed(`rows of TABLE ${label}`, error) : error
  }
  if (loaded !== rows.rowCount) {
    throw new SnapError(
      'RESTORE_NOT_PROVEN',
      `cannot prove '${label}': the commit holds ${rows.rowCount} rows, the server took ${loaded}`,
      { differences: [`${label}: expected ${rows.rowCount} rows, loaded ${loaded}`] },
      { hint: `run 'snap fsck' and report this, with both versions` },
    )
  }
  emit(options.reporter, {
    kind: 'tableProgress',
    table: label,
    rowCount: rows.rowCount,
    sizeBytes: rows.sizeBytes,
    isDone: true,
  })
}

function copyInStatement(table: TableEntry, isNew: boolean): string {
  const columns = table.columns.map(quoteIdentifier).join(', ')
  const list = columns === '' ? '' : ` (${columns})`
  return `COPY ${qualifiedName(table)}${list} FROM STDIN${isNew ? ' (FREEZE)' : ''}`
}
