/** The screens of `snap ui`, at a real terminal. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import stringWidth from 'string-width'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { allMajors } from '../../support/postgres.ts'
import { type InstalledProgram, installProgram } from '../installed-program.ts'
import { INTACT_SHOP, newWorkplace, readShop, type Workplace, WRECKAGE } from '../workplace.ts'
import { NARROW, openUi, pidOfUi, showsRestored, WIDE } from './ui-terminal.ts'

const newestMajor = allMajors.at(-1)!

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

/** A shop with two commits: whole, and after a migration that went wrong. */
async function wreckedShop(): Promise<Workplace> {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'intact 商店 🛒'])
  await place.succeed(['tag', 'v1'])
  await place.database.query(WRECKAGE)
  await place.succeed(['commit', '-m', 'wrecked'], { now: () => new Date('2026-03-01T13:00:00Z') })
  return place
}

describe.each([NARROW, WIDE])('at $columns x $rows', (size) => {
  test('from the log through commits to rows and DDL, and back', async () => {
    const terminal = await openUi(program, await wreckedShop(), { size })
    const log = await terminal.shows('wrecked', '(tag: v1)', '(HEAD -> main)', '$ snap log --all')
    // Wide characters stand before the numbers, and the columns are straight all the same.
    const [header, , wide] = log.split('\n').slice(1)
    const end = (line: string, text: string) =>
      stringWidth(line.slice(0, line.indexOf(text) + text.length))
    equal(end(wide!, '+601'), end(header!, 'rows ±'))

    await terminal.press('j', 'Enter')
    await terminal.shows('public.customers', '2.9 KiB', '$ snap show')
    await terminal.press('j', 'Enter')
    await terminal.shows('customer 1', '1@example.org', "$ snap cat '")
    await terminal.press('G')
    await terminal.shows('100/100', 'customer 100')
    await terminal.press('q', 'Tab')
    await terminal.shows('FK CONSTRAINT')
    await terminal.press('j', 'Enter')
    await terminal.shows('CREATE TABLE public.alembic_version', ':schema')

    await terminal.press('q', 'q', 'd')
    await terminal.shows('the first commit has no parent')
    await terminal.press('k', 'd')
    await terminal.shows('+ public.leftovers', '--stat')
    await terminal.press('j', 'j', 'j', 'Enter')
    await terminal.shows('- id=201', '--rows --table')
    await terminal.press('q', 'G', 'Enter')
    await terminal.shows('+CREATE TABLE public.leftovers', '--schema')
    await terminal.press('q', 'q', 'q')
    await showsRestored(terminal, 0)
  })

  test('the rows that differ from the parent have a sign', async () => {
    const place = await wreckedShop()
    await place.database.query('UPDATE orders SET total = 0 WHERE id = 7')
    await place.succeed(['commit', '-m', 'one row'], {
      now: () => new Date('2026-03-01T14:00:00Z'),
    })
    const terminal = await openUi(program, place, { size })
    await terminal.shows('one row')
    await terminal.press('Enter')
    await terminal.shows('public.orders')
    await terminal.press('G', 'Enter')
    await terminal.shows('against', '0 gone')
    await terminal.press('G')
    await terminal.shows(/~ 7 +8 +0\.00/)
  })

  test('the live database, the log of operations and the store', async () => {
    const place = await wreckedShop()
    await place.database.query('DELETE FROM orders')
    const terminal = await openUi(program, place, { size })
    await terminal.shows('wrecked')
    await terminal.press('l')
    await terminal.shows('~ public.orders', '200', 'to database')
    await terminal.press('q', 'o')
    await terminal.shows('done', 'snap commit -m', '$ snap ops')
    await terminal.press('Enter')
    await terminal.shows('Command:    snap commit -m wrecked', '$ snap ops 2')
    await terminal.press('q', 'q', 's')
    await terminal.shows('On disk:')
    await terminal.press('c')
    await terminal.shows('No problems found', '$ snap fsck')
    await terminal.press('p')
    await terminal.shows('0 commits to remove, 2 kept', '--dry-run')
    await terminal.press('q', '?')
    await terminal.shows('Everywhere', 'this help')
  })
})

test('other datastores are among what differs, with their paths', async () => {
  const place = await newWorkplace(newestMajor)
  const uploads = join(place.directory, 'uploads')
  await mkdir(uploads)
  await writeFile(join(uploads, 'a.txt'), 'a')
  const sources = { uploads: { files: { root: 'uploads' } } }
  await writeFile(join(place.directory, 'snap.config.json'), JSON.stringify({ sources }))
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'with files'])
  await writeFile(join(uploads, 'a.txt'), 'changed')
  await writeFile(join(uploads, 'b.txt'), 'new')
  const terminal = await openUi(program, place, { size: NARROW })
  await terminal.shows('with files')
  await terminal.press('l')
  await terminal.shows(/~ source uploads +1 +· +1/)
  await terminal.press('Enter')
  await terminal.shows('~ a.txt (1 B', '+ b.txt (3 B', '--stat')
})

test('a filter leaves the commits that match', async () => {
  const terminal = await openUi(program, await wreckedShop(), { size: NARROW })
  await terminal.shows('wrecked', 'intact')
  await terminal.type('/商店')
  await terminal.press('Enter')
  const screen = await terminal.shows('Filter: 商店', '1/1')
  equal(screen.includes('wrecked'), false)
  await terminal.press('Escape')
  await terminal.shows('wrecked')
})

test('a checkout is planned, confirmed and done as the command does it, and undone', async () => {
  const place = await wreckedShop()
  const terminal = await openUi(program, place, { size: NARROW })
  await terminal.shows('wrecked')
  await terminal.press('j', 'c')
  await terminal.shows('equal to', 'y or n', '$ snap checkout')
  await terminal.press('y')
  await terminal.shows('Done.', 'Proven equal to the commit')
  deepEqual(await readShop(place.database), INTACT_SHOP)
  await terminal.press('u')
  await terminal.shows('Undo of the last checkout', 'y or n')
  await terminal.press('y')
  await terminal.shows('Undo of the last checkout', 'Done.')
  deepEqual(await place.database.query('SELECT n FROM leftovers'), [{ n: 1 }])
  await terminal.press('q', 'q')
  await terminal.shows('Log', /\(HEAD -> main\) wrecked/)
  await terminal.press('C-c')
  await showsRestored(terminal, 130)
  const operations = await place.succeed(['ops'])
  deepEqual(operations.match(/snap (?:checkout|undo)/g), ['snap undo', 'snap checkout'])
})

test('a protected database is changed only when its name is typed', async () => {
  const place = await wreckedShop()
  await place.succeed(['protect'])
  const terminal = await openUi(program, place, { size: NARROW })
  await terminal.shows('wrecked')
  await terminal.press('j', 'c')
  await terminal.shows(`Type ${place.database.name} to make it equal to`, 'Protected:')
  await terminal.type('y')
  await terminal.press('Enter')
  await terminal.shows("'y' is not", 'nothing was changed')
  await terminal.press('BSpace')
  await terminal.type(place.database.name)
  await terminal.press('Enter')
  await terminal.shows('Done.')
  deepEqual(await readShop(place.database), INTACT_SHOP)
})

test('Ctrl-C stops a checkout that runs, and the database is as it was', async () => {
  const place = await wreckedShop()
  const { database } = place
  await database.withClient(async (client) => {
    await client.query('BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE')
    const terminal = await openUi(program, place, { size: NARROW })
    await terminal.shows('wrecked')
    await terminal.press('j', 'c')
    await terminal.shows('y or n')
    await terminal.press('y')
    await terminal.shows('Restoring, in one transaction', 'waiting for a lock')
    await terminal.press('q')
    await terminal.shows('a checkout is running: Ctrl-C stops it')
    await terminal.press('C-c')
    await terminal.shows(
      'Not done.',
      'fatal: the statement was interrupted',
      'the database is as it was',
    )
    await terminal.press('q', 'q')
    await showsRestored(terminal, 0)
  })
  deepEqual(await database.query('SELECT count(*)::int AS n FROM orders'), [{ n: 200 }])
  deepEqual(await database.query('SELECT n FROM leftovers'), [{ n: 1 }])
})

test('a signal while a checkout runs leaves the database as it was, and says so', async () => {
  const place = await wreckedShop()
  const { database } = place
  await database.withClient(async (client) => {
    await client.query('BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE')
    const terminal = await openUi(program, place, { size: NARROW })
    await terminal.shows('wrecked')
    await terminal.press('j', 'c')
    await terminal.shows('y or n')
    await terminal.press('y')
    await terminal.shows('waiting for a lock')
    process.kill(await pidOfUi(terminal), 'SIGTERM')
    const screen = await showsRestored(terminal, 143)
    match(screen, /hint: the database is as it was/)
  })
  deepEqual(await database.query('SELECT n FROM leftovers'), [{ n: 1 }])
})
