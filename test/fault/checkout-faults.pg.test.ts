/**
 * Something goes wrong at the messages that a checkout sends, one after the other.
 *
 * The checkout changes a bit of everything. After each failure pg_dump says what it
 * said before, the store is whole, and so is the commit of the state before; the
 * next checkout starts from there. The last one is struck at COMMIT. On the oldest
 * major somebody writes to another database all the while.
 *
 * All messages would take an hour on all servers. So each fault has a share of them,
 * on the oldest and the newest major; `SNAP_TEST_SWEEP=all` meets all of them on each.
 */
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { isSnapError } from '../../src/errors.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import { manifestsOf, verifyObjects } from '../../src/restore/verify-objects.ts'
import type { Store } from '../../src/store.ts'
import {
  allMajors,
  createDatabase,
  eachMajor,
  oldestAndNewestMajor,
  queryOnce,
  serverOf,
} from '../support/postgres.ts'
import { type Fate, type Request, ServerProxy } from '../support/server-proxy.ts'
import { AUTHOR, addressOf, memoryStore, undoCheckout } from '../support/session.ts'
import { prepareSurgery } from '../support/surgery-case.ts'
import { describeDifference, dumpWith, withSortedRows } from '../support/witness.ts'

const isWhole = process.env.SNAP_TEST_SWEEP === 'all'
/** One message in so many is struck; 2 servers with 6 faults each meet half of them between them. */
const SHARE = isWhole ? 1 : 24

interface Fault {
  name: string
  /** Messages it can happen at; any when left out. */
  happensAt?: (request: Request) => boolean
  strike: (
    request: Request,
    context: { proxy: ServerProxy; abort: () => void },
  ) => Fate | Promise<Fate>
  /** Whether it goes on for all messages that follow. */
  persists?: boolean
  /** What the checkout may say of it. */
  codes: string[]
}

const LOST = ['POSTGRES_CONNECTION_LOST', 'RESTORE_FAILED']
/** One that the server may refuse; taking back a savepoint it may not. */
const isRefusable = ({ kind, sql }: Request) =>
  kind === 'query' && !/^(?:ROLLBACK|RELEASE)/.test(sql)
/** What the server would say in the statement's place. */
const raising = ({ sql }: Request, sqlState: string): Fate => ({
  sql: `${sql === 'COMMIT' ? 'ROLLBACK;' : ''} DO $$ BEGIN RAISE EXCEPTION 'planned' USING ERRCODE = '${sqlState}'; END $$`,
})

const faults: Fault[] = [
  {
    name: 'the server process is terminated',
    strike: async ({ backendPid }, { proxy }): Promise<Fate> => {
      await proxy.terminate(backendPid)
      return 'forward'
    },
    codes: LOST,
  },
  { name: 'the connection breaks', strike: () => 'cut', codes: LOST },
  {
    name: 'the connection breaks before the answer arrives',
    happensAt: ({ kind }) => kind === 'query',
    strike: () => 'cutAfterwards',
    codes: LOST,
  },
  {
    name: 'it is interrupted',
    strike: (_, { abort }) => {
      abort()
      return 'forward'
    },
    codes: ['ABORTED', 'RESTORE_FAILED'],
  },
  {
    name: 'the disk is full from then on',
    happensAt: isRefusable,
    persists: true,
    strike: (request) => raising(request, '53100'),
    codes: ['POSTGRES_REFUSED', 'RESTORE_FAILED', 'SCHEMA_DUMP_FAILED'],
  },
  {
    name: 'a lock is not granted',
    happensAt: isRefusable,
    strike: (request) => raising(request, '55P03'),
    codes: ['POSTGRES_LOCK_TIMEOUT', 'RESTORE_FAILED', 'SCHEMA_DUMP_FAILED'],
  },
]

const someMajors = isWhole ? eachMajor : oldestAndNewestMajor

someMajors((major) => {
  test.each(faults.map((fault, number) => ({ ...fault, number })))(
    '$name: all is as it was, whenever that happens',
    async (fault) => {
      const database = await createDatabase(major)
      const store = await memoryStore()
      await prepareSurgery(store, database)
      let before = await dumpWith(major, database.url)
      const proxy = await ServerProxy.start(serverOf(major))
      const neighbour = major === allMajors[0] ? startNeighbour(major) : undefined
      try {
        const attempt = (strikeAt: number) =>
          checkoutWith(fault, strikeAt, store, proxy, database.name)
        const offset = 2 * (Math.sign(allMajors.indexOf(major)) * faults.length + fault.number)
        const { requests } = await checkoutWith(BREAKS_AT_COMMIT, 0, store, proxy, database.name)
        const struck = positionsToStrike(requests, fault).filter(
          (position, index) =>
            (index + offset) % SHARE === 0 || requests[position]!.sql === 'COMMIT',
        )
        for (const position of struck) {
          const { requests: sent, error } = await attempt(position)
          const request = sent[position]
          const where = `message ${position}, ${request?.kind} ${request?.sql.slice(0, 80)}: ${error}`
          if (error === undefined) {
            // What others write in the cluster has it plan anew, with other messages at this position.
            const wasStruck = request !== undefined && (fault.happensAt?.(request) ?? true)
            // Struck at COMMIT, the checkout finds out by another connection that it has succeeded.
            if (wasStruck) expect(request.sql, where).toBe('COMMIT')
            await undoCheckout(store, database.url)
            const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
            expect(describeDifference(withSortedRows(before), found), where).toBeUndefined()
            // Rows that came back stand in another order from then on.
            before = await dumpWith(major, database.url)
          } else {
            expect(fault.codes, where).toContain(isSnapError(error) ? error.code : error)
            const found = await dumpWith(major, database.url)
            expect(describeDifference(before, found), where).toBeUndefined()
          }
          await expectWhole(store)
        }
        expect(struck.length).toBeGreaterThan(3)
      } finally {
        await neighbour?.stop()
        await proxy.stop()
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

const BREAKS_AT_COMMIT: Fault = {
  name: 'the connection breaks at COMMIT',
  happensAt: ({ sql }) => sql === 'COMMIT',
  strike: () => 'cut',
  persists: true,
  codes: LOST,
}

/** Of what pg_dump asks, one question in fifteen: all are asked in the same way, and change nothing. */
function positionsToStrike(requests: readonly Request[], fault: Fault): number[] {
  let asked = 0
  const isOfDump: boolean[] = []
  let isDumping = false
  const commitAt = requests.findIndex(({ sql }) => sql === 'COMMIT')
  for (const { sql } of requests.slice(0, commitAt + 1)) {
    if (sql === 'ROLLBACK TO SAVEPOINT snap_pg_dump') isDumping = false
    isOfDump.push(isDumping && asked++ % 15 !== 0)
    if (sql === 'SAVEPOINT snap_pg_dump') isDumping = true
  }
  return [...isOfDump.keys()].filter(
    (position) => !isOfDump[position] && (fault.happensAt?.(requests[position]!) ?? true),
  )
}

/** Checks out HEAD with a fault at one of the messages that carrying it out sends. */
async function checkoutWith(
  fault: Fault,
  strikeAt: number,
  store: Store,
  proxy: ServerProxy,
  databaseName: string,
): Promise<{ requests: Request[]; error: unknown }> {
  const controller = new AbortController()
  const options = {
    database: await addressOf(proxy.url(databaseName)),
    author: AUTHOR,
    signal: controller.signal,
  }
  const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
  const requests: Request[] = []
  proxy.intercept = (request) => {
    // The connection that looks who holds a lock changes nothing, and may or may not be there.
    if (request.applicationName !== 'snap') return 'forward'
    const position = requests.push(request) - 1
    const isDue = fault.persists ? position >= strikeAt : position === strikeAt
    if (!isDue || fault.happensAt?.(request) === false) return 'forward'
    return fault.strike(request, { proxy, abort: () => controller.abort() })
  }
  const error = await applyCheckout(store, plan, options).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  proxy.intercept = undefined
  return { requests, error }
}

/** The store has no fault, and the last commit of a state before a checkout can be read to its end. */
async function expectWhole(store: Store): Promise<void> {
  expect((await fsck(store.backend)).findings).toEqual([])
  const safetyId = await store.refs.find('refs/snap/safety')
  if (safetyId === undefined) return
  const { treeId } = await store.objects.readCommit(safetyId)
  await verifyObjects(store.objects, manifestsOf(await store.objects.readTree(treeId)))
}
