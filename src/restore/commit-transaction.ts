/**
 * COMMIT, and what to say when the answer to it does not arrive.
 */
import { SnapError } from '../errors.ts'
import { openSession, type Session } from '../postgres/session.ts'

/**
 * Commits the open transaction of a restore.
 *
 * When the connection dies before the server's answer, the transaction may have
 * been committed or not. A new connection asks (`pg_xact_status`); only if that
 * cannot be told either is the outcome in doubt.
 *
 * @throws RESTORE_FAILED    it was rolled back; nothing was changed
 * @throws RESTORE_IN_DOUBT  nobody could be asked; the hint says how to find out
 */
export async function commitRestore(session: Session, databaseName: string): Promise<void> {
  const [transaction] = await session.query<{ id: string }>(
    'SELECT pg_catalog.pg_current_xact_id()::text AS id',
  )
  const transactionId = transaction?.id ?? ''
  try {
    await session.execute('COMMIT')
  } catch (error) {
    const status = await askStatus(session, transactionId)
    if (status === 'committed') return
    if (status === 'aborted') {
      throw new SnapError(
        'RESTORE_FAILED',
        'the transaction was rolled back at COMMIT; nothing was changed',
        { step: 'COMMIT' },
        { cause: error },
      )
    }
    throw new SnapError(
      'RESTORE_IN_DOUBT',
      `the connection was lost at COMMIT: whether '${databaseName}' was restored is not known`,
      { databaseName },
      {
        cause: error,
        hint: `once the server answers, run: SELECT pg_xact_status('${transactionId}') ('committed' = restored, 'aborted' = unchanged)`,
      },
    )
  }
}

/** A COMMIT that the server refused has been rolled back; otherwise the server's own record decides. */
async function askStatus(session: Session, transactionId: string): Promise<string | null> {
  try {
    const other = await openSession(session.address, { applicationName: 'snap' })
    try {
      const [row] = await other.query<{ status: string | null }>(
        'SELECT pg_catalog.pg_xact_status($1::text::xid8) AS status',
        [transactionId],
      )
      return row?.status ?? null
    } finally {
      await other.close()
    }
  } catch {
    return null
  }
}
