/**
 * What of the server's write-ahead log a capture notes, so that a later one can tell what has
 * changed since. Why this is enough says `unread-tables.ts`.
 */
import { setTimeout } from 'node:timers/promises'
import { InvariantError, isSnapError, throwIfAborted } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { parseLsn, wasOver } from './log-position.ts'

/** A position in the log, and which transactions may have logged something before it. */
export interface WalMark {
  lsn: string
  /** Lower 32 bits of the ids of those that were not over. */
  runningTransactionIds: string[]
}

/** Why a server's log does not tell what has changed. */
export type WalObstacle =
  | 'serverTooOld'
  | 'summariesOff'
  | 'standby'
  | 'logUnreadable'
  | 'mayNotCheckpoint'

/** Where the log stood when a snapshot was taken. */
export interface WalMoment {
  /** Everything that the snapshot shows was logged before. */
  lsn: string
  timeline: string
  serverStartedAt: string
  systemIdentifier: string
  databaseOid: number
  /** The mark's position, where all that it names were over; else null. */
  settledLsn: string | null
}

/** How long to wait for transactions to end that are just being committed. */
const MARK_TIMEOUT_MS = 300
const MARK_POLL_MS = 20

/**
 * Notes the log's position and who is writing. Call it before the snapshot is taken, outside of a
 * transaction.
 *
 * @param isPatient  waits a moment for transactions that are about to end, without whom the mark
 *                   would be of no use
 * @param isSharp    has the server begin a new summary there: what was modified before would otherwise
 *                   be told together with what is modified after
 */
export async function readWalMark(
  session: Session,
  options: { isPatient: boolean; isSharp: boolean },
): Promise<WalMark | WalObstacle> {
  try {
    return await askForMark(session, options)
  } catch (error) {
    // What keeps a server from this need not keep it from being read.
    throwIfAborted(session.signal, 'capture')
    if (
      isSnapError(error, 'POSTGRES_REFUSED') ||
      isSnapError(error, 'POSTGRES_PERMISSION_DENIED')
    ) {
      return 'logUnreadable'
    }
    throw error
  }
}

async function askForMark(
  session: Session,
  { isPatient, isSharp }: { isPatient: boolean; isSharp: boolean },
): Promise<WalMark | WalObstacle> {
  if (session.serverMajor < OLDEST_MAJOR_WITH_SUMMARIES) return 'serverTooOld'
  const [server] = await session.query<{
    summarizes: boolean
    is_standby: boolean
    may_read: boolean
    may_checkpoint: boolean
  }>(`
    SELECT current_setting('summarize_wal') = 'on' AS summarizes,
      pg_catalog.pg_is_in_recovery() AS is_standby,
      pg_catalog.has_table_privilege('pg_catalog.pg_locks', 'SELECT') AND
        (SELECT bool_and(pg_catalog.has_function_privilege('pg_catalog.' || f, 'EXECUTE'))
           FROM unnest(ARRAY['pg_current_wal_insert_lsn()', 'pg_current_wal_flush_lsn()',
             'pg_walfile_name(pg_lsn)', 'pg_postmaster_start_time()', 'pg_control_system()',
             'pg_available_wal_summaries()', 'pg_get_wal_summarizer_state()',
             'pg_wal_summary_contents(int8,pg_lsn,pg_lsn)']) AS f) AS may_read,
      pg_catalog.pg_has_role(current_user, 'pg_checkpoint', 'USAGE') AS may_checkpoint`)
  if (server === undefined) throw new InvariantError('a query without FROM returned no row')
  // A standby would do, but for its transactions: it does not say which of them are running.
  if (server.is_standby) return 'standby'
  if (!server.summarizes) return 'summariesOff'
  if (!server.may_read) return 'logUnreadable'

  // Summaries end where checkpoints begin; without them the newest is some minutes old.
  if (!server.may_checkpoint) return 'mayNotCheckpoint'

  if (isSharp) await session.execute('CHECKPOINT')
  // The position first: whoever has logged something before it holds the lock on its id by now.
  const [position] = await session.query<{ lsn: string }>(
    'SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS lsn',
  )
  if (position === undefined) throw new InvariantError('a query without FROM returned no row')
  const mark = {
    lsn: position.lsn,
    runningTransactionIds: await readRunning(session),
  }
  if (!isPatient) return mark
  const deadlineMs = performance.now() + MARK_TIMEOUT_MS
  let running = mark.runningTransactionIds
  while (running.length > 0 && performance.now() < deadlineMs) {
    await setTimeout(MARK_POLL_MS)
    const now = new Set(await readRunning(session))
    running = running.filter((id) => now.has(id))
  }
  return mark
}

const OLDEST_MAJOR_WITH_SUMMARIES = 17

/**
 * Not from a snapshot: its xmax is behind the newest id that ended, so that the newest ids that have
 * been given out do not show in it. Each transaction with an id holds the lock on that id until it is
 * over, prepared ones too, and everybody may read locks (manual, "pg_locks").
 */
async function readRunning(session: Session): Promise<string[]> {
  const rows = await session.query<{ id: string }>(`
    SELECT DISTINCT transactionid::text AS id FROM pg_catalog.pg_locks
     WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted`)
  return rows.map(({ id }) => id)
}

/** Reads where the log is. Call it in the transaction that has the snapshot. */
export async function readWalMoment(session: Session, mark: WalMark): Promise<WalMoment> {
  const [row] = await session.query<{
    snapshot: string
    lsn: string
    segment_name: string
    started_at: string
    system_identifier: string
    database_oid: string
  }>(`
    SELECT pg_catalog.pg_current_snapshot()::text AS snapshot, position.lsn::text AS lsn,
      pg_catalog.pg_walfile_name(position.lsn) AS segment_name,
      to_char(pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started_at,
      (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier,
      (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database()) AS database_oid
    FROM pg_catalog.pg_current_wal_insert_lsn() AS position(lsn)`)
  if (row === undefined) throw new InvariantError('a function in FROM returned no row')
  const isSettled = mark.runningTransactionIds.every((id) => wasOver(id, row.snapshot))
  return {
    lsn: row.lsn,
    timeline: String(Number.parseInt(row.segment_name.slice(0, TIMELINE_DIGITS), 16)),
    serverStartedAt: row.started_at,
    systemIdentifier: row.system_identifier,
    databaseOid: Number(row.database_oid),
    settledLsn: isSettled ? mark.lsn : null,
  }
}

/** A segment's name begins with its timeline. */
const TIMELINE_DIGITS = 8

/**
 * Has all that was logged up to a moment written to disk. What is not there could still be lost in a
 * crash, and other records would then take its place.
 *
 * The WAL writer hurries for commits alone; hint bits that a reader has set may wait for long.
 */
export async function flushLog(session: Session, moment: WalMoment): Promise<void> {
  const [flushed] = await session.query<{ lsn: string }>(
    'SELECT pg_catalog.pg_current_wal_flush_lsn()::text AS lsn',
  )
  const isFlushed = flushed !== undefined && parseLsn(flushed.lsn) >= parseLsn(moment.lsn)
  if (!isFlushed) await session.execute('CHECKPOINT')
}
