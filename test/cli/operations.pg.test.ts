/** The operation log as the commands write and show it. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, test } from 'vitest'
import type { Backend } from '../../src/backend/backend.ts'
import { SnapError } from '../../src/errors.ts'
import { allMajors } from '../support/postgres.ts'
import { NOW } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop, type Workplace, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** An operation as `--json` prints it. */
interface PrintedOperation {
  number: number
  state: string
  start: { command: string; arguments: string[] }
  kept: unknown
  end: { databaseChange: string; errorCode: string | null }
  rollbackCommand: string | null
}

/** The operations of a place, oldest first. */
async function operationsOf({ succeed }: Workplace): Promise<PrintedOperation[]> {
  const lines = (await succeed(['ops', '--json', '-n', '100'])).trim().split('\n')
  return lines.toReversed().map((line) => JSON.parse(line))
}

async function placeWithCommit() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'one'])
  return place
}

test('commit, checkout, undo and rollback are in the log, each with what it did and the way back', async () => {
  const place = await placeWithCommit()
  await place.database.query(WRECKAGE)
  await place.succeed(['checkout', 'HEAD', '-y'])
  await place.succeed(['undo', '-y'])
  await place.succeed(['rollback', '-y'])
  deepEqual(await readShop(place.database), INTACT_SHOP)

  const told = (await operationsOf(place)).map(({ number, state, start, kept, end, ...rest }) => ({
    number,
    state,
    command: start.command,
    isKept: kept !== null,
    change: end.databaseChange,
    ...rest,
  }))
  deepEqual(told, [
    {
      number: 1,
      state: 'done',
      command: 'commit',
      isKept: false,
      change: 'none',
      rollbackCommand: null,
    },
    {
      number: 2,
      state: 'done',
      command: 'checkout',
      isKept: true,
      change: 'changed',
      rollbackCommand: 'snap rollback 2',
    },
    {
      number: 3,
      state: 'done',
      command: 'undo',
      isKept: true,
      change: 'changed',
      rollbackCommand: 'snap rollback 3',
    },
    {
      number: 4,
      state: 'done',
      command: 'rollback',
      isKept: true,
      change: 'changed',
      rollbackCommand: 'snap rollback 4',
    },
  ])
})

test('a dry run is no operation', async () => {
  const place = await placeWithCommit()
  await place.succeed(['checkout', 'HEAD', '--dry-run'])
  equal((await operationsOf(place)).length, 1)
})

test('what fails is in the log with its error, and is nothing to roll back', async () => {
  const place = await placeWithCommit()
  await place.database.query('DELETE FROM orders')
  equal((await place.snap(['checkout', 'HEAD'])).exitCode, 7)
  const failed = (await operationsOf(place)).at(-1)!
  deepEqual([failed.state, failed.end.errorCode], ['failed', 'CONFIRMATION_NEEDED'])
  const { exitCode, stderr } = await place.snap(['rollback', '-y'])
  equal(exitCode, 2)
  match(stderr, /there is no operation to roll back/)
})

test('ops lists them for people, and shows one whole', async () => {
  const place = await placeWithCommit()
  await place.database.query('DELETE FROM orders WHERE id > 400')
  await place.succeed(['checkout', 'HEAD', '-y'])
  match(
    await place.succeed(['ops']),
    /^number {2}started +took {2}state {2}changed +command\n {5}2 {2}just now {2}0\.00 s {2}done {3}\+.* rows.* {2}snap checkout HEAD -y\n {5}1 {2}just now {2}0\.00 s {2}done +snap commit -m one\n$/,
  )
  const shown = await place.succeed(['ops', '2'])
  match(shown, /^operation 2\nCommand: {4}snap checkout HEAD -y\nState: {6}done, exit code 0\n/)
  match(shown, /^Changed: {4}\+[1-9]\d* rows/m)
  match(shown, /^To return: {2}snap rollback 2$/m)
})

test('a password on the command line is in no record', async () => {
  const place = await placeWithCommit()
  const url = 'postgresql://ada:hunter2@localhost:1/shop'
  equal((await place.snap(['commit', '-m', 'two', '--database', url])).exitCode, 6)
  const [, last] = await operationsOf(place)
  equal(JSON.stringify(last).includes('hunter2'), false)
  match(last!.start.arguments.join(' '), /:\/\/ada:\*\*\*@/)
})

describe('a store that cannot be written', () => {
  const readOnly = (backend: Backend): Backend => ({
    location: backend.location,
    create: async () => {
      throw new SnapError('BACKEND_READ_ONLY', 'it cannot be written', { location: '/' })
    },
    read: (key, range) => backend.read(key, range),
    findSizeBytes: (key) => backend.findSizeBytes(key),
    list: (prefix) => backend.list(prefix),
    remove: (key) => backend.remove(key),
    close: () => backend.close(),
  })

  test.each([
    [['run', '--', 'true']],
    [['checkout', 'HEAD', '-y']],
    [['undo', '-y']],
    [['rollback', '-y']],
    [['commit', '-m', 'two']],
  ])('lets %j not begin', async (argv) => {
    const place = await placeWithCommit()
    await place.database.query(WRECKAGE)
    await place.succeed(['checkout', 'HEAD', '-y'])
    await place.database.query(WRECKAGE)
    const before = await place.database.query('SELECT count(*) FROM orders')
    let hasRun = false
    const { exitCode } = await place.snap(argv, {
      dependencies: { wrapBackend: readOnly },
      runChild: async () => {
        hasRun = true
        return { kind: 'exited', exitCode: 0 }
      },
    })
    deepEqual({ exitCode, hasRun }, { exitCode: 8, hasRun: false })
    deepEqual(await place.database.query('SELECT count(*) FROM orders'), before)
  })
})

test('that the end cannot be logged is told, and changes neither the work nor the exit code', async () => {
  const place = await placeWithCommit()
  const noEnd = (backend: Backend): Backend =>
    new Proxy(backend, {
      get(target, name) {
        if (name !== 'create') return Reflect.get(target, name).bind?.(target) ?? target.location
        return async (key: string, parts: readonly Uint8Array[]) => {
          if (!key.endsWith('.end')) return target.create(key, parts)
          throw new SnapError('BACKEND_FULL', 'no space left', { location: '/' })
        }
      },
    })
  const { exitCode, stderr } = await place.snap(['run', '--', 'true'], {
    dependencies: { wrapBackend: noEnd },
    runChild: async () => ({ kind: 'exited', exitCode: 3 }),
  })
  equal(exitCode, 3)
  match(stderr, /^warning: the end of operation 2 could not be logged: no space left$/m)
})

describe('run', () => {
  test('hands its command the guard commit, and unpins it when nothing was changed', async () => {
    const place = await placeWithCommit()
    let seen: Record<string, string | undefined> = {}
    await place.succeed(['run', '--', 'true'], {
      runChild: async (_command, { environment }) => {
        seen = { ...environment }
        equal((await place.succeed(['pin'])).includes(seen.SNAP_GUARD_COMMIT!.slice(0, 12)), true)
        return { kind: 'exited', exitCode: 0 }
      },
    })
    equal(seen.DATABASE_URL, place.database.url)
    match(seen.SNAP_OPERATION!, /^[0-9a-f]{32}:2$/)
    equal(await place.succeed(['pin']), '')
    match(await place.succeed(['log', '--oneline', '-n', '1']), /before: true$/m)
  })

  test('keeps the pin when something was changed', async () => {
    const place = await placeWithCommit()
    await place.succeed(['run', '-m', 'migration 13', '--', 'true'], {
      runChild: async () => {
        await place.database.query('DELETE FROM orders')
        return { kind: 'exited', exitCode: 0 }
      },
    })
    match(await place.succeed(['pin']), /migration 13/)
  })

  test.each([
    [['--rollback-if', 'orderz.rows < before'], /there is no table 'orderz'/],
    [['--rollback-if', 'orders.rows <'], /./],
    [['--no-report', '--ask'], /--ask needs the report/],
    [['--no-report', '--rollback-if', 'orders.rows < before'], /needs the report/],
    [['--on-start', '--rollback-on-failure'], /--rollback-on-failure means nothing/],
    [['--min-interval', '1h'], /goes with --on-start/],
  ])('refuses %j before the command runs', async (flags, message) => {
    const place = await placeWithCommit()
    // runChild of the test's io fails the test when it is called.
    const { exitCode, stderr } = await place.snap(['run', ...flags, '--', 'true'])
    equal(exitCode, 2, stderr)
    match(stderr, message)
    equal(await place.succeed(['pin']), '')
  })

  test('on a protected database wants its name before it may be rolled back later', async () => {
    const place = await placeWithCommit()
    const variables = { DATABASE_URL: place.database.url, NODE_ENV: 'production', PATH: '/bin' }
    await place.succeed(['protect'])
    const runChild = async () => ({ kind: 'exited', exitCode: 0 }) as const
    const argv = ['run', '--rollback-on-failure', '--', 'true']
    const options = { environment: variables, runChild }
    equal((await place.snap(argv, options)).exitCode, 7)
    const named = ['run', '--confirm-database', place.database.name, ...argv.slice(1)]
    equal((await place.snap(named, options)).exitCode, 0)
    equal((await place.snap(['run', '--', 'true'], options)).exitCode, 0)
  })

  test('that starts with the application leaves a recent commit alone, and heeds an old one', async () => {
    const place = await placeWithCommit()
    const argv = ['run', '--on-start', '--', 'true']
    const runChild = async () => ({ kind: 'exited', exitCode: 0 }) as const
    const countAt = async (hours: number) => {
      const now = () => new Date(NOW.getTime() + hours * 3_600_000)
      await place.succeed(argv, { now, runChild })
      return (await place.succeed(['log', '--oneline'])).trim().split('\n').length
    }
    deepEqual([await countAt(23), await countAt(25), await countAt(26)], [1, 2, 2])
    equal(await place.succeed(['pin']), '')
  })
})
