/** How `snap ui` takes a terminal, lives with it, and gives it back. */
import { equal, match } from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { allMajors } from '../../support/postgres.ts'
import { openTerminal } from '../../support/terminal.ts'
import { type InstalledProgram, installProgram } from '../installed-program.ts'
import { environment } from '../run-snap.ts'
import { newWorkplace, type Workplace } from '../workplace.ts'
import { NARROW, openUi, pidOfUi, showsRestored, WIDE } from './ui-terminal.ts'

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

async function shop(): Promise<Workplace> {
  const place = await newWorkplace(allMajors.at(-1)!)
  await place.succeed(['init'])
  for (const n of [1, 2, 3]) {
    await place.database.query(`UPDATE orders SET total = ${n} WHERE id = 1`)
    const now = () => new Date(`2026-03-0${n}T12:00:00Z`)
    await place.succeed(['commit', '-m', `commit ${n}`], { now })
  }
  return place
}

test('it is drawn anew for each size, and says so when there is too little room', async () => {
  const terminal = await openUi(program, await shop(), { size: NARROW })
  const heightOf = (screen: string) => screen.trimEnd().split('\n').length
  equal(heightOf(await terminal.shows('commit 3', '$ snap log')), 24)
  await terminal.resize(WIDE)
  equal(heightOf(await terminal.shows('commit 3', /\n{30}.*\n\$ snap log/)), 50)
  await terminal.resize({ columns: 60, rows: 20 })
  await terminal.shows('smaller than 80x24')
  await terminal.resize(NARROW)
  await terminal.shows('commit 3', '$ snap log')
  await terminal.press('q')
  await showsRestored(terminal, 0)
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s ends it with %i, and the terminal is as it was', async (signal, exitCode) => {
  const terminal = await openUi(program, await shop(), { size: NARROW })
  await terminal.shows('commit 3')
  process.kill(await pidOfUi(terminal), signal)
  match(await showsRestored(terminal, exitCode), /fatal: interrupted/)
})

test('Ctrl-Z gives the terminal to the shell until fg', async () => {
  const place = await shop()
  const terminal = await openTerminal({
    ...NARROW,
    commandLine: `PS1='shell> ' exec bash --norc --noprofile -i`,
    workingDirectory: place.directory,
    environment: environment({ DATABASE_URL: place.database.url }),
  })
  await terminal.type(`'${process.execPath}' '${program.path}' ui`)
  await terminal.press('Enter')
  await terminal.shows('commit 3')
  await terminal.press('C-z')
  await terminal.shows('Stopped', /shell>$/m)
  await terminal.type('echo typed')
  await terminal.press('Enter')
  await terminal.shows(/^typed$/m)
  await terminal.type('fg')
  await terminal.press('Enter')
  await terminal.shows('commit 3', '$ snap log')
  await terminal.press('j', 'Enter')
  await terminal.shows('Commit', 'commit 2')
  await terminal.press('q', 'q')
  await terminal.shows(/^typed$/m, /shell>$/m)
})

test('Ctrl-Z without a shell changes nothing', async () => {
  const terminal = await openUi(program, await shop(), { size: NARROW })
  await terminal.shows('commit 3')
  await terminal.press('C-z')
  await terminal.shows('commit 3')
  await terminal.press('j', 'Enter')
  await terminal.shows('Commit', 'commit 2')
  await terminal.press('q', 'q')
  await showsRestored(terminal, 0)
})

test('it ends when its terminal is closed', async () => {
  const terminal = await openUi(program, await shop(), { size: NARROW })
  await terminal.shows('commit 3')
  const pid = await pidOfUi(terminal)
  await terminal.close()
  while (isAlive(pid)) await setTimeout(10)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('where CI is set it is drawn all the same, and NO_COLOR takes the colours away', async () => {
  const variables = { CI: 'true', NO_COLOR: '1' }
  const terminal = await openUi(program, await shop(), { size: NARROW, variables })
  await terminal.shows('> * ', 'commit 3')
  await terminal.press('j')
  await terminal.shows(/> \* .*commit 2/)
})

test('into a pipe nothing is drawn: it says why, and ends with 2', async () => {
  const place = await shop()
  const terminal = await openTerminal({
    ...NARROW,
    commandLine: `{ '${process.execPath}' '${program.path}' ui; echo "ended with $?"; } | cat; exec cat`,
    workingDirectory: place.directory,
    environment: environment({ DATABASE_URL: place.database.url }),
  })
  await terminal.shows('stdout is not a terminal', 'ended with 2')
})
