/**
 * Something goes wrong at the messages that a checkout sends, one after the other.
 *
 * The checkout changes a bit of everything. After each failure all is as it was
 * (`sweepFaults` says what that means). On the oldest major somebody writes to
 * another database all the while.
 *
 * All messages would take an hour on all servers. So each fault has a share of them,
 * on the oldest and the newest major; `SNAP_TEST_SWEEP=all` meets all of them on each.
 */
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { DatabaseAddress } from '../../src/postgres/address/database-address.ts'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import {
  allMajors,
  createDatabase,
  eachMajor,
  oldestAndNewestMajor,
  queryOnce,
  serverOf,
} from '../support/postgres.ts'
import { SERVER_FAULTS, sweepFaults } from '../support/server-faults.ts'
import { AUTHOR, memoryStore } from '../support/session.ts'
import { prepareSurgery } from '../support/surgery-case.ts'

const isWhole = process.env.SNAP_TEST_SWEEP === 'all'
/** One message in so many is struck; 2 servers with 6 faults each meet half of them between them. */
const SHARE = isWhole ? 1 : 24

const someMajors = isWhole ? eachMajor : oldestAndNewestMajor

someMajors((major) => {
  test.each(SERVER_FAULTS.map((fault, number) => ({ ...fault, number })))(
    '$name: all is as it was, whenever that happens',
    async (fault) => {
      const database = await createDatabase(major)
      const store = await memoryStore()
      await prepareSurgery(store, database)
      const plan = async (options: { database: DatabaseAddress; signal: AbortSignal }) => {
        const settings = { ...options, author: AUTHOR }
        const planned = await planCheckout(store, { ...settings, revision: 'HEAD' })
        return { apply: () => applyCheckout(store, planned, settings) }
      }
      const offset = 2 * (Math.sign(allMajors.indexOf(major)) * SERVER_FAULTS.length + fault.number)

      const neighbour = major === allMajors[0] ? startNeighbour(major) : undefined
      try {
        const operation = { major, store, database, plan }
        const struckCount = await sweepFaults([fault], operation, { share: SHARE, offset })
        expect(struckCount).toBeGreaterThan(3)
      } finally {
        await neighbour?.stop()
      }
    },
    1_800_000,
  )
})

/** Writes to another database of the cluster, so that a checkout has to look what has not changed. */
function startNeighbour(major: number): { stop: () => Promise<void> } {
  let isOver = false
  const writing = (async () => {
    while (!isOver) {
      await queryOnce(serverOf(major), 'postgres', 'SELECT pg_current_xact_id()')
      await setTimeout(10)
    }
  })()
  return {
    stop() {
      isOver = true
      return writing
    },
  }
}
