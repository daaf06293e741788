import { expect, test } from 'vitest'
import { assertCommitIsWhole } from '../../src/maintenance/assert-commit-is-whole.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../src/maintenance/gc.ts'
import { applyPrune, previewPrune } from '../../src/maintenance/prune.ts'
import { readHead } from '../../src/refs/head.ts'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import { openStore, type Store } from '../../src/store.ts'
import { allMajors, createDatabase } from '../support/postgres.ts'
import {
  AUTHOR,
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  undoCheckout,
} from '../support/session.ts'

const newestMajor = allMajors.at(-1)!

/** Keeps the newest commit alone, and what nothing names not at all. */
async function pruneToOne(store: Store) {
  const options = { author: AUTHOR, graceMs: 0 }
  const { plan } = await previewPrune(store, { keepLast: 1 }, options)
  return applyPrune(store, plan, options)
}

test('a checkout whose commit is pruned after it was planned changes nothing', async () => {
  const database = await createDatabase(newestMajor)
  await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
  const store = await memoryStore()
  await commitDatabase(store, database.url)
  await database.query('INSERT INTO t VALUES (2)')
  await commitDatabase(store, database.url)
  const options = { database: await addressOf(database.url), author: AUTHOR }
  const plan = await planCheckout(store, { ...options, revision: 'HEAD~1' })
  const head = await readHead(store.refs)
  expect((await pruneToOne(await openStore(store.backend))).removedCommitIds).toEqual([
    plan.commitId,
  ])

  await expect(applyCheckout(store, plan, options)).rejects.toMatchObject({
    code: 'COMMIT_PRUNED',
    data: { commitId: plan.commitId },
  })
  expect(await readHead(store.refs)).toEqual(head)
  expect(await database.query('SELECT count(*) FROM t')).toEqual([{ count: '2' }])
  expect((await fsck(store.backend)).findings).toEqual([])
})

test('packs that are written again while a checkout waits to be confirmed are found where they are now', async () => {
  const database = await createDatabase(newestMajor)
  await database.query(
    'CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 3000) g',
  )
  const store = await memoryStore()
  await commitDatabase(store, database.url)
  await database.query('UPDATE t SET v = reverse(v); CREATE TABLE extra AS SELECT * FROM t')
  await commitDatabase(store, database.url)
  const options = { database: await addressOf(database.url), author: AUTHOR }
  const before = await database.query("SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM t")
  await database.query('DELETE FROM t')
  const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
  const other = await openStore(store.backend)
  await pruneToOne(other)
  expect((await collectGarbage(other, { graceMs: 0, minDeadShare: 0 })).damagedPackKeys).toEqual([])

  const { safetyCommitId } = await applyCheckout(store, plan, options)
  expect(await database.query("SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM t")).toEqual(
    before,
  )
  // What the plan had put into the store of the state before was collected too, and is there again.
  await assertCommitIsWhole(store, safetyCommitId!)
})

test('what undo returns to outlives any prune', async () => {
  const database = await createDatabase(newestMajor)
  await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
  const store = await memoryStore()
  await commitDatabase(store, database.url)
  await database.query('INSERT INTO t VALUES (2)')
  await checkoutDatabase(store, database.url, 'HEAD')
  const now = () => new Date(Date.now() + 1000 * 86_400_000)
  const policy = { keepLast: 1, keepSafetyMs: 0 }
  const { plan } = await previewPrune(store, policy, { now })
  await applyPrune(store, plan, { now, author: AUTHOR, graceMs: 0 })

  await undoCheckout(store, database.url)
  expect(await database.query('SELECT count(*) FROM t')).toEqual([{ count: '2' }])
})
