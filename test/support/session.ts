/**
 * What a story with a database and a store needs, said in one word each.
 */
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { type CommitOptions, type CommitResult, commit } from '../../src/capture/commit.ts'
import { encodeCommit } from '../../src/format/commit.ts'
import type { Commit, ObjectId } from '../../src/format/values.ts'
import type { DatabaseAddress } from '../../src/postgres/address/database-address.ts'
import { resolveDatabaseAddress } from '../../src/postgres/address/resolve-database-address.ts'
import { applyCheckout, type CheckoutResult } from '../../src/restore/apply-checkout.ts'
import type { CheckoutPlan } from '../../src/restore/checkout-plan.ts'
import { type CheckoutOptions, planCheckout } from '../../src/restore/plan-checkout.ts'
import { planUndo } from '../../src/restore/undo.ts'
import { initStore, type Store } from '../../src/store.ts'

export const AUTHOR = { name: 'Ada', email: 'ada@example.org' }

/** Resolves a URL alone: no environment, no files. */
export function addressOf(url: string): Promise<DatabaseAddress> {
  return resolveDatabaseAddress({
    url,
    environment: {},
    workingDirectory: '/nonexistent',
    homeDirectory: '/nonexistent',
    userName: 'postgres',
  })
}

export function memoryStore(): Promise<Store> {
  return initStore(new MemoryBackend(), { author: AUTHOR })
}

export async function commitDatabase(
  store: Store,
  url: string,
  options: Partial<CommitOptions> = {},
): Promise<CommitResult> {
  const database = await addressOf(url)
  return commit(store, { database, message: 'test', author: AUTHOR, ...options })
}

/** Plans and applies in one go, as `snap checkout -y` does. */
export async function checkoutDatabase(
  store: Store,
  url: string,
  revision: string,
  options: Partial<CheckoutOptions> = {},
): Promise<{ plan: CheckoutPlan; result: CheckoutResult }> {
  const complete = { database: await addressOf(url), author: AUTHOR, ...options }
  const plan = await planCheckout(store, { ...complete, revision })
  return { plan, result: await applyCheckout(store, plan, complete) }
}

export async function undoCheckout(
  store: Store,
  url: string,
  options: Partial<CheckoutOptions> = {},
): Promise<CheckoutResult> {
  const complete = { database: await addressOf(url), author: AUTHOR, ...options }
  return applyCheckout(store, await planUndo(store, complete), complete)
}

/** Makes a commit as it is told the next on `main`. */
export async function putAtHead(store: Store, commit: Commit): Promise<ObjectId> {
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const next = await writer.put('metadata', encodeCommit(commit))
  await writer.flush()
  await writer.close()
  const name = 'refs/heads/main'
  const expected = (await store.refs.find(name)) ?? null
  const reason = { kind: 'commit', message: 'test' } as const
  await store.refs.move({ name, expected, next, reason, author: AUTHOR, at: new Date() })
  return next
}
