/** The real program at a real terminal. */

import { deepEqual, equal, match } from 'node:assert/strict'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { type Answer, runAtTerminal } from './at-terminal.ts'
import { type InstalledProgram, installProgram } from './installed-program.ts'
import { environment } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop, type Workplace, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

/** Runs one command of the program at a terminal, in a workplace. */
function atTerminal(place: Workplace, argv: readonly string[], answers: readonly Answer[]) {
  return runAtTerminal(
    [process.execPath, program.path, ...argv].map((word) => `'${word}'`).join(' '),
    {
      workingDirectory: place.directory,
      environment: environment({ DATABASE_URL: place.database.url }),
      answers,
    },
  )
}

const NAME = 'Type the name of the database'
const ROWS = 'Type the number of rows'

test('a wipe is typed twice, and undo brings everything back', async () => {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  const { exitCode, screen } = await atTerminal(
    place,
    ['wipe'],
    [
      [NAME, `${place.database.name}\r`],
      [ROWS, '601\r'],
    ],
  )
  equal(exitCode, 0, screen)
  match(screen, /is empty: 601 rows of 3 tables went/)
  deepEqual(await place.database.query(`SELECT to_regclass('orders') AS orders`), [
    { orders: null },
  ])
  await place.succeed(['undo', '-y'])
  deepEqual(await readShop(place.database), INTACT_SHOP)
})

test('Ctrl-C at the second question of a wipe changes nothing', async () => {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  const { exitCode } = await atTerminal(
    place,
    ['wipe'],
    [
      [NAME, `${place.database.name}\r`],
      [ROWS, '\u0003'],
    ],
  )
  equal(exitCode, 130)
  deepEqual(await readShop(place.database), INTACT_SHOP)
})

test('a wipe whose terminal is closed at a question ends, notes that, and changes nothing', async () => {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  // As the leader of its session the program hears of the end itself.
  await runAtTerminal(`exec '${process.execPath}' '${program.path}' wipe`, {
    workingDirectory: place.directory,
    environment: environment({ DATABASE_URL: place.database.url }),
    answers: [[NAME, null]],
  })
  await expect
    .poll(async () => JSON.parse(await place.succeed(['ops', '--json', '-n', '1'])).end, {
      timeout: 20_000,
    })
    .toMatchObject({ outcome: 'failed', exitCode: 130 })
  deepEqual(await readShop(place.database), INTACT_SHOP)
})

test('the name of a protected database is typed, although -y was given', async () => {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['protect'])
  await place.succeed(['commit', '-m', 'before'])
  await place.database.query(WRECKAGE)

  const wrong = await atTerminal(place, ['checkout', 'HEAD', '-y'], [[NAME, 'shop\r']])
  equal(wrong.exitCode, 7)
  match(wrong.screen, /nothing was changed/)

  const right = await atTerminal(
    place,
    ['checkout', 'HEAD', '-y'],
    [[NAME, `${place.database.name}\r`]],
  )
  equal(right.exitCode, 0, right.screen)
  deepEqual(await readShop(place.database), INTACT_SHOP)
})
