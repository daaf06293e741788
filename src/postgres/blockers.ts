import type { Blocker } from '../errors.ts'
import type { Session } from './session.ts'

interface BlockerRow {
  pid: number
  user: string | null
  application: string | null
  query: string | null
  since: Date | null
  gid: string | null
}

/**
 * Returns what keeps `waitingPid` from getting a lock, longest-running first:
 * sessions, and prepared transactions, which nobody's session holds any more.
 *
 * Ask on another session than the one that waits. Without the right to see
 * other roles' activity (pg_read_all_stats) `query` says so in the server's words.
 */
export async function findBlockers(session: Session, waitingPid: number): Promise<Blocker[]> {
  const rows = await session.query<BlockerRow>(
    `SELECT pid, usename AS "user", application_name AS application, query,
            coalesce(xact_start, backend_start) AS since, NULL AS gid
       FROM pg_catalog.pg_stat_activity
      WHERE pid = ANY (pg_catalog.pg_blocking_pids($1))
      ORDER BY since, pid`,
    [waitingPid],
  )
  const prepared = await session.query<BlockerRow>(PREPARED_BLOCKERS, [waitingPid])
  return [...rows, ...prepared].map((row) => ({
    pid: row.pid,
    user: row.user ?? '',
    application: row.application ?? '',
    query: row.query ?? '',
    since: (row.since ?? new Date(0)).toISOString(),
    preparedTransaction: row.gid,
  }))
}

/**
 * `pg_blocking_pids` gives 0 for a prepared transaction and does not say for which.
 *
 * pg_locks shows its locks without a pid, the one on its own transaction id among
 * them. What conflicts is said for the modes that snap asks for (manual, "Explicit
 * Locking").
 */
const PREPARED_BLOCKERS = `
  SELECT DISTINCT 0 AS pid, p.owner AS "user", '' AS application, '' AS query,
         p.prepared AS since, p.gid
    FROM pg_catalog.pg_locks wanted
    JOIN pg_catalog.pg_locks held ON held.pid IS NULL AND held.granted
     AND (held.locktype, held.database, held.relation, held.page, held.tuple, held.virtualxid,
          held.transactionid, held.classid, held.objid, held.objsubid)
         IS NOT DISTINCT FROM
         (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple,
          wanted.virtualxid, wanted.transactionid, wanted.classid, wanted.objid, wanted.objsubid)
    JOIN pg_catalog.pg_locks own ON own.pid IS NULL AND own.locktype = 'transactionid'
     AND own.virtualtransaction = held.virtualtransaction
    JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = own.transactionid
   WHERE wanted.pid = $1 AND NOT wanted.granted AND 0 = ANY (pg_catalog.pg_blocking_pids($1))
     AND CASE wanted.mode
           WHEN 'AccessShareLock' THEN held.mode = 'AccessExclusiveLock'
           WHEN 'ShareRowExclusiveLock' THEN held.mode NOT IN ('AccessShareLock', 'RowShareLock')
           ELSE true
         END
   ORDER BY since, gid`

/** How messages name one: `pid 4711 (user 'ada', application 'psql', since …)`. */
export function describeBlocker(blocker: Blocker): string {
  const { pid, user, application, since, preparedTransaction } = blocker
  if (preparedTransaction !== null) {
    return `prepared transaction '${preparedTransaction}' (owner '${user}', prepared ${since})`
  }
  return `pid ${pid} (user '${user}', application '${application}', since ${since})`
}

export type Termination =
  | { kind: 'ended' }
  /** It no longer blocks, or waits for another of the blockers itself and may be out of the way with that. */
  | { kind: 'spared' }
  /** The server does not let this role; with its reason. */
  | { kind: 'refused'; because: string }

/**
 * Asks the server to end one session, if that still blocks `waitingPid`.
 *
 * Looking and ending are one statement, so that a process id that has been given
 * to somebody else meanwhile is not hit.
 */
export async function terminateBlocker(
  session: Session,
  waitingPid: number,
  { pid }: Blocker,
): Promise<Termination> {
  try {
    const [row] = await session.query<{ ended: boolean }>(
      `SELECT pg_catalog.pg_terminate_backend(pid) AS ended
         FROM pg_catalog.pg_stat_activity
        WHERE pid = $2 AND pid = ANY (pg_catalog.pg_blocking_pids($1))
          AND NOT pg_catalog.pg_blocking_pids(pid) && pg_catalog.pg_blocking_pids($1)`,
      [waitingPid, pid],
    )
    return row?.ended ? { kind: 'ended' } : { kind: 'spared' }
  } catch (error) {
    return { kind: 'refused', because: error instanceof Error ? error.message : String(error) }
  }
}
