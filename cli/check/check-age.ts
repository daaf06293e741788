import { findNewestCommit, type ObjectId, type Store } from '../../src/index.ts'

/** How old the newest commit is that somebody meant to make, against how old it may be. */
export interface AgeCheck {
  /** Null, as all that belongs to it, when there is no such commit. */
  commitId: ObjectId | null
  message: string | null
  createdAt: string | null
  ageMs: number | null
  maxAgeMs: number
  isTooOld: boolean
}

/** Reads no database and no rows: it must answer while either is out of reach. */
export async function checkAge(
  store: Store,
  { maxAgeMs, now, signal }: { maxAgeMs: number; now: Date; signal: AbortSignal },
): Promise<AgeCheck> {
  // The state that a checkout put aside is no backup that anybody planned.
  const newest = await findNewestCommit(store, { purposes: ['user', 'guard'], signal })
  if (newest === undefined) {
    const nothing = { commitId: null, message: null, createdAt: null, ageMs: null }
    return { ...nothing, maxAgeMs, isTooOld: true }
  }
  const { message, createdAt } = newest.commit
  // Another machine's clock may be ahead.
  const ageMs = Math.max(0, now.getTime() - new Date(createdAt).getTime())
  return { commitId: newest.id, message, createdAt, ageMs, maxAgeMs, isTooOld: ageMs > maxAgeMs }
}
