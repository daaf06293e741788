/**
 * Names who is in the way while a statement waits for a lock, and ends them if told to.
 *
 * By the time `lock_timeout` strikes, the wait is over and the server no longer
 * knows whom it was for; so a second connection looks while it lasts. That
 * connection is opened only once something really waits, unless the wait may be
 * too short for it.
 */
import { type Blocker, isSnapError, SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { DatabaseAddress } from './address/database-address.ts'
import { describeBlocker, findBlockers, terminateBlocker } from './blockers.ts'
import { openSession, type Session } from './session.ts'

/** Locks that are granted sooner are not worth a connection. */
const FIRST_LOOK_MS = 400
const NEXT_LOOK_MS = 1_000
/** A shorter timeout leaves no time to connect once something waits. */
const SHORT_TIMEOUT_MS = 2_000
/** How often a short wait is looked at. */
const LOOKS_A_TIMEOUT = 5
const SHORTEST_LOOK_MS = 5

export interface LockWatchOptions {
  address: DatabaseAddress
  /** `lock_timeout` of the session that works; 0 waits for ever. */
  lockTimeoutMs: number
  /**
   * Ends the sessions that block, each after it has been reported, and is called
   * with each. Prepared transactions have no session and are only named.
   */
  onTerminated?: ((blocker: Blocker) => void) | undefined
  reporter?: Reporter | undefined
}

/**
 * Runs `work` on `session` and reports who blocks it meanwhile.
 *
 * @throws POSTGRES_LOCK_TIMEOUT  with the blockers last seen in `data.blockers`
 */
export async function watchLocks<T>(
  session: Session,
  options: LockWatchOptions,
  work: () => Promise<T>,
): Promise<T> {
  const { address, lockTimeoutMs, onTerminated, reporter } = options
  const isShort = lockTimeoutMs > 0 && lockTimeoutMs < SHORT_TIMEOUT_MS
  const shortLookMs = Math.max(SHORTEST_LOOK_MS, lockTimeoutMs / LOOKS_A_TIMEOUT)
  const connect = () => openSession(address, { applicationName: 'snap lock watch' })
  // Without it only the names are lost.
  let watcher: Session | undefined = isShort ? await connect().catch(() => undefined) : undefined
  let blockers: Blocker[] = []
  const refusals = new Map<number, string>()
  let isDone = false
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  const look = async () => {
    try {
      watcher ??= await connect()
      const found = await findBlockers(watcher, session.processId)
      if (found.length === 0) return
      // The answer may come after the wait has ended; it is about the wait all the same.
      const isNews = !isSameList(found, blockers)
      blockers = found
      if (isDone) return
      if (isNews || !isShort) emit(reporter, { kind: 'lockWaiting', blockers })
      if (onTerminated !== undefined) await terminateAll(watcher, onTerminated)
    } catch {
      // Only the names are lost: the wait itself ends as it would have.
    }
  }
  const terminateAll = async (from: Session, onEnded: (blocker: Blocker) => void) => {
    for (const blocker of blockers) {
      if (isDone || blocker.preparedTransaction !== null || refusals.has(blocker.pid)) continue
      const outcome = await terminateBlocker(from, session.processId, blocker)
      if (outcome.kind === 'refused') refusals.set(blocker.pid, outcome.because)
      if (outcome.kind !== 'ended') continue
      emit(reporter, { kind: 'sessionTerminated', blocker })
      onEnded(blocker)
    }
  }
  const schedule = (delayMs: number) => {
    timer = setTimeout(() => {
      looking = look().finally(() => {
        if (!isDone) schedule(isShort ? shortLookMs : NEXT_LOOK_MS)
      })
    }, delayMs)
    timer.unref()
  }

  const stop = async () => {
    isDone = true
    clearTimeout(timer)
    await looking
  }

  schedule(isShort ? shortLookMs : FIRST_LOOK_MS)
  try {
    return await work()
  } catch (error) {
    await stop()
    throw isSnapError(error, 'POSTGRES_LOCK_TIMEOUT')
      ? lockTimeoutNaming(error, blockers, refusals)
      : error
  } finally {
    await stop()
    await watcher?.close()
  }
}

function isSameList(a: readonly Blocker[], b: readonly Blocker[]): boolean {
  return a.map(describeBlocker).join('\n') === b.map(describeBlocker).join('\n')
}

function lockTimeoutNaming(
  error: SnapError<'POSTGRES_LOCK_TIMEOUT'>,
  blockers: Blocker[],
  refusals: ReadonlyMap<number, string>,
): SnapError<'POSTGRES_LOCK_TIMEOUT'> {
  const refused = blockers.find(({ pid }) => refusals.has(pid))
  const message =
    refused === undefined
      ? error.message
      : `${error.message}; cannot end ${describeBlocker(refused)}: ${refusals.get(refused.pid)}`
  return new SnapError(
    'POSTGRES_LOCK_TIMEOUT',
    message,
    { ...error.data, blockers },
    { cause: error, hint: hintFor(blockers, refused !== undefined) },
  )
}

function hintFor(blockers: readonly Blocker[], isRefused: boolean): string {
  const [prepared] = blockers.filter((blocker) => blocker.preparedTransaction !== null)
  if (prepared !== undefined) {
    const gid = prepared.preparedTransaction!.replaceAll("'", "''")
    return `if nobody will finish it, run: ROLLBACK PREPARED '${gid}'`
  }
  const pids = blockers.map((blocker) => blocker.pid).join(', ')
  if (isRefused) {
    return `have its owner, a member of pg_signal_backend or a superuser end pid ${pids}, or wait longer with --lock-timeout`
  }
  return blockers.length === 0
    ? 'end the sessions that use these tables, or wait longer with --lock-timeout'
    : `end the session(s) with pid ${pids} (--terminate does), or wait longer with --lock-timeout`
}
