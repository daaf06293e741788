import { deepEqual, equal, match } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { LocalBackend, openStore } from '../../../src/index.ts'
import { lockStore } from '../../../src/maintenance/store-lock.ts'
import { allMajors } from '../../support/postgres.ts'
import { environment } from '../run-snap.ts'
import { newWorkplace, type Workplace } from '../workplace.ts'

const newestMajor = allMajors.at(-1)!

/**
 * A workplace with a store, on a machine whose crontab is a file and which has no
 * systemd of this user; the database is named by `.env`, as a timer needs it.
 */
async function newMachine() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  const { directory } = place
  await writeFile(join(directory, '.env'), `DATABASE_URL='${place.database.url}'\n`)
  const programs = join(directory, 'bin')
  await mkdir(programs)
  const install = async (name: string, script: string) => {
    await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(programs, name), 0o755)
  }
  const crontabPath = join(directory, 'crontab.txt')
  await install(
    'crontab',
    `case "$1" in
       -l) cat '${crontabPath}' 2>/dev/null || { echo 'no crontab for ada' >&2; exit 1; } ;;
       -r) rm '${crontabPath}' ;;
       -) cat > '${crontabPath}' ;;
     esac`,
  )
  await install('systemctl', 'exit 1')
  await install('loginctl', 'exit 1')
  const options = {
    homeDirectory: directory,
    environment: environment({ PATH: `${programs}:${process.env.PATH}` }),
  }
  const snap: Workplace['snap'] = (argv, more) => place.snap(argv, { ...options, ...more })
  const crontab = () => readFile(crontabPath, 'utf8').catch(() => '')
  return { ...place, snap, options, install, crontab, crontabPath }
}

type Machine = Awaited<ReturnType<typeof newMachine>>

/** Has the last line of a crontab run by a shell, and returns the words of its command. */
async function wordsOfLastRun(machine: Machine): Promise<string[]> {
  const line = (await machine.crontab()).split('\n').at(-3)!
  const command = line.split(' ').slice(5).join(' ').replaceAll('\\%', '%')
  return execFileSync('/bin/sh', [
    '-c',
    `for w in ${command.replace(' >/dev/null', '')}; do echo "$w"; done`,
  ])
    .toString()
    .trimEnd()
    .split('\n')
}

describe('without systemd the crontab has it', () => {
  test('one block, beside what was there, and away again', async () => {
    const machine = await newMachine()
    await writeFile(machine.crontabPath, '# mine\n5 4 * * * /bin/true\n')

    const first = await machine.snap(['schedule', '--daily', '02:00', '--keep-daily', '30'])
    equal(first.exitCode, 0, first.stderr)
    const second = await machine.snap([
      'schedule',
      '--hourly',
      '15',
      '--keep-tag',
      'v*',
      '--keep-within',
      '90min',
    ])
    equal(second.exitCode, 0, second.stderr)

    const crontab = await machine.crontab()
    match(crontab, /^# mine\n5 4 \* \* \* \/bin\/true\n# snap-schedule \{.*\}\n15 \* \* \* \* /)
    equal(crontab.match(/snap-schedule \{/g)?.length, 1)
    deepEqual(await wordsOfLastRun(machine), [
      '/usr/bin/node',
      '/opt/snap/main.js',
      '--quiet',
      '--store',
      `${machine.directory}/.snap`,
      'schedule',
      'run',
      '--keep-within=90min',
      '--keep-tag=v*',
    ])
    const listed = await machine.snap(['schedule', 'list', '--json'])
    deepEqual(
      JSON.parse(listed.stdout).schedules.map(({ cron, kind, storeDirectory }: never) => ({
        cron,
        kind,
        storeDirectory,
      })),
      [{ cron: '15 * * * *', kind: 'cron', storeDirectory: `${machine.directory}/.snap` }],
    )

    equal((await machine.snap(['schedule', 'remove'])).exitCode, 0)
    equal(await machine.crontab(), '# mine\n5 4 * * * /bin/true\n')
  })

  test('a machine with neither says so', async () => {
    const machine = await newMachine()
    const { exitCode, stderr } = await machine.snap(['schedule', '--hourly'], {
      environment: environment({ PATH: '/nonexistent' }),
    })
    equal(exitCode, 2)
    match(stderr, /neither systemd nor cron is here/)
  })
})

describe('a timer of systemd', () => {
  async function newMachineWithSystemd() {
    const machine = await newMachine()
    const calls = join(machine.directory, 'systemctl.log')
    await machine.install('systemctl', `echo "$*" >> '${calls}'`)
    await machine.install('loginctl', 'echo no')
    const units = join(machine.directory, '.config', 'systemd', 'user')
    return { ...machine, units, calls: () => readFile(calls, 'utf8') }
  }

  test('is written, started, listed and removed', async () => {
    const { snap, units, calls, directory } = await newMachineWithSystemd()
    const installed = await snap(['schedule', '--cron', '0 2 * * mon', '--keep-last', '3'])
    equal(installed.exitCode, 0, installed.stderr)
    match(installed.stderr, /loginctl enable-linger ada/)
    const [service, timer] = (await readdir(units)).sort()
    match(await readFile(join(units, timer!), 'utf8'), /^OnCalendar=Mon \*-\*-\* 02:00:00$/m)
    match(
      await readFile(join(units, service!), 'utf8'),
      new RegExp(
        `^ExecStart="/usr/bin/node" "/opt/snap/main.js" "--quiet" "--store" "${directory}/.snap" "schedule" "run" "--keep-last=3"$`,
        'm',
      ),
    )
    match(await calls(), /--user daemon-reload\n--user enable snap-.*\.timer\n--user restart/)
    match((await snap(['schedule', 'list'])).stdout, / systemd {2}'0 2 \* \* mon' /)

    equal((await snap(['schedule', 'remove'])).exitCode, 0)
    deepEqual(await readdir(units), [])
    match(await calls(), /--user disable --now snap-.*\.timer\n--user daemon-reload/)
  })

  test('takes the place of the crontab', async () => {
    const { snap, crontab } = await newMachineWithSystemd()
    await snap(['schedule', '--hourly', '--with', 'cron'])
    match(await crontab(), /snap-schedule/)
    await snap(['schedule', '--hourly'])
    equal(await crontab(), '')
  })

  test('stands in XDG_CONFIG_HOME, where that is set', async () => {
    const { snap, directory, options } = await newMachineWithSystemd()
    await snap(['schedule', '--hourly'], {
      environment: { ...options.environment, XDG_CONFIG_HOME: join(directory, 'conf') },
    })
    equal((await readdir(join(directory, 'conf', 'systemd', 'user'))).length, 2)
  })
})

describe('what cannot work is refused before anything is installed', () => {
  test.each([
    [['schedule'], /it is not said when/],
    [['schedule', '--hourly', '--daily', '02:00'], /said in several ways/],
    [['schedule', '--daily', '25:00'], /Write it as '02:00'/],
    [['schedule', '--hourly', '60'], /must be a minute/],
    [['schedule', '--cron', '61 * * * *'], /'61' is no minute/],
    [['schedule', '--hourly', '--on-failure', 'a\nb'], /control character/],
    [['schedule', '--hourly', '--database', 'postgres://a:secret@h/d'], /holds a password/],
  ])('%j', async (argv, message) => {
    const machine = await newMachine()
    const { exitCode, stderr } = await machine.snap(argv)
    equal(exitCode, 2, stderr)
    match(stderr, message)
    equal(stderr.includes('secret'), false)
    equal(await machine.crontab(), '')
  })

  test('a database that only the shell knows', async () => {
    const machine = await newMachine()
    await writeFile(join(machine.directory, '.env'), '')
    const { exitCode, stderr } = await machine.snap(['schedule', '--hourly'], {
      environment: { ...machine.options.environment, DATABASE_URL: machine.database.url },
    })
    equal(exitCode, 2)
    match(stderr, /a schedule would find no database/)
    match(stderr, /hint: write DATABASE_URL=… into /)
  })
})

describe('snap schedule run', () => {
  test('commits, then prunes by the rules', async () => {
    const machine = await newMachine()
    for (const hour of [1, 2, 3]) {
      const now = () => new Date(Date.UTC(2026, 2, 1, hour))
      const run = await machine.snap(['schedule', 'run', '--keep-last', '2'], { now })
      equal(run.exitCode, 0, run.stderr)
    }
    const log = await machine.snap(['log', '--oneline'])
    equal(log.stdout.match(/scheduled/g)?.length, 2)
  })

  test('finds the database in the file that --env-file names', async () => {
    const machine = await newMachine()
    await writeFile(join(machine.directory, '.env'), '')
    await writeFile(join(machine.directory, 'snap.env'), `DATABASE_URL=${machine.database.url}\n`)
    const run = await machine.snap(['schedule', 'run', '--env-file', 'snap.env', '--json'])
    equal(run.exitCode, 0, run.stderr)
    deepEqual(Object.keys(JSON.parse(run.stdout)), [
      'commitId',
      'removedCommitIds',
      'pruneSkippedBecause',
    ])
  })

  test('that fails tells the command and the webhook, and ends with the code of the failure', async () => {
    const machine = await newMachine()
    const told: { headers: object; body: string }[] = []
    const server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        told.push({ headers: request.headers, body: Buffer.concat(pieces).toString() })
        response.end('ok')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    await writeFile(
      join(machine.directory, '.env'),
      `DATABASE_URL=postgresql://ada:hunter2@127.0.0.1:1/shop\nSNAP_WEBHOOK_URL=http://127.0.0.1:${port}/secret-path\n`,
    )

    const { exitCode, stdout, stderr } = await machine.snap([
      'schedule',
      'run',
      '--on-failure',
      'echo "$SNAP_FAILURE_CODE $SNAP_EXIT_CODE" > told.txt; echo from the hook; exit 3',
    ])

    equal(exitCode, 6)
    equal(stdout, '')
    match(stderr, /^from the hook$/m)
    match(stderr, /^warning: --on-failure did not succeed: it ended with 3$/m)
    match(stderr, /^fatal: /m)
    equal(await readFile(join(machine.directory, 'told.txt'), 'utf8'), 'POSTGRES_UNREACHABLE 6\n')
    equal(told.length, 1)
    const body = JSON.parse(told[0]!.body)
    deepEqual(
      {
        code: body.code,
        exitCode: body.exitCode,
        database: body.database,
        hostName: body.hostName,
      },
      {
        code: 'POSTGRES_UNREACHABLE',
        exitCode: 6,
        database: 'ada@127.0.0.1:1/shop',
        hostName: 'engine',
      },
    )
    match(body.text, /^snap: scheduled commit of ada@127\.0\.0\.1:1\/shop failed on engine: /)
    equal(`${stderr}${told[0]!.body}`.includes('hunter2'), false)
    equal(stderr.includes('secret-path'), false)
  })

  test('a webhook that cannot be told changes nothing about the failure, and is not shown', async () => {
    const machine = await newMachine()
    const { exitCode, stderr } = await machine.snap(['schedule', 'run'], {
      environment: {
        ...machine.options.environment,
        DATABASE_URL: 'postgresql://127.0.0.1:1/shop',
        SNAP_WEBHOOK_URL: 'http://127.0.0.1:1/secret-path',
      },
    })
    equal(exitCode, 6)
    match(stderr, /^warning: SNAP_WEBHOOK_URL could not be told: /m)
    equal(stderr.includes('secret-path'), false)
  })

  test('two runs do not overlap', async () => {
    const machine = await newMachine()
    const backend = await LocalBackend.open(join(machine.directory, '.snap'))
    const store = await openStore(backend)
    const lock = await lockStore(backend, { operation: 'scheduled commit', mode: 'shared' })
    const refused = await machine.snap(['schedule', 'run', '--on-failure', 'touch told.txt'])
    equal(refused.exitCode, 5)
    match(refused.stderr, /the store is locked by 'scheduled commit'/)
    equal((await readdir(machine.directory)).includes('told.txt'), true)
    // Other work goes on beside it.
    equal((await machine.snap(['commit', '-m', 'by hand'])).exitCode, 0)

    await lock.release()
    await store.close()
    equal((await machine.snap(['schedule', 'run'])).exitCode, 0)
  })

  test('a commit by hand at the same time keeps it from pruning, not from committing', async () => {
    const machine = await newMachine()
    const backend = await LocalBackend.open(join(machine.directory, '.snap'))
    const lock = await lockStore(backend, { operation: 'commit', mode: 'shared' })
    const { exitCode, stdout } = await machine.snap(['schedule', 'run', '--keep-last', '1'])
    equal(exitCode, 0)
    match(stdout, /Nothing was pruned this time: the store is locked by 'commit'/)
    await lock.release()
    await backend.close()
  })
})

test('--print installs nothing', async () => {
  const machine = await newMachine()
  for (const what of ['systemd', 'cron', 'github']) {
    const { exitCode, stdout, stderr } = await machine.snap([
      'schedule',
      '--hourly',
      '--print',
      what,
    ])
    equal(exitCode, 0, stderr)
    match(stdout, /schedule/)
  }
  equal(await machine.crontab(), '')
  deepEqual((await readdir(machine.directory)).includes('.config'), false)
})
