/**
 * Random histories: DDL and DML of every sort, commits in between, checkouts to
 * any of them, undo and branches. After each checkout `pg_dump` says what it said
 * when that commit was made.
 *
 * A failure prints the SQL that led to it and the seed: `SNAP_TEST_SEED` runs it
 * again. `SNAP_TEST_HISTORIES=100` runs that many, new ones each time.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryHistory } from '../support/histories/arbitrary-history.ts'
import { runHistory, Tally } from '../support/histories/run-history.ts'
import { eachMajor } from '../support/postgres.ts'

const { SNAP_TEST_HISTORIES, SNAP_TEST_SEED } = process.env
const HISTORIES = Number(SNAP_TEST_HISTORIES ?? 2)
/** Always the same histories unless more are asked for: what nobody has met yet is not to be met by chance. */
const seedFor = (major: number) =>
  Number(SNAP_TEST_SEED ?? (SNAP_TEST_HISTORIES ? Date.now() : major))
/** Shrinking runs the history again and again; what it has found by then is printed. */
const TIME_LIMIT_MS = Number(process.env.SNAP_TEST_TIME_LIMIT_MS ?? 900_000)

eachMajor((major) => {
  test(
    'whatever was done, a checkout gives what was committed',
    async () => {
      const tally = new Tally()
      let lastLog: string[] = []
      const property = fc.asyncProperty(arbitraryHistory, async (steps) => {
        const log: string[] = []
        try {
          await runHistory(major, steps, tally, log)
        } catch (error) {
          lastLog = log
          throw error
        }
      })
      const details = await fc.check(property, {
        numRuns: HISTORIES,
        unbiased: true,
        interruptAfterTimeLimit: TIME_LIMIT_MS,
        seed: seedFor(major),
      })
      if (details.failed) {
        const { errorInstance } = details as { errorInstance?: unknown }
        throw new Error(
          `SNAP_TEST_SEED=${details.seed} on PostgreSQL ${major} (after ${details.numShrinks} shrinks):\n${lastLog.join('\n')}`,
          { cause: errorInstance },
        )
      }
      report(major, tally)
      expect(tally.surgical).toBeGreaterThan(0)
      expect(tally.accepted).toBeGreaterThan(tally.refusedCount / 2)
    },
    TIME_LIMIT_MS + 180_000,
  )
})

/** With `SNAP_TEST_HISTORIES` set, for whoever watches. */
function report(
  major: number,
  { accepted, refused, surgical, unchanged, general, retries }: Tally,
): void {
  if (process.env.SNAP_TEST_HISTORIES === undefined) return
  const counts = Object.fromEntries([...refused].sort(([, a], [, b]) => b - a))
  console.info(`PostgreSQL ${major}`, {
    accepted,
    refused: counts,
    surgical,
    unchanged,
    general,
    retries,
  })
}
