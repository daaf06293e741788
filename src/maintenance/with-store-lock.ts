import type { LockMode } from '../format/lock-record.ts'
import type { Store } from '../store.ts'
import { lockStore, type StoreLock } from './store-lock.ts'

/**
 * Runs `work` while holding the store lock, and releases it whatever happens.
 *
 * @throws STORE_LOCKED  another process holds a lock that cannot go on beside this one
 */
export async function withStoreLock<T>(
  store: Store,
  request: { operation: string; mode: LockMode; at: Date },
  work: (lock: StoreLock) => Promise<T>,
): Promise<T> {
  const lock = await lockStore(store.backend, request)
  try {
    return await work(lock)
  } finally {
    await lock.release()
  }
}
