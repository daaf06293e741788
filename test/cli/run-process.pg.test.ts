/**
 * `snap run` as a process among processes: streams, signals, terminals, exit codes.
 *
 * By the real program. Where a command has to show what reached it, it writes a
 * file; nothing is waited for by the clock.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import {
  type InstalledProgram,
  installProgram,
  outcomeOf,
  type ProcessOutcome,
} from './installed-program.ts'
import { environment } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

/** A directory with a store, and ways to run the program in it. */
async function newPlace() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  const options = {
    workingDirectory: place.directory,
    environment: environment({ DATABASE_URL: place.database.url }),
  }
  const file = (name: string) => join(place.directory, name)
  /** Writes a Node script and returns the command that runs it. */
  const script = async (name: string, code: string) => {
    await writeFile(file(name), code)
    return [process.execPath, file(name)]
  }
  return {
    ...place,
    options,
    file,
    script,
    run: (argv: readonly string[]) => program.run(argv, options),
    shell: (commandLine: string) => program.runShell(commandLine, options),
    start: (argv: readonly string[]) => program.start(argv, options),
    lastOperation: async () =>
      JSON.parse((await program.run(['ops', '--json', '-n', '1'], options)).stdout),
  }
}

/** Deletes rows, says so with a file, and then waits for a signal, of which it counts those it gets. */
const WAITS_FOR_SIGNAL = `
import { appendFileSync, writeFileSync } from 'node:fs'
import pg from ${JSON.stringify(new URL('../../node_modules/pg/esm/index.mjs', import.meta.url).href)}
const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
await client.connect()
await client.query('DELETE FROM orders WHERE id > 100')
await client.end()
const alive = setInterval(() => {}, 1000)
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
  process.on(name, () => {
    appendFileSync('signals', name + '\\n')
    // Time for a second one, which must not come.
    setTimeout(() => { clearInterval(alive); process.exitCode = 7 }, 300)
  })
}
writeFileSync('ready', '')
`

/** Resolves when the file is there. */
function appears(path: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!existsSync(path)) return
      watcher.close()
      resolve()
    }
    const watcher = watch(join(path, '..'), look)
    look()
  })
}

describe('streams', () => {
  test('stdin reaches the command byte for byte, and its stdout is all of ours', async () => {
    const { shell } = await newPlace()
    const { stdout, exitCode } = await shell(
      "head -c 20000000 /dev/zero | tr '\\0' x | $SNAP run -- cat | sha256sum; " +
        "head -c 20000000 /dev/zero | tr '\\0' x | sha256sum",
    )
    equal(exitCode, 0)
    const [through, direct] = stdout.trim().split('\n')
    equal(through, direct)
  })

  test('stderr has what the command wrote, untouched, and the report after it', async () => {
    const { run } = await newPlace()
    const { stdout, stderr } = await run(['run', '--', 'sh', '-c', 'echo out; echo err >&2'])
    equal(stdout, 'out\n')
    match(stderr, /^Guard commit .*\nerr\nThe command ended with 0 after .*\nNothing has changed/)
  })

  test('a reader that goes away ends the command as it would alone, and the report is still made', async () => {
    const { shell, lastOperation } = await newPlace()
    const { stdout } = await shell('$SNAP run -- yes | head -n 1; echo $PIPESTATUS')
    equal(stdout, 'y\n141\n')
    deepEqual((await lastOperation()).end.exitCode, 141)
  })

  test('with --json the report is one line on stderr, and stdout is the command’s', async () => {
    const { run } = await newPlace()
    const { stdout, stderr } = await run(['run', '--json', '--', 'echo', '--json'])
    equal(stdout, '--json\n')
    const { guardCommitId, elapsedMs, ...summary } = JSON.parse(stderr)
    match(guardCommitId, /^[0-9a-f]{64}$/)
    equal(typeof elapsedMs, 'number')
    equal(summary.report.isChanged, false)
    delete summary.report
    deepEqual(summary, {
      operation: 1,
      commandExitCode: 0,
      reportError: null,
      rollbackReason: null,
      rolledBackTo: null,
      takenBackId: null,
      rollbackError: null,
      rollbackCommand: null,
      exitCode: 0,
    })
  })
})

describe('exit codes', () => {
  test('are those of the command, and 128+n when signal n ended it', async () => {
    const { run, lastOperation } = await newPlace()
    const expected = { 'exit 0': 0, 'exit 255': 255, 'kill -9 $$': 137, 'kill -INT $$': 130 }
    for (const [command, code] of Object.entries(expected)) {
      const { exitCode, stderr } = await run(['run', '--no-report', '--', 'sh', '-c', command])
      equal(exitCode, code, stderr)
      equal((await lastOperation()).end.exitCode, code)
    }
  })

  test('a command that is not there ends with 127, before anything is committed', async () => {
    const { run, shell } = await newPlace()
    equal((await run(['run', '--', 'no-such-command'])).exitCode, 127)
    equal((await run(['run', '--', './no-such-file'])).exitCode, 127)
    equal((await shell('PATH=/nowhere $SNAP run -- ls')).exitCode, 127)
    match((await run(['log'])).stderr, /has no commits|unknown|no commit/i)
  })

  test('a file that is no program ends with 126', async () => {
    const { run, file } = await newPlace()
    await writeFile(file('plain'), 'text')
    equal((await run(['run', '--', './plain'])).exitCode, 126)
    equal((await run(['run', '--', '/'])).exitCode, 126)
    await writeFile(file('odd'), '#!/no/such/interpreter\n')
    await chmod(file('odd'), 0o755)
    const { exitCode, stderr } = await run(['run', '--', './odd'])
    equal(exitCode, 127, stderr)
    // The commit before it is nobody's way back.
    deepEqual((await run(['pin'])).stdout, '')
  })

  test('a commit that fails ends with its own code, and the command is not run', async () => {
    const { database, run, file, lastOperation } = await newPlace()
    await database.withClient(async (client) => {
      await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
      const ended = await run(['run', '--lock-timeout', '200ms', '--', 'touch', file('ran')])
      equal(ended.exitCode, 6, ended.stderr)
      await client.query('ROLLBACK')
    })
    equal(existsSync(file('ran')), false)
    const { state, kept, end, rollbackCommand } = await lastOperation()
    deepEqual(
      { state, kept, errorCode: end.errorCode, change: end.databaseChange, rollbackCommand },
      {
        state: 'failed',
        kept: null,
        errorCode: 'POSTGRES_LOCK_TIMEOUT',
        change: 'none',
        rollbackCommand: null,
      },
    )
  })
})

describe('signals', () => {
  test('a signal is handed on once, the command is waited for, and what it left is rolled back', async () => {
    const { start, script, file, database, lastOperation } = await newPlace()
    const command = await script('wait.mjs', WAITS_FOR_SIGNAL)
    const child = start(['run', '--rollback-on-failure', '--', ...command])
    const ended = outcomeOf(child)
    await appears(file('ready'))
    child.kill('SIGTERM')
    const { exitCode, stderr } = await ended
    equal(exitCode, 7, stderr)
    equal(await readFile(file('signals'), 'utf8'), 'SIGTERM\n')
    deepEqual(await readShop(database), INTACT_SHOP)
    const { state, end } = await lastOperation()
    deepEqual({ state, exitCode: end.exitCode }, { state: 'rolledBack', exitCode: 7 })
  })

  test('so is every other that programs listen to', async () => {
    const { start, script, file } = await newPlace()
    const command = await script('wait.mjs', WAITS_FOR_SIGNAL)
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) {
      const child = start(['run', '--no-report', '--', ...command])
      const ended = outcomeOf(child)
      await appears(file('ready'))
      child.kill(signal)
      equal((await ended).exitCode, 7, signal)
      equal(await readFile(file('signals'), 'utf8'), `${signal}\n`)
      await Promise.all(['ready', 'signals'].map((name) => rm(file(name))))
    }
  })

  test('Ctrl-C in a terminal reaches the command once, and the rollback is still done', async () => {
    const { script, file, database, options, lastOperation } = await newPlace()
    const command = await script('wait.mjs', WAITS_FOR_SIGNAL)
    const terminal = startInTerminal(['run', '--rollback-on-failure', '--', ...command], options)
    const ended = outcomeOf(terminal)
    await appears(file('ready'))
    terminal.stdin?.write('\x03')
    const { exitCode, stdout } = await ended
    equal(exitCode, 7, stdout)
    equal(await readFile(file('signals'), 'utf8'), 'SIGINT\n')
    match(stdout, /Rolled back/)
    deepEqual(await readShop(database), INTACT_SHOP)
    equal((await lastOperation()).state, 'rolledBack')
  })

  test('a terminal that is closed ends the command, and the rollback is still done', async () => {
    const { script, file, database, options, lastOperation } = await newPlace()
    const command = await script('wait.mjs', WAITS_FOR_SIGNAL)
    const terminal = startInTerminal(['run', '--rollback-on-failure', '--', ...command], options)
    await appears(file('ready'))
    const { pid } = (await lastOperation()).start
    terminal.kill('SIGKILL')
    await hasEnded(pid)
    match(await readFile(file('signals'), 'utf8'), /^SIGHUP\n/)
    deepEqual(await readShop(database), INTACT_SHOP)
    equal((await lastOperation()).state, 'rolledBack')
  })

  test('a command that kills snap leaves an operation that never finished, and a way back', async () => {
    const { run, database, lastOperation } = await newPlace()
    const psql = `psql "$DATABASE_URL" -qc 'DELETE FROM orders'`
    const killed = await run(['run', '--', 'sh', '-c', `${psql}; kill -9 $PPID`])
    equal(killed.signal, 'SIGKILL')
    const { state, rollbackCommand } = await lastOperation()
    deepEqual(
      { state, rollbackCommand },
      { state: 'unfinished', rollbackCommand: 'snap rollback 1' },
    )
    equal((await run(['rollback', '-y'])).exitCode, 0)
    deepEqual(await readShop(database), INTACT_SHOP)
  })

  test('an operation that goes on is not rolled back', async () => {
    const { start, run, script, file, lastOperation } = await newPlace()
    const command = await script('wait.mjs', WAITS_FOR_SIGNAL)
    const child = start(['run', '--', ...command])
    const ended = outcomeOf(child)
    await appears(file('ready'))
    const refused = await run(['rollback', '-y'])
    equal(refused.exitCode, 5, refused.stderr)
    equal((await lastOperation()).command, undefined)
    child.kill('SIGTERM')
    equal((await ended).exitCode, 7)
  })
})

describe('without a terminal', () => {
  test('--ask is refused before anything is done', async () => {
    const { run, file } = await newPlace()
    const { exitCode, stderr } = await run(['run', '--ask', '--', 'touch', file('ran')])
    equal(exitCode, 2)
    match(stderr, /^fatal: cannot ask: no terminal$/m)
    equal(existsSync(file('ran')), false)
  })

  test('a session without any terminal runs as well', async () => {
    const { shell } = await newPlace()
    const { exitCode, stdout } = await shell('setsid --wait $SNAP run -- echo done < /dev/null')
    deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'done\n' })
  })
})

describe('--ask', () => {
  test.each([
    ['y', 1, 'rolledBack'],
    ['n', 0, 'done'],
    ['\x03', 0, 'done'],
  ])('answered %j ends with %i, and the operation is %s', async (answer, exitCode, state) => {
    const { options, lastOperation, database } = await newPlace()
    const psql = `psql "$DATABASE_URL" -qc 'DELETE FROM orders WHERE id > 100'`
    const terminal = startInTerminal(['run', '--ask', '--', 'sh', '-c', psql], options)
    const ended = outcomeOf(terminal)
    await stdoutShows(terminal, 'back to the state before?')
    terminal.stdin?.write(answer)
    const { stdout, exitCode: found } = await ended
    equal(found, exitCode, stdout)
    equal((await lastOperation()).state, state)
    const [row] = await database.query('SELECT count(*)::int AS count FROM orders')
    deepEqual(row, { count: state === 'done' ? 100 : 500 })
  })
})

describe('runs beside and within each other', () => {
  test('two at once each commit, run and report', async () => {
    const { run } = await newPlace()
    const ended = await Promise.all([1, 2, 3].map(() => run(['run', '--', 'true'])))
    deepEqual(
      ended.map(({ exitCode }) => exitCode),
      [0, 0, 0],
      ended.map(({ stderr }) => stderr).join('\n'),
    )
    match((await run(['fsck'])).stdout, /^No problems found/)
  })

  test('a run within a run is its part: rolling back returns to before the outer one', async () => {
    const { run, shell, database } = await newPlace()
    const del = (ids: string) => `psql "$DATABASE_URL" -qc 'DELETE FROM orders WHERE id ${ids}'`
    const inner = `${del('> 400')} && $SNAP run -- sh -c "${del('> 300').replaceAll('"', '\\"').replaceAll('$', '\\$')}"`
    const ended = await shell(`$SNAP run -- sh -c '${inner.replaceAll("'", `'\\''`)}'`)
    equal(ended.exitCode, 0, ended.stderr)
    const operations = (await run(['ops', '--json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    deepEqual(
      operations.map(({ number, start, end }) => [
        number,
        start.withinNumber,
        end.changes.deletedRowCount,
      ]),
      [
        [2, 1, 100],
        [1, null, 200],
      ],
    )
    equal((await run(['rollback', '-y'])).exitCode, 0)
    deepEqual(await readShop(database), INTACT_SHOP)
    equal((await run(['rollback', '2', '-y'])).exitCode, 0)
    deepEqual(await database.query('SELECT count(*)::int AS count FROM orders'), [{ count: 400 }])
  })
})

describe('a database that is gone afterwards', () => {
  const GONE = `psql "$ADMIN_URL" -qc 'ALTER DATABASE "'"$NAME"'" ALLOW_CONNECTIONS false'`

  async function runGone(
    flags: string[],
    ending = 'true',
  ): Promise<ProcessOutcome & { state: string }> {
    const { options, database, run, lastOperation } = await newPlace()
    const admin = new URL(database.url)
    admin.pathname = '/postgres'
    onTestFinished(async () => {
      await run(['run', '--', 'true'])
    })
    const ended = await program.run(['run', ...flags, '--', 'sh', '-c', `${GONE}; ${ending}`], {
      ...options,
      environment: { ...options.environment, ADMIN_URL: admin.href, NAME: database.name },
    })
    return { ...ended, state: (await lastOperation()).end.databaseChange }
  }

  test('leaves the command’s exit code, and says what could not be told and how to return', async () => {
    const { exitCode, stderr, state } = await runGone([], 'exit 3')
    equal(exitCode, 3)
    equal(state, 'unknown')
    match(stderr, /^What the command has changed could not be told:\nfatal: /m)
    match(stderr, /^To return to the state before: snap rollback 1$/m)
  })

  test('is no success where a condition was to be checked', async () => {
    const { exitCode, stderr } = await runGone(['--rollback-if', 'orders.rows < before'])
    equal(exitCode, 6, stderr)
  })

  test('is a success where nothing was', async () => {
    equal((await runGone([])).exitCode, 0)
  })

  test('cannot be rolled back, and says so', async () => {
    const { exitCode, stderr } = await runGone(['--rollback-on-failure'], 'exit 3')
    equal(exitCode, 3)
    match(stderr, /^It could not be rolled back:\nfatal: /m)
    match(stderr, /^To return to the state before: snap rollback 1$/m)
  })
})

describe('--on-start', () => {
  test('commits at first, and not again while that is recent', async () => {
    const { run } = await newPlace()
    const app = ['--', 'sh', '-c', 'echo "guard $SNAP_GUARD_COMMIT"; exit 5']
    const first = await run(['run', '--on-start', ...app])
    const second = await run(['run', '--on-start', ...app])
    const third = await run(['run', '--on-start', '--min-interval', '0min', ...app])
    deepEqual(
      [first, second, third].map(({ exitCode }) => exitCode),
      [5, 5, 5],
    )
    match(first.stdout, /^guard [0-9a-f]{64}\n$/)
    equal(second.stdout, 'guard \n')
    match(third.stdout, /^guard [0-9a-f]{64}\n$/)
    equal((await run(['log', '--oneline'])).stdout.trim().split('\n').length, 2)
  })

  test('hands signals on for as long as the application runs', async () => {
    const { start, script, file } = await newPlace()
    const child = start(['run', '--on-start', '--', ...(await script('app.mjs', WAITS_FOR_SIGNAL))])
    const ended = outcomeOf(child)
    await appears(file('ready'))
    child.kill('SIGTERM')
    equal((await ended).exitCode, 7)
    equal(await readFile(file('signals'), 'utf8'), 'SIGTERM\n')
  })

  test('does not start the application when the commit fails', async () => {
    const { options, file } = await newPlace()
    const ended = await program.run(['run', '--on-start', '--', 'touch', file('ran')], {
      ...options,
      environment: { ...options.environment, DATABASE_URL: 'postgres://nobody@localhost:1/none' },
    })
    equal(ended.exitCode, 6, ended.stderr)
    equal(existsSync(file('ran')), false)
  })
})

/** Runs the program on a terminal of its own; what it shows there is the stdout of `script`. */
function startInTerminal(
  argv: readonly string[],
  { workingDirectory, environment: variables }: Awaited<ReturnType<typeof newPlace>>['options'],
): ChildProcess {
  const words = [process.execPath, program.path, ...argv]
  // Without a size, prompts break every character onto a line of its own.
  const commandLine = `stty cols 100 rows 30; exec ${words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')}`
  return spawn('script', ['-qec', commandLine, '/dev/null'], {
    cwd: workingDirectory,
    env: { ...variables, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: 'pipe',
  })
}

/** Resolves once a process has written `text` to stdout. */
function stdoutShows(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = ''
    child.stdout?.on('data', (piece: Buffer) => {
      seen += piece.toString()
      if (seen.includes(text)) resolve()
    })
    child.once('close', () => reject(new Error(`ended before it wrote '${text}':\n${seen}`)))
  })
}

/** Resolves when no process has that number any more; there is nothing to wait on but to look. */
async function hasEnded(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 50))
}
