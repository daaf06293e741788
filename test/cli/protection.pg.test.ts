import { deepEqual, equal, match } from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'vitest'
import type { Backend } from '../../src/index.ts'
import { FaultyBackend } from '../support/faulty-backend.ts'
import { allMajors } from '../support/postgres.ts'
import { terminalTyping } from './terminal-input.ts'
import { INTACT_SHOP, newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** A wrecked shop that is protected, one commit before the wreckage. */
async function protectedWorkplace() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['protect'])
  await place.succeed(['commit', '-m', 'before'])
  await place.database.query(WRECKAGE)
  const isWrecked = async () => {
    const [row] = await place.database.query(`SELECT to_regclass('leftovers') IS NOT NULL AS is`)
    return row!.is
  }
  return { ...place, isWrecked }
}

test('snap protect marks the database in a file that says so', async () => {
  const { directory, database } = await protectedWorkplace()
  deepEqual(JSON.parse(await readFile(`${directory}/snap.config.json`, 'utf8')), {
    protected: [{ database: database.name }],
  })
})

test('-y alone does not overwrite a protected database, nor read it first', async () => {
  const { snap, isWrecked, database } = await protectedWorkplace()
  const { exitCode, stdout, stderr } = await snap(['checkout', 'HEAD', '-y'])
  deepEqual({ exitCode, stdout }, { exitCode: 7, stdout: '' })
  match(stderr, /^fatal: database '.*' is protected, and there is no terminal/)
  match(stderr, new RegExp(`hint: pass --confirm-database ${database.name} `))
  equal(await isWrecked(), true)
})

test('a flag with its name overwrites it, a flag with another name does not', async () => {
  const { snap, isWrecked, database } = await protectedWorkplace()
  const wrong = await snap(['checkout', 'HEAD', '-y', '--confirm-database', 'other'])
  equal(wrong.exitCode, 7)
  match(wrong.stderr, /--confirm-database names 'other', but the database is/)
  equal(await isWrecked(), true)

  const right = await snap(['checkout', 'HEAD', '--confirm-database', database.name])
  equal(right.exitCode, 0, right.stderr)
  deepEqual(await readShop(database), INTACT_SHOP)
})

test('--json says that it is protected, and why', async () => {
  const { snap } = await protectedWorkplace()
  const { exitCode, stderr } = await snap(['undo', '--json', '-y'])
  equal(exitCode, 7)
  const { code, data } = JSON.parse(stderr)
  equal(code, 'DATABASE_PROTECTED')
  match(data.reasons[0], /^snap\.config\.json protects database /)
})

test('on a terminal its name is asked for, although -y was given', async () => {
  const { snap, isWrecked, database } = await protectedWorkplace()
  const asked = (typed: string) =>
    snap(['checkout', 'HEAD', '-y'], { isTerminal: true, stdin: terminalTyping(typed) })
  const wrong = await asked('yes\r')
  equal(wrong.exitCode, 7)
  match(wrong.stderr, /Type the name of the database/)
  match(wrong.stderr, /not confirmed: 'yes' is not/)
  equal(await isWrecked(), true)

  const nothing = await asked('\r')
  equal(nothing.exitCode, 7)

  const right = await asked(`${database.name}\r`)
  equal(right.exitCode, 0, right.stderr)
  deepEqual(await readShop(database), INTACT_SHOP)
})

test('looking and making a new database need no name', async () => {
  const { snap, succeed, database } = await protectedWorkplace()
  await succeed(['checkout', 'HEAD', '--dry-run'])
  const into = await snap(['checkout', 'HEAD', '-y', '--into', `${database.name}_copy`])
  equal(into.exitCode, 0, into.stderr)
  await database.query(`DROP DATABASE "${database.name}_copy"`)
})

describe('snap protect --off', () => {
  test('takes the mark away, once the name is given', async () => {
    const { snap, succeed, database } = await protectedWorkplace()
    equal((await snap(['protect', '--off'])).exitCode, 7)
    const out = await succeed(['protect', '--off', '--confirm-database', database.name])
    match(out, / is not protected\n$/)
    await succeed(['checkout', 'HEAD', '-y'])
  })

  test('leaves a pattern alone that may mean other databases', async () => {
    const { directory, snap, database } = await protectedWorkplace()
    const config = '{ "protected": [{ "database": "*" }] }'
    await writeFile(`${directory}/snap.config.json`, config)
    const { exitCode, stderr } = await snap([
      'protect',
      '--off',
      '--confirm-database',
      database.name,
    ])
    equal(exitCode, 2)
    match(stderr, /protects database \*, which may mean other databases too/)
    equal(await readFile(`${directory}/snap.config.json`, 'utf8'), config)
  })
})

test('a configuration that cannot be read keeps everything from being overwritten', async () => {
  const { directory, snap, isWrecked } = await protectedWorkplace()
  await writeFile(`${directory}/snap.config.json`, '{ "protectd": [] }')
  const { exitCode, stderr } = await snap(['checkout', 'HEAD', '-y'])
  equal(exitCode, 2)
  match(stderr, /did you mean protected\?/)
  equal(await isWrecked(), true)
})

describe('snap wipe', () => {
  const wipeTyping = (place: Awaited<ReturnType<typeof newWorkplace>>, ...answers: string[]) =>
    place.snap(['wipe'], { isTerminal: true, stdin: terminalTyping(...answers) })

  async function newShop() {
    const place = await newWorkplace(newestMajor)
    await place.succeed(['init'])
    return place
  }

  test('shows tables with their rows, asks for name and rows, and says how to return', async () => {
    const place = await newShop()
    const { exitCode, stdout, stderr } = await wipeTyping(
      place,
      `${place.database.name}\r`,
      '601\r',
    )
    equal(exitCode, 0, stderr)
    match(stderr, /public\.orders +500 .*dropped/)
    match(stderr, /Will go: 601 rows of 3 tables, \d+ schema entries/)
    match(stdout, /is empty: 601 rows of 3 tables went/)
    match(stdout, /pinned; to return to it: snap undo/)
    deepEqual(
      await place.database.query(
        `SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
      ),
      [{ count: 0 }],
    )
    match(await place.succeed(['undo', '-y']), /^Returned to the state before the wipe of 2026-/m)
    deepEqual(await readShop(place.database), INTACT_SHOP)
  })

  test.each([
    ['another name', (_name: string) => ['shop\r', '601\r']],
    ['another number', (name: string) => [`${name}\r`, '600\r']],
    ['nothing', (name: string) => [`${name}\r`, '\r']],
    ['y', (_name: string) => ['y\r', 'y\r']],
  ])('%s changes nothing', async (_, answers) => {
    const place = await newShop()
    const { exitCode, stderr } = await wipeTyping(place, ...answers(place.database.name))
    equal(exitCode, 7)
    match(stderr, /nothing was changed/)
    deepEqual(await readShop(place.database), INTACT_SHOP)
  })

  test('Ctrl-C at the second question changes nothing', async () => {
    const place = await newShop()
    const { exitCode } = await wipeTyping(place, `${place.database.name}\r`, '\u0003')
    equal(exitCode, 130)
    deepEqual(await readShop(place.database), INTACT_SHOP)
  })

  test('without a terminal it is refused before anything is read, unless the name is given', async () => {
    const place = await newShop()
    const { exitCode, stderr } = await place.snap(['wipe'])
    equal(exitCode, 7)
    match(stderr, /hint: pass --confirm-database /)
    equal(await place.json(['log', '--all']).catch(() => 'no commits'), 'no commits')

    const done = await place.json(['wipe', '--confirm-database', place.database.name])
    equal(done.plan.rowCount, 601)
    equal(typeof done.result.safetyCommitId, 'string')
    match(await place.succeed(['pin']), /before wipe/)
  })

  test('has no -y', async () => {
    const place = await newShop()
    equal((await place.snap(['wipe', '-y'])).exitCode, 2)
  })

  test('says when there is nothing to wipe, and that is no failure', async () => {
    const place = await newShop()
    const flags = ['wipe', '--confirm-database', place.database.name]
    await place.succeed(flags)
    match(await place.succeed(flags), /There is nothing to wipe/)
  })

  test('is refused when the state before cannot be kept', async () => {
    const place = await newShop()
    // The pin is the last of what has to be kept before anything is changed.
    const faults: FaultyBackend[] = []
    const wrapBackend = (backend: Backend) => {
      const faulty = new FaultyBackend(backend)
      faulty.failOn('create', /^refs\/snap\/pins\//)
      faults.push(faulty)
      return faulty
    }
    const { exitCode } = await place.snap(['wipe', '--confirm-database', place.database.name], {
      dependencies: { wrapBackend },
    })
    equal(exitCode, 8)
    faults.at(-1)!.assertAllFired()
    deepEqual(await readShop(place.database), INTACT_SHOP)
  })
})
