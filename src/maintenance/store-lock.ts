import { randomBytes } from 'node:crypto'
import type { Backend } from '../backend/backend.ts'
import { isSnapError, SnapError } from '../errors.ts'
import {
  decodeLockRecord,
  encodeLockRecord,
  type LockMode,
  type LockRecord,
} from '../format/lock-record.ts'
import { hasEnded, type ProcessIdentity, thisProcess } from './process-identity.ts'

/** A held store lock. */
export interface StoreLock {
  readonly key: string
  /** When its record was created, by the clock of the backend: what the ages of keys are told by. */
  readonly heldSince: Date
  /** Safe to call twice. */
  release(): Promise<void>
}

/**
 * Locks the store against operations that cannot go on beside `operation`.
 *
 * Commits and checkouts hold it shared; what deletes holds it exclusive. The
 * holder first writes its own record, then looks at all others, and withdraws
 * if one is in its way: of two who write at the same time, at least one sees
 * the other. Locks of processes of this host that have ended are removed.
 *
 * @throws STORE_LOCKED   another process holds it
 * @throws STORE_CORRUPT  a lock record is damaged
 */
export async function lockStore(
  backend: Backend,
  request: { operation: string; mode: LockMode; holder?: ProcessIdentity; at?: Date },
): Promise<StoreLock> {
  const { operation, mode, at = new Date() } = request
  const holder = request.holder ?? (await thisProcess())
  const key = `locks/${randomBytes(16).toString('hex')}`
  const release = () => backend.remove(key)
  await backend.create(key, [
    encodeLockRecord({ ...holder, operation, mode, startedAt: at.toISOString() }),
  ])
  try {
    let heldSince: Date | undefined
    for await (const { key: otherKey, createdAt } of backend.list('locks/')) {
      if (otherKey === key) {
        heldSince = createdAt
        continue
      }
      const other = await findLock(backend, otherKey)
      if (other === undefined || (mode === 'shared' && other.mode === 'shared')) continue
      if (!(await hasEnded(other))) throw locked(other, otherKey)
      await backend.remove(otherKey)
    }
    // Taken away by hand while we looked: then we do not hold it.
    if (heldSince === undefined) throw vanished(operation, backend.location)
    return { key, heldSince, release }
  } catch (error) {
    await release()
    throw error
  }
}

/** Reads a lock record; undefined when it was released meanwhile. */
export async function findLock(backend: Backend, key: string): Promise<LockRecord | undefined> {
  try {
    return decodeLockRecord(await backend.read(key), key)
  } catch (error) {
    // Released since the listing.
    if (isSnapError(error, 'BACKEND_KEY_MISSING')) return undefined
    throw error
  }
}

function vanished(operation: string, location: string): SnapError {
  return new SnapError(
    'BACKEND_UNAVAILABLE',
    `the lock of '${operation}' vanished from '${location}' while it was taken`,
    { location },
    { hint: 'run the command again; nothing was changed' },
  )
}

/** The error of whoever finds the lock of another process in its way. */
export function locked(other: LockRecord, key: string): SnapError {
  const { operation, pid, host, startedAt } = other
  return new SnapError(
    'STORE_LOCKED',
    `the store is locked by '${operation}', process ${pid} on ${host} since ${startedAt}`,
    { operation, pid, host, startedAt },
    { hint: `wait for it to end; if it has ended, remove '${key}' from the store` },
  )
}
