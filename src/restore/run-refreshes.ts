import { isSnapError } from '../errors.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { runStatements, type Statement } from './statement.ts'

/**
 * Refreshes materialized views in order.
 *
 * The server reads for a refresh with the rights of the view's owner, and through
 * views beneath it with those of theirs; they may have lost the rights that the view
 * was filled with. Then all of them belong, for the time of the refresh, to the role
 * that restores; nobody sees that before COMMIT.
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
  const { subject } = refresh
  const views = await readViewsBeneath(session, refresh.sql.replace(/^.* VIEW /, ''))
  const giveTo = (owner: (view: OwnedView) => string) =>
    views.map((view) => ({ subject, sql: `ALTER ${view.words} OWNER TO ${owner(view)}` }))
  await runStatements(session, [
    ...giveTo(() => 'CURRENT_USER'),
    refresh,
    ...giveTo(({ owner }) => quoteIdentifier(owner)),
  ])
}

interface OwnedView {
  /** `VIEW "public"."v"`. */
  words: string
  owner: string
}

/** The materialized view itself, and the views that it reads through. */
function readViewsBeneath(session: Session, name: string): Promise<OwnedView[]> {
  return session.query<{ words: string; owner: string }>(
    `WITH RECURSIVE beneath(oid) AS (
       SELECT ${quoteLiteral(name)}::regclass::oid
       UNION
       SELECT c.oid FROM beneath
         JOIN pg_catalog.pg_rewrite r ON r.ev_class = beneath.oid
         JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
          AND d.refclassid = 'pg_catalog.pg_class'::regclass
         JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind = 'v')
     SELECT CASE relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END
         || pg_catalog.format('VIEW %I.%I', nspname, relname) AS words,
       pg_catalog.pg_get_userbyid(relowner) AS owner
     FROM beneath JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace`,
  )
}

const isDenied = (error: unknown): boolean =>
  isSnapError(error, 'RESTORE_FAILED') && isSnapError(error.cause, 'POSTGRES_PERMISSION_DENIED')
