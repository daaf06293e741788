/**
 * What is installed is put before the programs that will read it.
 *
 * They come with Debian's packages systemd and cron, which `.ci/run` installs
 * where they are missing; without them these tests fail in CI.
 */

import { equal, match } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { parseCronExpression, toCalendarEvents } from '../../../cli/schedule/cron-expression.ts'
import { addToCrontab } from '../../../cli/schedule/crontab-text.ts'
import { type Schedule, scheduleNameOf } from '../../../cli/schedule/schedule.ts'
import { formatSystemdUnits } from '../../../cli/schedule/systemd-units.ts'
import { temporaryDirectory } from '../run-snap.ts'

const isInstalled = (program: string) =>
  (process.env.PATH ?? '').split(':').some((directory) => existsSync(join(directory, program)))
const mayRun = (program: string) => isInstalled(program) || process.env.CI !== undefined

const CRONS = ['0 2 * * *', '*/7 1-5 1,15 feb-apr mon', '30 6,18 * * mon-fri', '0 0 29 2 *']

const AWKWARD = [
  '/srv/shop/.snap',
  '/srv/my shop/.snap',
  '/srv/100%/.snap',
  '/srv/50%n %h/$HOME/.snap',
  `/srv/it's "quoted"/.snap`,
  '/srv/back\\slash/.snap',
  '/srv/ümläut ; & # ~/.snap',
]

function scheduleOf(storeDirectory: string, cron = '0 2 * * *'): Schedule {
  return {
    name: scheduleNameOf(storeDirectory),
    storeDirectory,
    cron,
    commandLine: [process.execPath, process.execPath, '--store', storeDirectory, 'schedule', 'run'],
  }
}

let runtimeDirectory: string
beforeAll(async () => {
  runtimeDirectory = await mkdtemp(join(tmpdir(), 'snap-test-'))
})
afterAll(() => rm(runtimeDirectory, { recursive: true, force: true }))

/** Runs a program and returns what it said, on either stream; throws when it ends with anything but 0. */
const sayOf = (program: string, ...words: string[]) =>
  execFileSync('/bin/sh', ['-c', '"$0" "$@" 2>&1', program, ...words], {
    encoding: 'utf8',
    // The manager of a user wants one, even where it only checks.
    env: { ...process.env, XDG_RUNTIME_DIR: runtimeDirectory, LC_ALL: 'C' },
  })

describe.runIf(mayRun('systemd-analyze'))('systemd-analyze verify', () => {
  test.each(AWKWARD)('finds nothing wrong with the units for %s', async (storeDirectory) => {
    const directory = await temporaryDirectory()
    const { service, timer } = formatSystemdUnits(scheduleOf(storeDirectory))
    for (const { fileName, text } of [service, timer]) {
      await writeFile(join(directory, fileName), text)
    }
    const paths = [service, timer].map(({ fileName }) => join(directory, fileName))
    equal(sayOf('systemd-analyze', 'verify', '--user', '--man=no', ...paths), '')
  })

  test('does find what is wrong', async () => {
    const directory = await temporaryDirectory()
    const path = join(directory, 'wrong.service')
    await writeFile(path, '[Service]\nType=oneshot\nExecStart="/bin/true" "\n')
    match(
      sayOf('/bin/sh', '-c', `systemd-analyze verify --user --man=no ${path} || true`),
      /quot|bad/i,
    )
  })

  test.each(CRONS)('knows when %s is due', (cron) => {
    for (const event of toCalendarEvents(parseCronExpression(cron))) {
      match(sayOf('systemd-analyze', 'calendar', event), /Next elapse: (?!never)/)
    }
  })
})

describe.runIf(mayRun('crontab'))('crontab', () => {
  test.each(AWKWARD)('takes the block for %s', async (storeDirectory) => {
    const directory = await temporaryDirectory()
    const path = join(directory, 'crontab')
    const crontab = addToCrontab('MAILTO=ada\n', scheduleOf(storeDirectory))
    await writeFile(path, crontab)
    match(sayOf('crontab', '-n', path), /successfully/)
  })

  test.each(CRONS)('takes %s', async (cron) => {
    const path = join(await temporaryDirectory(), 'crontab')
    await writeFile(path, addToCrontab('', scheduleOf('/srv/shop/.snap', cron)))
    match(sayOf('crontab', '-n', path), /successfully/)
  })

  test('does not take what is wrong', async () => {
    const path = join(await temporaryDirectory(), 'crontab')
    await writeFile(path, '61 * * * * /bin/true\n')
    match(sayOf('/bin/sh', '-c', `crontab -n ${path} || true`), /bad minute/)
  })
})
