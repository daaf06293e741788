import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { newWorkplace, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

async function wreckedWorkplace() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  await place.database.query(WRECKAGE)
  return place
}

const COUNTS = `SELECT (SELECT count(*)::int FROM orders) AS orders, to_regclass('leftovers')::text AS leftovers,
  to_regclass('alembic_version')::text AS version`

test('a table comes back, the rest stays, HEAD stays, and undo takes back the table alone', async () => {
  const { database, succeed, json } = await wreckedWorkplace()
  const head = await succeed(['rev-parse', 'HEAD'])

  const { plan, result } = await json(['checkout', 'HEAD', '--table', 'orders', '-y'])

  deepEqual(plan.part, {
    aspect: 'all',
    relations: [{ namespace: 'public', name: 'orders' }],
    others: [],
  })
  deepEqual(result.restored.rowCount, 500)
  deepEqual(result.terminated, [])
  equal('requested' in plan, false)
  deepEqual(await database.query(COUNTS), [{ orders: 500, leftovers: 'leftovers', version: null }])
  equal(await succeed(['rev-parse', 'HEAD']), head)
  match(await succeed(['reflog']), /checkout: public\.orders to HEAD/)
  await database.query('DROP TABLE leftovers')
  await succeed(['undo', '-y'])
  deepEqual(await database.query(COUNTS), [{ orders: 200, leftovers: null, version: null }])
})

test('the plan, the question and the result say what they are about', async () => {
  const { snap, succeed } = await wreckedWorkplace()
  const { stdout } = await snap(['checkout', 'HEAD', '-t', 'orders', '-t', 'alembic*', '--dry-run'])
  match(stdout, /^Only: +public\.alembic_version, public\.orders; all else stays as it is$/m)
  const asked = await snap(['checkout', 'HEAD', '-t', 'orders'])
  equal(asked.exitCode, 7)
  match(
    await succeed(['checkout', 'HEAD', '--data-only', '--table', 'orders', '-y']),
    /^HEAD stays where it is: only the rows of public\.orders came from HEAD$/m,
  )
})

test('definitions come back without rows, and rows that have nowhere to go are refused with 7', async () => {
  const { database, snap, succeed } = await wreckedWorkplace()
  const refused = await snap(['checkout', 'HEAD', '--data-only', '-y'])
  equal(refused.exitCode, 7)
  match(refused.stderr, /^ {2}public\.alembic_version: the database has no such table$/m)
  match(
    refused.stderr,
    /^ {2}public\.customers \(email\): the database has no such column to load$/m,
  )

  await succeed(['checkout', 'HEAD', '--schema-only', '-y'])

  deepEqual(await database.query(COUNTS), [
    { orders: 200, leftovers: null, version: 'alembic_version' },
  ])
  await succeed(['checkout', 'HEAD', '--data-only', '-y'])
  deepEqual(await database.query('SELECT count(email)::int FROM customers'), [{ count: 100 }])
})

test('what a part needs is listed with what to add', async () => {
  const { database, snap, succeed } = await wreckedWorkplace()
  await database.query('DROP TABLE customers, orders CASCADE')
  const { exitCode, stderr } = await snap(['checkout', 'HEAD', '--table', 'orders', '-y'])
  equal(exitCode, 7)
  match(
    stderr,
    /TABLE public\.customers \(missing\), needed by FK CONSTRAINT public\.orders orders_customer_id_fkey: --table public\.customers/,
  )
  match(stderr, /^hint: add --table public\.customers, or --with-dependencies$/m)
  await succeed(['checkout', 'HEAD', '--table', 'orders', '--with-dependencies', '-y'])
  deepEqual(await database.query('SELECT count(*)::int FROM customers'), [{ count: 100 }])
})

test('options that contradict each other, and patterns that mean nothing, end with 2', async () => {
  const { snap } = await wreckedWorkplace()
  for (const options of [
    ['--schema-only', '--data-only'],
    ['--data-only', '--into', 'copy'],
    ['--data-only', '--table', 'orders', '--with-dependencies'],
    ['--with-dependencies'],
    ['--table', 'nope'],
    ['--table', 'a.b.c'],
  ]) {
    const { exitCode } = await snap(['checkout', 'HEAD', '-y', ...options])
    equal(exitCode, 2, options.join(' '))
  }
})

test('--terminate ends who is in the way, and says whom', async () => {
  const { database, succeed } = await wreckedWorkplace()
  const [output, outcome] = await database.withClient(async (client) => {
    await client.query(`SET application_name = 'the app'; BEGIN; SELECT count(*) FROM orders`)
    const stdout = await succeed(['checkout', 'HEAD', '-y', '--terminate'])
    return [stdout, await client.query('SELECT 1').catch(() => 'ended')]
  })
  equal(outcome, 'ended')
  match(output, /^Ended the session with pid \d+ \(postgres, the app\)$/m)
})
