/**
 * The real program at a real terminal: util-linux's `script` makes one, and keys
 * are pressed when the question is on the screen.
 */

import { deepEqual, equal, match } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, onTestFinished, test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { type InstalledProgram, installProgram } from './installed-program.ts'
import { environment } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop, type Workplace, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

/** Types each answer once its question has been asked; returns the screen and the exit code. */
function atTerminal(
  place: Workplace,
  argv: readonly string[],
  answers: readonly (readonly [question: string, keys: string])[],
  columns = 100,
): Promise<{ exitCode: number | null; screen: string }> {
  const command = [process.execPath, program.path, ...argv].map((word) => `'${word}'`).join(' ')
  const child = spawn(
    'script',
    ['-qefc', `stty cols ${columns} rows 30; ${command}`, '/dev/null'],
    {
      cwd: place.directory,
      env: environment({ DATABASE_URL: place.database.url, TERM: 'xterm' }),
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  onTestFinished(() => void child.kill())
  const left = [...answers]
  let screen = ''
  let seen = 0
  child.stdout.on('data', (piece: Buffer) => {
    screen += piece.toString()
    const next = left[0]
    if (next === undefined || !screen.slice(seen).includes(next[0])) return
    seen = screen.length
    left.shift()
    child.stdin.write(next[1])
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ exitCode, screen }))
  })
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
