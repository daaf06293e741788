import { isSnapError } from '../errors.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { runStatements, type Statement } from './statement.ts'

/**
 * Refreshes materialized views in order.
 *
 * The server reads for a refresh with the rights of the view's owner, who may have
 * lost those that the view was filled with. Then the view belongs, for the time of
 * its refresh, to the role that restores; nobody sees that before COMMIT.
 *
 * @param refreshes  as `planRefreshes` makes them
 * @throws RESTORE_FAILED  naming the view
 */
export async function runRefreshes(
  session: Session,
  refreshes: readonly Statement[],
): Promise<void> {
  if (await isAllowed(session, refreshes)) return
  for (const refresh of refreshes) {
    if (!(await isAllowed(session, [refresh]))) await refreshAsWhoMay(session, refresh)
  }
}

/** @returns false, and all is as before, where the server denies a view's owner what it takes */
async function isAllowed(session: Session, refreshes: readonly Statement[]): Promise<boolean> {
  await session.execute('SAVEPOINT snap_refresh')
  try {
    await runStatements(session, refreshes)
  } catch (error) {
    if (!isDenied(error)) throw error
    await session.execute('ROLLBACK TO SAVEPOINT snap_refresh; RELEASE SAVEPOINT snap_refresh')
    return false
  }
  await session.execute('RELEASE SAVEPOINT snap_refresh')
  return true
}

async function refreshAsWhoMay(session: Session, refresh: Statement): Promise<void> {
  const view = refresh.sql.replace(/^REFRESH /, '')
  const name = view.replace(/^MATERIALIZED VIEW /, '')
  const [found] = await session.query<{ owner: string }>(
    `SELECT pg_catalog.pg_get_userbyid(relowner) AS owner FROM pg_catalog.pg_class
      WHERE oid = ${quoteLiteral(name)}::regclass`,
  )
  const { subject } = refresh
  await runStatements(session, [
    { subject, sql: `ALTER ${view} OWNER TO CURRENT_USER` },
    refresh,
    { subject, sql: `ALTER ${view} OWNER TO ${quoteIdentifier(found?.owner ?? '')}` },
  ])
}

const isDenied = (error: unknown): boolean =>
  isSnapError(error, 'RESTORE_FAILED') && isSnapError(error.cause, 'POSTGRES_PERMISSION_DENIED')
