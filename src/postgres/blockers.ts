import type { Blocker } from '../errors.ts'
import type { Session } from './session.ts'

/**
 * Returns the sessions that keep `waitingPid` from getting a lock, longest-running first.
 *
 * Ask on another session than the one that waits. Without the right to see
 * other roles' activity (pg_read_all_stats) `query` says so in the server's words.
 */
export async function findBlockers(session: Session, waitingPid: number): Promise<Blocker[]> {
  const rows = await session.query<{
    pid: number
    user: string | null
    application: string | null
    query: string | null
    since: Date | null
  }>(
    `SELECT pid, usename AS "user", application_name AS application, query,
            coalesce(xact_start, backend_start) AS since
       FROM pg_catalog.pg_stat_activity
      WHERE pid = ANY (pg_catalog.pg_blocking_pids($1))
      ORDER BY since, pid`,
    [waitingPid],
  )
  return rows.map((row) => ({
    pid: row.pid,
    user: row.user ?? '',
    application: row.application ?? '',
    query: row.query ?? '',
    since: (row.since ?? new Date(0)).toISOString(),
  }))
}
