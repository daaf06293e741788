import { deepEqual, equal, match } from 'node:assert/strict'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { NOW } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!
const DAY_MS = 86_400_000

/** Makes every pack of a store hours old. */
async function agePacks(directory: string): Promise<void> {
  const packs = join(directory, '.snap', 'packs')
  const past = new Date(Date.now() - DAY_MS)
  for (const folder of await readdir(packs)) {
    for (const name of await readdir(join(packs, folder))) {
      await utimes(join(packs, folder, name), past, past)
    }
  }
}

test('after months of commits and a prune, what is kept restores, undo works, and the next commit goes on', async () => {
  const { database, directory, snap, succeed, json } = await newWorkplace(newestMajor)
  const on = (day: number) => ({ now: () => new Date(NOW.getTime() + day * DAY_MS) })
  await succeed(['init'])
  await succeed(['commit', '-m', 'the beginning'])
  await succeed(['pin', 'HEAD', '-m', 'handed over'])
  for (let day = 1; day <= 40; day += 5) {
    await database.query(`INSERT INTO orders (customer_id, total) VALUES (1, ${day})`)
    await succeed(['commit', '-m', `day ${day}`], on(day))
  }
  await database.query(WRECKAGE)
  await succeed(['checkout', 'HEAD', '-y'], on(41))
  const good = await readShop(database)
  await agePacks(directory)

  const { result } = await json(['prune', '--keep-last', '2', '-y'], on(80))
  equal(result.removedCommitIds.length, 6)
  equal(result.gc.reclaimedSizeBytes > 0, true)
  match(await succeed(['fsck']), /^No problems found: 4 commits, 6 pruned/)

  // The state before the checkout is 39 days old and stays, because undo returns to it.
  await succeed(['undo', '-y'], on(80))
  deepEqual(await database.query("SELECT to_regclass('leftovers')::text AS name"), [
    { name: 'leftovers' },
  ])
  await succeed(['checkout', 'main', '-y'], on(80))
  deepEqual(await readShop(database), good)
  equal((await snap(['checkout', 'HEAD~3', '-y'], on(80))).exitCode, 2)
  await succeed(['checkout', 'HEAD~8', '-y'], on(80))
  deepEqual(await readShop(database), INTACT_SHOP)
  await succeed(['commit', '-m', 'goes on'], on(80))
  match(await succeed(['fsck']), /^No problems found/)
})

test('one commit from before each migration stays, whatever the rules', async () => {
  const { database, succeed, json } = await newWorkplace(newestMajor)
  await succeed(['init'])
  for (const [i, revision] of ['m1', 'm1', 'm2', 'm2', 'm3', 'm3'].entries()) {
    await database.query(`UPDATE alembic_version SET version_num = '${revision}'`)
    const now = () => new Date(NOW.getTime() + i * 60_000)
    await succeed(['commit', '-m', `${i} at ${revision}`], { now })
  }
  const { plan } = await json(['prune', '--keep-last', '1', '--dry-run'])
  deepEqual(
    plan.commits.map((commit: { message: string; reasons: { kind: string }[] }) => [
      commit.message,
      commit.reasons.at(-1)?.kind,
    ]),
    [
      ['5 at m3', 'last'],
      ['4 at m3', undefined],
      ['3 at m2', 'beforeMigration'],
      ['2 at m2', undefined],
      ['1 at m1', 'beforeMigration'],
      ['0 at m1', undefined],
    ],
  )
})
