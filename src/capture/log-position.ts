/** Positions in the write-ahead log and transaction ids, as numbers. Pure. */

/** Parses `16/B3748`: the upper and lower 32 bits of a byte position. */
export function parseLsn(text: string): bigint {
  const [upper = '', lower = ''] = text.split('/')
  return (BigInt(`0x${upper}`) << 32n) | BigInt(`0x${lower}`)
}

/**
 * Tells whether a transaction was over at a snapshot.
 *
 * @param transactionId  its lower 32 bits, as `pg_locks` has it; fewer than 2^31 before or after the snapshot
 * @param snapshot       the text of `pg_current_snapshot()`: `xmin:xmax:xid,xid…`, whole ids
 */
export function wasOver(transactionId: string, snapshot: string): boolean {
  const [, xmax = '0', running = ''] = snapshot.split(':')
  const end = BigInt(xmax)
  const id = end + BigInt.asIntN(32, BigInt(transactionId) - end)
  return id < end && !running.split(',').includes(id.toString())
}

/** One file of what the log modified, from one position up to another. */
export interface WalSummary {
  timeline: string
  startLsn: string
  endLsn: string
}

/**
 * Returns those of the summaries that tell of everything logged from one position up to another, or
 * undefined where they leave something out.
 */
export function coveringSummaries(
  summaries: readonly WalSummary[],
  { from, to }: { from: bigint; to: bigint },
): WalSummary[] | undefined {
  const byStart = summaries
    .map((summary) => ({
      summary,
      start: parseLsn(summary.startLsn),
      end: parseLsn(summary.endLsn),
    }))
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  const chosen: WalSummary[] = []
  let reached = from
  for (const { summary, start, end } of byStart) {
    if (reached >= to) break
    if (end <= reached) continue
    if (start > reached) return undefined
    chosen.push(summary)
    reached = end
  }
  return reached >= to ? chosen : undefined
}
