/**
 * Whatever is done to tables, in whichever transactions, a commit that leaves unchanged tables unread,
 * and unchanged blocks of a large one, has the tree of a capture that reads everything. (Rows that
 * only moved are those of the commit before, for both.)
 *
 * Writers stay open across commits, with savepoints, and are committed, prepared or rolled back later.
 */
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { captureDatabase } from '../../src/capture/capture-database.ts'
import { keepEqualRows } from '../../src/capture/keep-equal-rows.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import type { Tree } from '../../src/format/values.ts'
import { MemoryOverlay } from '../../src/objects/memory-overlay.ts'
import { addressOf, commitDatabase, memoryStore } from '../support/session.ts'
import { SummarizingServer, summarizingMajors } from '../support/summarizing-server.ts'

let server: SummarizingServer
beforeAll(async () => {
  server = await SummarizingServer.start(summarizingMajors.at(-1)!)
})
afterAll(() => server.stop())

const SMALL = ['a', 'b', 'c', 'd']

/** Of a row a block, and of five ranges of blocks. */
const LARGE = 'large'
const LARGE_ROW_COUNT = 2200

/** Of a small table; so many times as much of the large one. */
const id = fc.integer({ min: 1, max: 40 })
const LARGE_FACTOR = 60
const write = fc.oneof(
  id.map((n) => `INSERT INTO %t (id) VALUES (%(${n}))`),
  id.map(
    (n) => `INSERT INTO %t SELECT %(${n}) + g, repeat('x', 700) FROM generate_series(1, 700) g`,
  ),
  id.map((n) => `DELETE FROM %t WHERE id = %(${n})`),
  id.map((n) => `DELETE FROM %t WHERE id > %(${n})`),
  id.map((n) => `UPDATE %t SET id = id WHERE id BETWEEN %(${n}) AND %(${n}) + 3`),
  id.map((n) => `UPDATE %t SET text = repeat(md5('${n}'), 200) WHERE id = %(${n})`),
  id.map((n) => `SELECT FROM %t WHERE id = %(${n}) FOR SHARE`),
)
const maintain = fc.constantFrom(
  'VACUUM %t',
  'VACUUM (FREEZE) %t',
  'VACUUM FULL %t',
  'TRUNCATE %t',
  'ANALYZE %t',
  'CHECKPOINT',
  'ALTER TABLE %t ADD COLUMN IF NOT EXISTS more text DEFAULT now()',
  'ALTER TABLE %t DROP COLUMN IF EXISTS more',
  'ALTER TABLE %t SET UNLOGGED',
  'ALTER TABLE %t SET LOGGED',
)
const table = fc.constantFrom(...SMALL, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE)
const writer = fc.constantFrom(0, 1)
const step = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('alone' as const), write, table, writer) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('within' as const), write, table, writer) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('rolledBack' as const), write, table, writer) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('alone' as const), maintain, table, writer) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('end' as const),
      fc.constantFrom('COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'ROLLBACK TO s', 'PREPARE'),
      table,
      writer,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('commit' as const), fc.constant(''), table, writer),
  },
)

/** Nothing is on its way into memory. */
const flush = async () => {}

/** Locks that others hold, and savepoints that are not there, make a step do nothing. */
async function attempt(client: pg.Client, sql: string): Promise<boolean> {
  try {
    await client.query(sql)
    return true
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return false
  }
}

test('a commit that reads what has changed is as one that reads everything', {
  timeout: 300_000,
}, async () => {
  let unreadCount = 0
  let partlyReadCount = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 18 }), async (steps) => {
      await server.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
      await server.query(`
        CREATE TABLE ${LARGE} (id integer, text text) WITH (fillfactor = 10);
        ALTER TABLE ${LARGE} ALTER text SET STORAGE EXTERNAL;
        INSERT INTO ${LARGE} SELECT g, repeat('x', 700) FROM generate_series(1, ${LARGE_ROW_COUNT}) g`)
      for (const name of SMALL) {
        await server.query(
          `CREATE TABLE ${name} (id integer, text text); INSERT INTO ${name} SELECT g, 'row ' || g FROM generate_series(1, 30) g`,
        )
      }
      await server.query('CHECKPOINT')
      await server.query('VACUUM (FREEZE)')
      const store = await memoryStore()
      const database = await addressOf(server.url())
      let before: Tree | undefined
      const commit = async () => {
        const made = await commitDatabase(store, server.url())
        const whole = { database, selection: WHOLE_DATABASE }
        const overlay = new MemoryOverlay()
        const { tree } = await captureDatabase(overlay, whole)
        const objects = overlay.over(store.objects)
        const expected = before && (await keepEqualRows(tree, before, { objects, flush }))
        expect(made.tree).toEqual(expected ?? tree)
        before = made.tree
        unreadCount += made.reading.unreadTables.length
        partlyReadCount += made.reading.partlyReadTables.length
      }
      const clients = await Promise.all([0, 1, 2].map(() => server.connect()))
      const [first, second, alone] = clients as [pg.Client, pg.Client, pg.Client]
      const isOpen = [false, false]
      const prepared: string[] = []
      try {
        for (const client of clients) await client.query(`SET lock_timeout = '20ms'`)
        await commit()
        for (const [kind, text, name, number] of steps) {
          const factor = name === LARGE ? LARGE_FACTOR : 1
          const sql = text
            .replaceAll('%t', name)
            .replace(/%\((\d+)\)/g, (_, n) => String(Number(n) * factor))
          const client = number === 0 ? first : second
          if (kind === 'commit') await commit()
          else if (kind === 'alone') await attempt(alone, sql)
          else if (kind === 'rolledBack') {
            await alone.query('BEGIN')
            await attempt(alone, sql)
            await alone.query('ROLLBACK')
          } else if (kind === 'within') {
            if (!isOpen[number]) await client.query('BEGIN')
            isOpen[number] = true
            await client.query('SAVEPOINT attempt')
            const isDone = await attempt(client, sql)
            await client.query(isDone ? 'RELEASE attempt' : 'ROLLBACK TO attempt')
          } else if (isOpen[number]) {
            if (sql === 'PREPARE') {
              const gid = `unread_${prepared.length}`
              prepared.push(gid)
              await attempt(client, `PREPARE TRANSACTION '${gid}'`)
            } else await attempt(client, sql)
            const status = client.getTransactionStatus()
            if (status === 'E') await client.query('ROLLBACK')
            isOpen[number] = status === 'T'
          }
        }
        await commit()
        for (const [each, client] of [first, second].entries()) {
          if (isOpen[each]) await client.query('COMMIT')
        }
        for (const gid of prepared) await attempt(alone, `COMMIT PREPARED '${gid}'`)
        await commit()
      } finally {
        await Promise.all(clients.map((client) => client.end()))
        for (const gid of prepared) {
          await server.query(`ROLLBACK PREPARED '${gid}'`).catch(() => undefined)
        }
      }
    }),
    { numRuns: 4, endOnFailure: true },
  )
  // It would hold of a commit that always reads everything, too.
  expect(unreadCount).toBeGreaterThan(0)
  expect(partlyReadCount).toBeGreaterThan(0)
})
