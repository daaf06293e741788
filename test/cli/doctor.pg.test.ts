import { deepEqual, equal, match } from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { environment } from './run-snap.ts'
import { newWorkplace } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** Nothing of this machine's schedules reaches the doctor. */
const withoutSchedulers = (url: string) => ({
  environment: environment({ DATABASE_URL: url, PATH: '/nonexistent' }),
})

async function newPatient() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'first'])
  const doctor = async (url = place.database.url) => {
    const { exitCode, stdout } = await place.snap(['doctor', '--json'], withoutSchedulers(url))
    const { level, diagnoses } = JSON.parse(stdout)
    const troubles = diagnoses.filter((each: { level: string }) => each.level !== 'ok')
    return { exitCode, level, codes: troubles.map(({ code }: { code: string }) => code) }
  }
  return { ...place, doctor }
}

const NORMAL = newestMajor >= 17 ? ['walSummariesOff'] : []

test('a healthy place ends with 0, and every trouble comes with what to do', async () => {
  const { snap, doctor, database } = await newPatient()
  deepEqual((await doctor()).codes, NORMAL)
  const { exitCode, stdout } = await snap(['doctor'], withoutSchedulers(database.url))
  equal(exitCode, 0)
  match(stdout, /^ok {7}PostgreSQL \d+\.\d+, as role postgres$/m)
  match(stdout, /^ok {7}1 commit; the newest, [0-9a-f]{12}, is less than a day old$/m)
  match(stdout, /^ok {7}everything of the commit refs point at is there/m)
  match(stdout, /^0 problems, 0 warnings, \d notices?$/m)
})

test('a server that does not answer is a problem, and the store is looked at all the same', async () => {
  const { doctor } = await newPatient()
  deepEqual(await doctor('postgresql://127.0.0.1:1/shop'), {
    exitCode: 1,
    level: 'problem',
    codes: ['databaseUnreachable'],
  })
})

test('a damaged store is a problem', async () => {
  const { doctor, directory } = await newPatient()
  const { readdir, rm } = await import('node:fs/promises')
  const packs = join(directory, '.snap', 'packs')
  for (const name of await readdir(packs)) await rm(join(packs, name), { recursive: true })
  const { exitCode, codes } = await doctor()
  deepEqual({ exitCode, codes }, { exitCode: 1, codes: [...NORMAL, 'storeDamaged'] })
})

test('what is missing of another commit than that of HEAD is a problem, too', async () => {
  const { doctor, directory, succeed, database } = await newPatient()
  const { readdir, rm } = await import('node:fs/promises')
  const packs = join(directory, '.snap', 'packs')
  const listPacks = async () => {
    const names: string[] = []
    for (const folder of await readdir(packs)) {
      for (const name of await readdir(join(packs, folder))) names.push(join(folder, name))
    }
    return names
  }
  await succeed(['tag', 'v1'])
  const before = new Set(await listPacks())
  await database.query('DELETE FROM orders')
  await succeed(['commit', '-m', 'second'])
  // What the tag is at, and HEAD is not.
  for (const name of before) await rm(join(packs, name))
  const { exitCode, codes } = await doctor()
  deepEqual({ exitCode, codes }, { exitCode: 1, codes: [...NORMAL, 'storeDamaged'] })
})

test('a store of another time is a problem, and the database is looked at all the same', async () => {
  const { doctor, directory } = await newPatient()
  await chmod(join(directory, '.snap', 'format'), 0o600)
  await writeFile(join(directory, '.snap', 'format'), 'something else\n')
  const { exitCode, codes } = await doctor()
  deepEqual({ exitCode, codes }, { exitCode: 1, codes: [...NORMAL, 'storeUnusable'] })
})

test('a store that others may read is a warning, and that ends with 0', async () => {
  const { doctor, directory } = await newPatient()
  await chmod(join(directory, '.snap'), 0o755)
  const { exitCode, level, codes } = await doctor()
  deepEqual(
    { exitCode, level, codes },
    { exitCode: 0, level: 'warning', codes: [...NORMAL, 'storeReadableByOthers'] },
  )
})

test('without a store there is a database to look at', async () => {
  const place = await newWorkplace(newestMajor)
  const { exitCode, stdout } = await place.snap(['doctor'], withoutSchedulers(place.database.url))
  equal(exitCode, 0)
  match(stdout, /^notice {3}there is no store here yet\n +hint: run 'snap init'$/m)
})

test('a configuration that cannot be read is a problem', async () => {
  const { doctor, directory } = await newPatient()
  await writeFile(join(directory, 'snap.config.json'), '{ "protected": 1 }')
  const { exitCode, codes } = await doctor()
  deepEqual({ exitCode, codes }, { exitCode: 1, codes: [...NORMAL, 'configInvalid'] })
})
