/**
 * Opens the sessions that fill a new database, set for that.
 */
import { availableParallelism } from 'node:os'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { pinSettings } from '../postgres/pinned-settings.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { raiseMaintenanceMemory } from './maintenance-memory.ts'

/**
 * Opens `count` sessions at once.
 *
 * What they commit is durable once somebody else's commit after it is, see `makeDurable`: nobody
 * has been promised anything before, and a session that waits for the disk does not work.
 */
export async function openFillingSessions(
  address: DatabaseAddress,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Session[]> {
  const opened = await Promise.allSettled(
    Array.from({ length: count }, async () => {
      const session = await openSession(address, signal === undefined ? {} : { signal })
      await pinSettings(session)
      await session.execute('SET synchronous_commit = off')
      await raiseMaintenanceMemory(session, count)
      return session
    }),
  )
  const sessions = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  for (const each of opened) {
    if (each.status === 'fulfilled') continue
    await Promise.allSettled(sessions.map((session) => session.close()))
    throw each.reason
  }
  return sessions
}

/**
 * Makes everything durable that any session has committed, as far as the server's settings want it.
 *
 * A commit waits for the whole write-ahead log up to itself, but only when it has written to it.
 */
export async function makeDurable(session: Session): Promise<void> {
  await session.execute(
    `BEGIN; SET LOCAL synchronous_commit TO DEFAULT;
     SELECT pg_catalog.pg_logical_emit_message(true, 'snap', 'restored'); COMMIT`,
  )
}

/** Whether there are as many sessions as processors for them, as far as can be known. */
export function isFillingTheMachine(sessions: readonly Session[]): boolean {
  const { isLocalSocket, parts } = sessions[0]!.address
  const isOnThisMachine = isLocalSocket || LOOPBACK.test(parts.host)
  return isOnThisMachine && sessions.length >= availableParallelism()
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/i
