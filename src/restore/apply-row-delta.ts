import { SnapError } from '../errors.ts'
import { rowToBytes } from '../format/copy-text.ts'
import type { TableEntry } from '../format/values.ts'
import { qualifiedName, quoteIdentifier } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import type { RowDelta } from './compare-rows.ts'

/**
 * Deletes and inserts the rows by which a table differs, and checks that the server did both as planned.
 *
 * Keys travel through a temporary table, so that one statement deletes them all.
 *
 * @throws RESTORE_NOT_PROVEN  the server deleted or took other rows than planned
 */
export async function applyRowDelta(
  session: Session,
  table: TableEntry,
  { keyColumns, deletedKeys, insertedRows }: RowDelta,
): Promise<void> {
  const name = qualifiedName(table)
  const label = `${table.namespace}.${table.name}`
  if (deletedKeys.length > 0) {
    const keys = keyColumns.map(quoteIdentifier).join(', ')
    await session.execute(
      `CREATE TEMPORARY TABLE snap_deleted_keys ON COMMIT DROP AS SELECT ${keys} FROM ONLY ${name} WITH NO DATA`,
    )
    await session.copyIn('COPY pg_temp.snap_deleted_keys FROM STDIN', rowBytes(deletedKeys))
    const isSameKey = keyColumns
      .map(quoteIdentifier)
      .map((column) => `rows.${column} = keys.${column}`)
      .join(' AND ')
    await session.execute('ANALYZE pg_temp.snap_deleted_keys')
    const { rowCount } = await session.execute(
      `DELETE FROM ONLY ${name} AS rows USING pg_temp.snap_deleted_keys AS keys WHERE ${isSameKey}`,
    )
    assertCount(label, 'delete', deletedKeys.length, rowCount)
    await session.execute('DROP TABLE pg_temp.snap_deleted_keys')
  }
  if (insertedRows.length > 0) {
    const columns = table.columns.map(quoteIdentifier).join(', ')
    const taken = await session.copyIn(
      `COPY ${name} (${columns}) FROM STDIN`,
      rowBytes(insertedRows),
    )
    assertCount(label, 'insert', insertedRows.length, taken)
  }
}

/** COPY data messages of a useful size. */
const ROWS_PER_PIECE = 500

async function* rowBytes(rows: readonly string[]): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < rows.length; i += ROWS_PER_PIECE) {
    yield rowToBytes(rows.slice(i, i + ROWS_PER_PIECE).join('\n'))
  }
}

function assertCount(label: string, verb: string, expected: number, found: number): void {
  if (expected === found) return
  const difference = `${label}: expected to ${verb} ${expected} rows, the server did ${found}`
  throw new SnapError(
    'RESTORE_NOT_PROVEN',
    `cannot prove '${label}': ${difference}`,
    { differences: [difference] },
    { hint: `run 'snap fsck' and report this, with both versions` },
  )
}
