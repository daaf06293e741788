/**
 * Reads a few tables by one statement for their locks, and one for their rows.
 */
import { isSnapError, SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { ManifestRef } from '../format/values.ts'
import { inFamily, type ObjectSink } from '../objects/object-sink.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { captureStream } from './capture-stream.ts'
import { copyOutStatement } from './copy-out-statement.ts'
import type { Relation } from './list-relations.ts'

/**
 * Takes the locks that COPY needs, and returns the tables whose locks could be had without waiting.
 *
 * All are asked for at once. Where one is refused each half is asked for by itself, so one table in
 * somebody's hands costs few statements, and no other table its place.
 */
export async function lockAtOnce(
  session: Session,
  tables: readonly Relation[],
): Promise<readonly Relation[]> {
  const names = tables.map((table) => `ONLY ${qualifiedName(table)}`)
  try {
    await session.execute(`
      SAVEPOINT snap_tables;
      LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE NOWAIT;
      RELEASE SAVEPOINT snap_tables`)
    return tables
  } catch (error) {
    if (!isSnapError(error, 'POSTGRES_LOCK_TIMEOUT')) throw error
    await session.execute('ROLLBACK TO SAVEPOINT snap_tables; RELEASE SAVEPOINT snap_tables')
  }
  if (tables.length === 1) return []
  const middle = tables.length >> 1
  return [
    ...(await lockAtOnce(session, tables.slice(0, middle))),
    ...(await lockAtOnce(session, tables.slice(middle))),
  ]
}

/**
 * Captures the rows of tables that `session` has locks on, and hands over each manifest as it is complete.
 *
 * @throws POSTGRES_*  and names the table whose rows could not be read
 */
export async function captureBatch(
  session: Session,
  tables: readonly Relation[],
  sink: ObjectSink,
  options: {
    onCaptured: (table: Relation, rows: ManifestRef) => void
    reporter?: Reporter | undefined
  },
): Promise<void> {
  const { onCaptured, reporter } = options
  const remaining = tables.values()
  for await (const rows of session.copyOuts(tables.map(copyOutStatement))) {
    const table = remaining.next().value as Relation
    const label = `${table.namespace}.${table.name}`
    const progress = (totals: { rowCount: number; sizeBytes: number }, isDone: boolean) => {
      const { rowCount, sizeBytes } = totals
      emit(reporter, { kind: 'tableProgress', table: label, rowCount, sizeBytes, isDone })
    }
    try {
      const chunks = inFamily(sink, qualifiedName(table))
      const manifest = await captureStream(rows, chunks, (totals) => progress(totals, false))
      progress(manifest, true)
      onCaptured(table, manifest)
    } catch (error) {
      throw withTable(error, label)
    }
  }
}

/** The server says of few failures which table they are of. */
function withTable(error: unknown, label: string): unknown {
  if (!isSnapError(error, 'POSTGRES_REFUSED') || error.data.table !== undefined) return error
  return new SnapError(
    error.code,
    `cannot read table '${label}': ${error.message}`,
    { ...error.data, table: label },
    {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      retryable: error.retryable,
    },
  )
}
