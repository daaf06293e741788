/**
 * Asks the server which blocks of which files its log has modified between two positions (manual, "WAL
 * Summarization Information Functions").
 */
import { setTimeout } from 'node:timers/promises'
import type { Session } from '../postgres/session.ts'
import { RANGE_BLOCKS } from './block-ranges.ts'
import { coveringSummaries, parseLsn, type WalSummary } from './log-position.ts'
import type { WalMoment } from './wal-moment.ts'

/** Why what changed since a position cannot be told. */
export type SummaryObstacle = 'summarizerBehind' | 'summariesMissing' | 'databaseReplaced'

/** The summarizer looks for new records after each checkpoint at the latest, and reads faster than they are written. */
const SUMMARIZER_TIMEOUT_MS = 10_000
const SUMMARIZER_POLL_MS = 5

/** Where a file was modified, by ranges of `RANGE_BLOCKS` blocks. */
export interface ModifiedRanges {
  /** Positions, from 0 on. */
  positions: ReadonlySet<number>
  /** From this one on everything was cut off or made at some time; null where nothing was. */
  cutFromPosition: number | null
}

/**
 * Returns the numbers of all files of the database in which a block was modified, or that were cut
 * off, made or removed, in what was logged from a position up to a moment; and where.
 *
 * Summaries end where checkpoints begin, so one is asked for where the last was before the moment.
 *
 * @param session  with no transaction open: a checkpoint takes its time
 */
export async function readModifiedFiles(
  session: Session,
  { since, until }: { since: string; until: WalMoment },
  { timeoutMs = SUMMARIZER_TIMEOUT_MS } = {},
): Promise<ReadonlyMap<number, ModifiedRanges> | SummaryObstacle> {
  const range = { from: parseLsn(since), to: parseLsn(until.lsn) }
  let covering = coveringSummaries(await listSummaries(session, until.timeline), range)
  if (covering === undefined) {
    await session.execute('CHECKPOINT')
    if (!(await waitForSummarizer(session, until.lsn, timeoutMs))) return 'summarizerBehind'
    covering = coveringSummaries(await listSummaries(session, until.timeline), range)
    if (covering === undefined) return 'summariesMissing'
  }
  const rows = await session.query<{ file_node: string; position: string; is_cut: boolean }>(
    `SELECT DISTINCT block.relfilenode::text AS file_node, block.is_limit_block AS is_cut,
            (block.relblocknumber / ${RANGE_BLOCKS})::text AS position
       FROM unnest($1::bigint[], $2::pg_lsn[], $3::pg_lsn[]) AS summary(tli, start_lsn, end_lsn),
         LATERAL pg_catalog.pg_wal_summary_contents(summary.tli, summary.start_lsn, summary.end_lsn) AS block
      WHERE block.reldatabase = $4 AND (block.relfilenode = 0 OR block.relforknumber = ${MAIN_FORK})`,
    [
      covering.map(({ timeline }) => timeline),
      covering.map(({ startLsn }) => startLsn),
      covering.map(({ endLsn }) => endLsn),
      until.databaseOid,
    ],
  )
  const files = new Map<number, { positions: Set<number>; cutFromPosition: number | null }>()
  for (const row of rows) {
    const fileNode = Number(row.file_node)
    const position = Number(row.position)
    const file = files.get(fileNode) ?? { positions: new Set(), cutFromPosition: null }
    files.set(fileNode, file)
    // A limit is how many blocks were left; the block of that number is gone, or has been made since.
    if (!row.is_cut) file.positions.add(position)
    else file.cutFromPosition = Math.min(file.cutFromPosition ?? position, position)
  }
  // What the summarizer writes for a database that was copied or moved as a whole.
  return files.has(0) ? 'databaseReplaced' : files
}

/** The visibility map and the free space map say nothing of rows. */
const MAIN_FORK = 0

function listSummaries(session: Session, timeline: string): Promise<WalSummary[]> {
  return session.query<{ timeline: string; startLsn: string; endLsn: string }>(
    `SELECT tli::text AS timeline, start_lsn::text AS "startLsn", end_lsn::text AS "endLsn"
       FROM pg_catalog.pg_available_wal_summaries() WHERE tli = $1::bigint`,
    [timeline],
  )
}

async function waitForSummarizer(
  session: Session,
  lsn: string,
  timeoutMs: number,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const [state] = await session.query<{ is_past: boolean; is_running: boolean }>(
      `SELECT summarized_lsn >= $1::pg_lsn AS is_past, summarizer_pid IS NOT NULL AS is_running
         FROM pg_catalog.pg_get_wal_summarizer_state()`,
      [lsn],
    )
    if (state?.is_past) return true
    if (!state?.is_running || performance.now() > deadlineMs) return false
    await setTimeout(SUMMARIZER_POLL_MS)
  }
}
