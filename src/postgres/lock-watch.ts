/**
 * Names who is in the way while a statement waits for a lock.
 *
 * By the time `lock_timeout` strikes, the wait is over and the server no longer
 * knows whom it was for; so a second connection looks while it lasts. That
 * connection is opened only once something really waits.
 */
import { type Blocker, isSnapError, SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { DatabaseAddress } from './address/database-address.ts'
import { findBlockers } from './blockers.ts'
import { openSession, type Session } from './session.ts'

/** Locks that are granted sooner are not worth a connection. */
const FIRST_LOOK_MS = 400
const NEXT_LOOK_MS = 1_000

/**
 * Runs `work` on `session` and reports who blocks it meanwhile.
 *
 * @throws POSTGRES_LOCK_TIMEOUT  with the blockers last seen in `data.blockers`
 */
export async function watchLocks<T>(
  session: Session,
  address: DatabaseAddress,
  reporter: Reporter | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let blockers: Blocker[] = []
  let watcher: Session | undefined
  let isDone = false
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  const look = async () => {
    try {
      watcher ??= await openSession(address, { applicationName: 'snap lock watch' })
      const found = await findBlockers(watcher, session.processId)
      if (isDone || found.length === 0) return
      blockers = found
      emit(reporter, { kind: 'lockWaiting', blockers })
    } catch {
      // Only the names are lost: the wait itself ends as it would have.
    }
  }
  const schedule = (delayMs: number) => {
    timer = setTimeout(() => {
      looking = look().finally(() => {
        if (!isDone) schedule(NEXT_LOOK_MS)
      })
    }, delayMs)
    timer.unref()
  }

  schedule(FIRST_LOOK_MS)
  try {
    return await work()
  } catch (error) {
    throw isSnapError(error, 'POSTGRES_LOCK_TIMEOUT') ? lockTimeoutNaming(error, blockers) : error
  } finally {
    isDone = true
    clearTimeout(timer)
    await looking
    await watcher?.close()
  }
}

function lockTimeoutNaming(
  error: SnapError<'POSTGRES_LOCK_TIMEOUT'>,
  blockers: Blocker[],
): SnapError<'POSTGRES_LOCK_TIMEOUT'> {
  const pids = blockers.map((blocker) => blocker.pid).join(', ')
  return new SnapError(
    'POSTGRES_LOCK_TIMEOUT',
    error.message,
    { ...error.data, blockers },
    {
      cause: error,
      hint:
        blockers.length === 0
          ? 'end the sessions that use these tables, or wait longer with --lock-timeout'
          : `end the session(s) with pid ${pids}, or wait longer with --lock-timeout`,
    },
  )
}
