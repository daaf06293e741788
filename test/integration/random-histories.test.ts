/**
 * Random histories: DDL and DML of every sort, commits in between, checkouts to
 * any of them, undo and branches. After each checkout `pg_dump` says what it said
 * when that commit was made.
 *
 * A failure prints the SQL that led to it and the seed: `SNAP_TEST_SEED` runs it
 * again. `SNAP_TEST_HISTORIES=100` runs that many, new ones each time, on every major.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arbitraryHistory } from '../support/histories/arbitrary-history.ts'
import { runHistory, Tally } from '../support/histories/run-history.ts'
import { eachMajor, oldestAndNewestMajor } from '../support/postgres.ts'

const { SNAP_TEST_HISTORIES, SNAP_TEST_SEED } = process.env
const HISTORIES = Number(SNAP_TEST_HISTORIES ?? 2)
/** Always the same histories unless more are asked for: what nobody has met yet is not to be met by chance. */
const seedFor = (major: number) =>
  Number(SNAP_TEST_SEED ?? (SNAP_TEST_HISTORIES ? Date.now() : major))
/** How long a history that failed is made shorter, by running shorter ones; what it has come to by then is printed. */
const SHRINKING_MS = 300_000

const someMajors = SNAP_TEST_HISTORIES ? eachMajor : oldestAndNewestMajor

someMajors((major) => {
  test(
    'whatever was done, a checkout gives what was committed',
    async () => {
      const tally = new Tally()
      let failure: { log: string[]; firstAt: number } | undefined
      const property = fc.asyncProperty(arbitraryHistory, async (steps) => {
        if (failure !== undefined && performance.now() - failure.firstAt > SHRINKING_MS) return
        const log: string[] = []
        try {
          await runHistory(major, steps, tally, log)
        } catch (error) {
          failure = { log, firstAt: failure?.firstAt ?? performance.now() }
          throw error
        }
      })
      const details = await fc.check(property, {
        numRuns: HISTORIES,
        unbiased: true,
        seed: seedFor(major),
      })
      if (details.failed) {
        const { errorInstance } = details as { errorInstance?: unknown }
        throw new Error(
          `SNAP_TEST_SEED=${details.seed} on PostgreSQL ${major} (after ${details.numShrinks} shrinks):\n${failure?.log.join('\n')}`,
          { cause: errorInstance },
        )
      }
      report(major, tally)
      expect(tally.surgical).toBeGreaterThan(0)
      expect(tally.accepted).toBeGreaterThan(tally.refusedCount / 2)
    },
    SHRINKING_MS + HISTORIES * 300_000,
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
