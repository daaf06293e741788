import type { Store } from '../store.ts'
import { hasEnded } from './process-identity.ts'
import { findLock, locked } from './store-lock.ts'
import { withStoreLock } from './with-store-lock.ts'

/**
 * Runs `work` unless another process runs one of the same name on this store.
 *
 * The lock is a shared one, so that other work goes on beside it. Of two that
 * begin at the same time at most one runs.
 *
 * @throws STORE_LOCKED  one of that name is running, or the store is being changed exclusively
 */
export async function withSoleOperation<T>(
  store: Store,
  { operation, at }: { operation: string; at: Date },
  work: () => Promise<T>,
): Promise<T> {
  return withStoreLock(store, { operation, mode: 'shared', at }, async (lock) => {
    for await (const { key } of store.backend.list('locks/')) {
      if (key === lock.key) continue
      const other = await findLock(store.backend, key)
      if (other?.operation === operation && !(await hasEnded(other))) throw locked(other, key)
    }
    return work()
  })
}
