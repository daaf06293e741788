/**
 * Something goes wrong at the messages that an operation sends to its server, one after the other.
 *
 * After each failure pg_dump says what it said before, the store is whole, and so is
 * the commit of the state before; the next attempt starts from there. The last one is
 * struck at COMMIT, finds out by another connection that it has succeeded, and is undone.
 */
import { expect } from 'vitest'
import { isSnapError } from '../../src/errors.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import type { DatabaseAddress } from '../../src/postgres/address/database-address.ts'
import { manifestsOf, verifyObjects } from '../../src/restore/verify-objects.ts'
import type { Store } from '../../src/store.ts'
import { serverOf, type TestDatabase } from './postgres.ts'
import { type Fate, type Request, ServerProxy } from './server-proxy.ts'
import { addressOf, undoCheckout } from './session.ts'
import { describeDifference, dumpWith, withSortedRows } from './witness.ts'

/** Something that goes wrong at a message on its way to the server. */
export interface Fault {
  name: string
  /** Messages it can happen at; any when left out. */
  happensAt?: (request: Request) => boolean
  strike: (
    request: Request,
    context: { proxy: ServerProxy; abort: () => void },
  ) => Fate | Promise<Fate>
  /** Whether it goes on for all messages that follow. */
  persists?: boolean
  /** What the operation may say of it. */
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

export const SERVER_FAULTS: readonly Fault[] = [
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

/** What a sweep strikes: the messages of `apply`, for an operation that is planned undisturbed before each. */
export interface SweptOperation {
  major: number
  store: Store
  database: TestDatabase
  /** Returns what carries the plan out. */
  plan: (options: { database: DatabaseAddress; signal: AbortSignal }) => Promise<{
    apply: () => Promise<unknown>
  }>
}

/**
 * Strikes at every `share`-th of the messages that a fault can happen at, from number `offset` on, and at COMMIT.
 *
 * Each fault begins a bit further on than the one before. Returns how often it struck.
 */
export async function sweepFaults(
  faults: readonly Fault[],
  operation: SweptOperation,
  { share, offset }: { share: number; offset: number },
): Promise<number> {
  const { major, database } = operation
  let before = await dumpWith(major, database.url)
  const proxy = await ServerProxy.start(serverOf(major))
  let struckCount = 0
  try {
    const { requests } = await attempt(BREAKS_AT_COMMIT, 0, operation, proxy)
    for (const [number, fault] of faults.entries()) {
      const first = offset + Math.floor((number * share) / faults.length)
      const struck = positionsToStrike(requests, fault).filter(
        (position, index) => (index + first) % share === 0 || requests[position]!.sql === 'COMMIT',
      )
      for (const position of struck) {
        before = await strikeOnce(fault, position, { operation, proxy, before })
      }
      struckCount += struck.length
    }
    return struckCount
  } finally {
    await proxy.stop()
  }
}

/** Strikes at one message, and expects all as it was; undoes what had succeeded. Returns what a dump says from then on. */
async function strikeOnce(
  fault: Fault,
  position: number,
  context: { operation: SweptOperation; proxy: ServerProxy; before: string },
): Promise<string> {
  const { operation, proxy, before } = context
  const { major, store, database } = operation
  const { requests, error } = await attempt(fault, position, operation, proxy)
  const request = requests[position]
  const where = `${fault.name}, message ${position}, ${request?.kind} ${request?.sql.slice(0, 80)}: ${error}`
  if (error === undefined) {
    // What others write in the cluster has it plan anew, with other messages at this position.
    const wasStruck = request !== undefined && (fault.happensAt?.(request) ?? true)
    // Struck at COMMIT, it finds out by another connection that it has succeeded.
    if (wasStruck) expect(request.sql, where).toBe('COMMIT')
    await undoCheckout(store, database.url)
    const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    expect(describeDifference(withSortedRows(before), found), where).toBeUndefined()
  } else {
    expect(fault.codes, where).toContain(isSnapError(error) ? error.code : error)
    const found = await dumpWith(major, database.url)
    expect(describeDifference(before, found), where).toBeUndefined()
  }
  await expectWhole(store)
  // Rows that came back stand in another order.
  return error === undefined ? dumpWith(major, database.url) : before
}

/** Strikes nothing before COMMIT, and so tells what messages there are. */
const BREAKS_AT_COMMIT: Fault = {
  name: 'the connection breaks at COMMIT',
  happensAt: ({ sql }) => sql === 'COMMIT',
  strike: () => 'cut',
  persists: true,
  codes: LOST,
}

/** Plans, and carries out with a fault at one of the messages that this sends. */
async function attempt(
  fault: Fault,
  strikeAt: number,
  { database, plan }: SweptOperation,
  proxy: ServerProxy,
): Promise<{ requests: Request[]; error: unknown }> {
  const controller = new AbortController()
  const { apply } = await plan({
    database: await addressOf(proxy.url(database.name)),
    signal: controller.signal,
  })
  const requests: Request[] = []
  proxy.intercept = (request) => {
    // The connection that looks who holds a lock changes nothing, and may or may not be there.
    if (request.applicationName !== 'snap') return 'forward'
    const position = requests.push(request) - 1
    const isDue = fault.persists ? position >= strikeAt : position === strikeAt
    if (!isDue || fault.happensAt?.(request) === false) return 'forward'
    return fault.strike(request, { proxy, abort: () => controller.abort() })
  }
  const error = await apply().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  proxy.intercept = undefined
  return { requests, error }
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

/** The store has no fault, and the last commit of a state before can be read to its end. */
async function expectWhole(store: Store): Promise<void> {
  expect((await fsck(store.backend)).findings).toEqual([])
  const safetyId = await store.refs.find('refs/snap/safety')
  if (safetyId === undefined) return
  const { treeId } = await store.objects.readCommit(safetyId)
  await verifyObjects(store.objects, manifestsOf(await store.objects.readTree(treeId)))
}
