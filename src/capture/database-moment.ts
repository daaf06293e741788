import { encodeJsonLine } from '../format/json-lines.ts'
import type { ManifestRef, SequenceState } from '../format/values.ts'
import { HashingSink } from '../objects/object-sink.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { readSequenceStates } from './capture-sequences.ts'
import { captureLines } from './capture-stream.ts'

/** What tells whether a database is still as a capture found it, without reading it again. */
export interface DatabaseMoment {
  /** Which transactions were over: the text of `pg_current_snapshot()`. */
  transactions: string
  sequences: readonly SequenceState[]
  /** The manifest of `sequences`. */
  sequenceRows: ManifestRef
}

/** Returns the text of `pg_current_snapshot()`. */
export async function readTransactions(session: Session): Promise<string> {
  const [row] = await session.query<{ snapshot: string }>(
    'SELECT pg_catalog.pg_current_snapshot()::text AS snapshot',
  )
  return row?.snapshot ?? ''
}

/**
 * Tells whether the database is still as it was at a moment. "No" may be wrong.
 *
 * What a snapshot shows is settled by which transactions were over when it was
 * taken (PostgreSQL manual, "System Information Functions", `pg_current_snapshot`):
 * as long as that is the same, nothing that was visible has changed. Every write
 * to a table, a catalog or a large object needs a transaction id; only sequences
 * move without, so their positions are compared. A busy neighbour database moves
 * the snapshot too, and then the state has to be read again.
 *
 * Ask in a READ COMMITTED transaction that has written nothing, or the answer is
 * about that transaction.
 */
export async function isStillAt(session: Session, moment: DatabaseMoment): Promise<boolean> {
  if ((await readTransactions(session)) !== moment.transactions) return false
  const sequences = await readSequenceStates(session, moment.sequences)
  const found = await captureLines(sequences, encodeJsonLine, new HashingSink())
  return found.rootId === moment.sequenceRows.rootId
}

/** As `isStillAt`, over a connection of its own. @throws POSTGRES_* */
export async function isDatabaseStillAt(
  database: DatabaseAddress,
  moment: DatabaseMoment,
  signal?: AbortSignal,
): Promise<boolean> {
  const session = await openSession(database, signal === undefined ? {} : { signal })
  try {
    return await isStillAt(session, moment)
  } finally {
    await session.close()
  }
}
