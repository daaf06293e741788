import { expect, test } from 'vitest'
import { type Capture, captureDatabase } from '../../src/capture/capture-database.ts'
import { WHOLE_DATABASE } from '../../src/capture/selection.ts'
import { HashingSink } from '../../src/objects/object-sink.ts'
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
  meanwhile: () => Promise<Capture | null>,
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
      beforeChange: meanwhile,
    },
  )
}

eachMajor((major) => {
  test('a table made while the live state is committed is not dropped with its schema', async () => {
    const db = await createDatabase(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('CREATE SCHEMA extra; CREATE TABLE extra.known (x int)')

    const failed = restoreWhile(store, db, async () => {
      await db.query(PRECIOUS)
      return null
    })

    await expect(failed).rejects.toMatchObject({ code: 'TARGET_CHANGED' })
    expect(await db.query('SELECT x FROM extra.precious')).toEqual([{ x: 42 }])
  })

  test.each([
    ['written', `SELECT lo_put(7, 0, 'new')`],
    ['made', `SELECT lo_from_bytea(8, 'new')`],
  ])(
    'a large object that is %s after the live state was committed is not lost',
    async (_, write) => {
      const db = await createDatabase(major)
      await db.query(`SELECT lo_from_bytea(7, 'old')`)
      const store = await memoryStore()
      await commitDatabase(store, db.url)
      await db.query('CREATE TABLE extra (x int)')

      const failed = restoreWhile(store, db, async () => {
        const live = await captureDatabase(new HashingSink(), {
          database: await addressOf(db.url),
          selection: WHOLE_DATABASE,
          jobs: 1,
          lockTimeoutMs: 5_000,
        })
        await db.query(write)
        return live
      })

      await expect(failed).rejects.toMatchObject({ code: 'TARGET_CHANGED' })
      const contents = `SELECT convert_from(lo_get(oid), 'UTF8') AS text FROM pg_largeobject_metadata ORDER BY oid DESC`
      expect((await db.query(contents))[0]).toEqual({ text: 'new' })
    },
  )

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
