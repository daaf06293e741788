/**
 * Commits found again by the migration that the database was at.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { newWorkplace } from './workplace.ts'

const newest = allMajors.at(-1)!

test('checkout --migration returns to the newest commit at a migration, by the beginning of its name', async () => {
  const { database, json, snap, succeed } = await newWorkplace(newest)
  const to = (version: string) =>
    database.query(`UPDATE alembic_version SET version_num = '${version}'`)
  await succeed(['init'])
  await succeed(['commit', '-m', 'too early'])
  await database.query('DELETE FROM orders WHERE id > 400')
  await succeed(['commit', '-m', 'before'])
  await to('b1f03d22c9e')
  await database.query('DELETE FROM orders')
  await succeed(['commit', '-m', 'after'])

  match(await succeed(['log', '-n', '1']), /^Migration: {2}alembic b1f03d22c9e$/m)
  match(await succeed(['show', 'migration:alembic:ae10']), /^ {4}before$/m)
  const { result } = await json(['checkout', '--migration', 'ae10', '-y'])

  deepEqual(
    await database.query(
      'SELECT count(*)::int, max(version_num) AS v FROM orders, alembic_version',
    ),
    [{ count: 400, v: 'ae1027a6acf' }],
  )
  const [before] = (await succeed(['log', '--all', '--json']))
    .split('\n')
    .filter((line) => line.includes('"before"'))
  equal(result.commitId, JSON.parse(before!).commitId)

  equal((await snap(['checkout', '--migration', 'ffff', '-y'])).exitCode, 2)
  equal((await snap(['checkout', 'HEAD', '--migration', 'ae10', '-y'])).exitCode, 2)
  equal((await snap(['checkout', '-y'])).exitCode, 2)
})
