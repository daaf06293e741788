import { availableParallelism } from 'node:os'

/** Every job keeps one server process and part of our own busy; past four, one disk is the limit. */
export function defaultJobs(): number {
  return Math.min(4, Math.max(2, availableParallelism()))
}

/** How long to wait for table locks unless told otherwise: past a busy statement, short of an outage. */
export const DEFAULT_LOCK_TIMEOUT_MS = 10_000
