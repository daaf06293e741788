import { expect, test } from 'vitest'
import { readHead } from '../../src/refs/head.ts'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { planAnew, planCheckout, restoreTargetOf } from '../../src/restore/plan-checkout.ts'
import { restoreInPlace } from '../../src/restore/restore-in-place.ts'
import type { Store } from '../../src/store.ts'
import { createDatabase, oldestAndNewestMajor, type TestDatabase } from '../support/postgres.ts'
import {
  AUTHOR,
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  undoCheckout,
} from '../support/session.ts'

/** Restores HEAD as `applyCheckout` does, with something happening each time the live state has been committed. */
async function restoreWhile(
  store: Store,
  db: TestDatabase,
  meanwhile: (keptCount: number) => Promise<unknown>,
): Promise<unknown> {
  const options = { database: await addressOf(db.url), author: AUTHOR }
  const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
  let keptCount = 0
  return restoreInPlace(restoreTargetOf(store, plan, options), {
    database: options.database,
    databaseName: db.name,
    lockTimeoutMs: 5_000,
    withRowProof: false,
    allowsOtherWords: false,
    planned: plan.inPlace!,
    isPlanUsable: true,
    planAnew: () => planAnew(store, plan, options),
    keep: async () => {
      await meanwhile(++keptCount)
    },
    settled: async () => {},
  })
}

oldestAndNewestMajor((major) => {
  test('tables made each time the live state is committed are not dropped with their schema', async () => {
    const db = await createDatabase(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('CREATE SCHEMA extra; CREATE TABLE extra.known (x int)')

    let tableCount = 0
    const failed = restoreWhile(store, db, async (keptCount) => {
      tableCount = keptCount
      await db.query(`CREATE TABLE extra.precious_${keptCount} AS SELECT 42 AS x`)
    })

    await expect(failed).rejects.toMatchObject({ code: 'TARGET_CHANGED' })
    // Once or twice: what others write in the cluster makes the plan be made anew at once.
    expect([1, 2]).toContain(tableCount)
    for (let each = 1; each <= tableCount; each++) {
      expect(await db.query(`SELECT x FROM extra.precious_${each}`)).toEqual([{ x: 42 }])
    }
  })

  test.each([
    ['written', (n: number) => `SELECT lo_put(7, 0, 'new${n}')`],
    ['made', (n: number) => `SELECT lo_from_bytea(${7 + n}, 'new${n}')`],
  ])(
    'a large object that is %s each time the live state was committed is not lost',
    async (_, write) => {
      const db = await createDatabase(major)
      await db.query(`SELECT lo_from_bytea(7, 'old')`)
      const store = await memoryStore()
      await commitDatabase(store, db.url)
      await db.query('CREATE TABLE extra (x int)')

      let writeCount = 0
      const failed = restoreWhile(store, db, async (keptCount) => {
        writeCount = keptCount
        await db.query(write(keptCount))
      })

      await expect(failed).rejects.toMatchObject({ code: 'TARGET_CHANGED' })
      const contents = `SELECT convert_from(lo_get(oid), 'UTF8') AS text FROM pg_largeobject_metadata ORDER BY oid DESC`
      expect((await db.query(contents))[0]).toEqual({ text: `new${writeCount}` })
    },
  )

  test('rows written between the plan and the locks are in the safety commit', async () => {
    const db = await createDatabase(major)
    await db.query('CREATE TABLE t AS SELECT 1 AS x')
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('INSERT INTO t VALUES (2)')

    const options = { database: await addressOf(db.url), author: AUTHOR }
    const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
    await db.query('INSERT INTO t VALUES (3)')
    await applyCheckout(store, plan, options)

    expect(await db.query('SELECT x FROM t ORDER BY x')).toEqual([{ x: 1 }])
    await undoCheckout(store, db.url)
    expect(await db.query('SELECT x FROM t ORDER BY x')).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }])
  })

  test('a sequence moved by a transaction that was rolled back is kept as it was moved', async () => {
    const db = await createDatabase(major)
    await db.query('CREATE SEQUENCE s; CREATE TABLE t (x int)')
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query(`INSERT INTO t VALUES (1); SELECT nextval('s')`)

    const options = { database: await addressOf(db.url), author: AUTHOR }
    const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
    // No transaction id is taken: the server has logged 32 values in advance.
    await db.query(`BEGIN; SELECT nextval('s'); ROLLBACK`)
    await applyCheckout(store, plan, options)

    await undoCheckout(store, db.url)
    expect(await db.query(`SELECT nextval('s')::int AS value`)).toEqual([{ value: 3 }])
  })

  test('a commit made while a checkout runs does not keep the checkout from being undone', async () => {
    const db = await createDatabase(major)
    await db.query('CREATE TABLE t AS SELECT 1 AS x')
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('INSERT INTO t VALUES (2)')
    await commitDatabase(store, db.url)
    await checkoutDatabase(store, db.url, 'HEAD~1')
    await db.query('INSERT INTO t VALUES (3)')

    const options = { database: await addressOf(db.url), author: AUTHOR }
    const plan = await planCheckout(store, { ...options, revision: 'main' })
    await commitDatabase(store, db.url, { message: 'meanwhile' })
    await applyCheckout(store, plan, options)

    expect((await readHead(store.refs)).targetRef).toBe('refs/heads/main')
    await undoCheckout(store, db.url)
    expect(await db.query('SELECT x FROM t ORDER BY x')).toEqual([{ x: 1 }, { x: 3 }])
  })
})
