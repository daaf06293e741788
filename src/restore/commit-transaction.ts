/**
 * COMMIT, and what to say when the answer to it does not arrive.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isSnapError, SnapError } from '../errors.ts'
import { openSession, type Session } from '../postgres/session.ts'

/**
 * Commits the open transaction of a restore.
 *
 * A COMMIT that the server refuses, or that was not sent, has not been done. When
 * the connection dies before the server's answer, the transaction may have been
 * committed or not. A new connection asks (`pg_xact_status`); only if that cannot
 * be told either is the outcome in doubt.
 *
 * @throws RESTORE_FAILED    it was rolled back; nothing was changed
 * @throws ABORTED           it was interrupted before; nothing was changed
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
    if (isSnapError(error, 'ABORTED')) throw error
    const isLost = isSnapError(error, 'POSTGRES_CONNECTION_LOST')
    const status = isLost ? await askStatus(session, transactionId) : 'aborted'
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

const MAX_QUESTIONS = 20
const NEXT_QUESTION_MS = 100

/** Asks until the transaction is over: the server may be about to commit, or not have noticed that we are gone. */
async function askStatus(session: Session, transactionId: string): Promise<string | null> {
  try {
    const other = await openSession(session.address, { applicationName: 'snap' })
    try {
      for (let asked = 1; ; asked++) {
        const [row] = await other.query<{ status: string | null }>(
          'SELECT pg_catalog.pg_xact_status($1::text::xid8) AS status',
          [transactionId],
        )
        const status = row?.status ?? null
        if (status !== 'in progress' || asked === MAX_QUESTIONS) return status
        await sleep(NEXT_QUESTION_MS)
      }
    } finally {
      await other.close()
    }
  } catch {
    return null
  }
}
