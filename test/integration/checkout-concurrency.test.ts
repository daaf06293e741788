import { expect, test } from 'vitest'
import { readHead } from '../../src/refs/head.ts'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import { restoreInPlace } from '../../src/restore/restore-in-place.ts'
import type { Store } from '../../src/store.ts'
import { createDatabase, eachMajor, type TestDatabase } from '../support/postgres.ts'
import {
  AUTHOR,
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  undoCheckout,
} from '../support/session.ts'

const PRECIOUS = 'CREATE TABLE extra.precious AS SELECT 42 AS x'

/** Restores as `applyCheckout` does, with something happening where the live state is committed. */
async function restoreWhile(
  store: Store,
  db: TestDatabase,
  meanwhile: () => Promise<unknown>,
): Promise<unknown> {
  const database = await addressOf(db.url)
  const plan = await planCheckout(store, { database, author: AUTHOR, revision: 'HEAD' })
  return restoreInPlace(
    {
      tree: plan.tree,
      entries: plan.schemaEntries,
      selection: plan.commit.selection,
      withOwners: true,
      withPrivileges: true,
      objects: store.objects,
    },
    {
      database,
      databaseName: db.name,
      lockTimeoutMs: 5_000,
      withRowProof: false,
      allowsOtherWords: false,
      beforeChange: async () => {
        await meanwhile()
        return null
      },
    },
  )
}

eachMajor((major) => {
  test('a table made while the live state is committed is not dropped with its schema', async () => {
    const db = await createDatabase(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('CREATE SCHEMA extra; CREATE TABLE extra.known (x int)')

    const failed = restoreWhile(store, db, () => db.query(PRECIOUS))

    await expect(failed).rejects.toMatchObject({ code: 'TARGET_CHANGED' })
    expect(await db.query('SELECT x FROM extra.precious')).toEqual([{ x: 42 }])
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
