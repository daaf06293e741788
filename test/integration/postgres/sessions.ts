import { expect } from 'vitest'
import type { DatabaseAddress } from '../../../src/postgres/address/database-address.ts'
import { resolveDatabaseAddress } from '../../../src/postgres/address/resolve-database-address.ts'
import { openSession, type Session, type SessionOptions } from '../../../src/postgres/session.ts'

/** The address a URL means, with nothing taken from this machine's settings. */
export function addressOf(url: string): Promise<DatabaseAddress> {
  return resolveDatabaseAddress({
    url,
    environment: {},
    workingDirectory: '/nonexistent',
    homeDirectory: '/nonexistent',
    userName: 'nobody',
  })
}

/** Runs `work` with a session that is closed afterwards. */
export async function withSession<Result>(
  url: string,
  work: (session: Session) => Promise<Result>,
  options: SessionOptions = {},
): Promise<Result> {
  const session = await openSession(await addressOf(url), options)
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

/** How long a test waits for what must happen; a loaded machine is no failure. */
export const PATIENCE_MS = 120_000

/** Waits until another session is inside pg_sleep. */
export async function untilSleeping(watcher: Session, processId: number): Promise<void> {
  await expect
    .poll(
      () =>
        watcher.query(`SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'`, [
          processId,
        ]),
      { timeout: PATIENCE_MS },
    )
    .toHaveLength(1)
}
