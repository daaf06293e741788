/** What only a process of its own can show: the bin entry, signals, pipes, limits. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { chmod, readdir } from 'node:fs/promises'
import { afterAll, beforeAll, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { allMajors } from '../support/postgres.ts'
import {
  type InstalledProgram,
  installProgram,
  outcomeOf,
  stderrShows,
} from './installed-program.ts'
import { environment, temporaryDirectory } from './run-snap.ts'
import { INTACT_SHOP, newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

async function workplaceWithCommit() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'one'])
  const options = {
    workingDirectory: place.directory,
    environment: environment({ DATABASE_URL: place.database.url }),
  }
  return { ...place, options }
}

test('the bin entry runs under plain node and says its version', async () => {
  equal(packageJson.bin.snap, 'dist/cli/main.js')
  equal(packageJson.bin.pgsnap, packageJson.bin.snap)
  const options = { workingDirectory: '/', environment: environment() }
  const { exitCode, stdout } = await program.run(['--version'], options)
  deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: `${packageJson.version}\n` })
})

test('a password on the command line is not in the process list', async () => {
  const { database, options } = await workplaceWithCommit()
  const url = `${database.url}&password=hunter2hunter2`
  const argv = ['--database', url, 'run', '--', 'sh', '-c', 'ps -o args= -p $PPID']
  const { exitCode, stdout } = await program.run(argv, options)
  equal(exitCode, 0)
  match(stdout, /^snap --database postgres\S*&password=\*\*\* run -- sh -c /)
})

test('snap --help loads neither pg nor the prompts', async () => {
  const hook =
    'export async function load(url, context, next) { process._rawDebug(url); return next(url, context) }'
  const register =
    `import { register } from "node:module"; ` +
    `register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})`
  const { exitCode, stderr } = await program.runShell(
    `node --import 'data:text/javascript,${encodeURIComponent(register)}' "${program.path}" --help`,
    { workingDirectory: '/', environment: environment() },
  )
  equal(exitCode, 0)
  const loaded = stderr.split('\n').filter((url) => url.startsWith('file:'))
  equal(
    loaded.some((url) => url.includes('/commander/')),
    true,
  )
  deepEqual(
    loaded.filter((url) =>
      /node_modules\/(pg|pg-.*|@clack|zstd-napi|ink|react)\/|\/dist\/src\//.test(url),
    ),
    [],
  )
})

test('a reader that goes away ends the program quietly, as it does git', async () => {
  const { options, succeed } = await workplaceWithCommit()
  for (let count = 0; count < 3; count++) await succeed(['commit', '-m', 'again'])
  const { stdout, stderr } = await program.runShell(
    '$SNAP log | head -n 1; echo $PIPESTATUS; $SNAP --json show | true; echo $PIPESTATUS',
    options,
  )
  const lines = stdout.trimEnd().split('\n')
  match(lines[0]!, /^commit [0-9a-f]{64}/)
  for (const exitCode of lines.slice(1)) equal(['0', '141'].includes(exitCode), true, exitCode)
  equal(stderr, '')
})

test('a pipe that is closed from the start ends with 141 and not a word', async () => {
  const { options } = await workplaceWithCommit()
  const { stdout, stderr } = await program.runShell(
    '{ sleep 0.1; $SNAP log; echo $? >&3; } 3>&1 1> >(exec true)',
    options,
  )
  deepEqual({ stdout, stderr }, { stdout: '141\n', stderr: '' })
})

test('a result that does not fit on its disk ends with 8, and says so', async () => {
  const { options } = await workplaceWithCommit()
  for (const argv of ['log', 'export', 'status', '--version']) {
    const { stdout, stderr } = await program.runShell(
      `$SNAP ${argv} -q > /dev/full; echo $? >&2`,
      options,
    )
    equal(stdout, '')
    match(stderr, /^fatal: cannot write the output: ENOSPC.*\nhint: .*\n8\n$/, argv)
  }
})

test('Ctrl-C during a commit ends with 130, says that nothing was committed, and the store is whole', async () => {
  const { database, options, succeed } = await workplaceWithCommit()
  await database.withClient(async (client) => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    const child = program.start(['commit', '-m', 'two'], options)
    const ended = outcomeOf(child)
    await stderrShows(child, 'locking tables')
    child.kill('SIGINT')
    const { exitCode, stderr } = await ended
    equal(exitCode, 130, stderr)
    match(stderr, /^fatal: .*interrupted/m)
    match(stderr, /^hint: no commit was made/m)
    await client.query('ROLLBACK')
  })
  match(await succeed(['log', '--oneline']), /^[0-9a-f]{12} \(HEAD -> main\) one\n$/)
  match(await succeed(['fsck']), /^No problems found/)
})

test('Ctrl-C during a checkout leaves the database as it was, and says so', async () => {
  const { database, options, succeed } = await workplaceWithCommit()
  await database.query(WRECKAGE)
  const before = await database.query('SELECT count(*) FROM orders')
  await database.withClient(async (client) => {
    // A reader is in nobody's way until tables are dropped.
    await client.query('BEGIN; SELECT * FROM customers')
    const child = program.start(['checkout', 'HEAD', '-y', '--lock-timeout', '0'], options)
    const ended = outcomeOf(child)
    await stderrShows(child, 'dropping what differs')
    child.kill('SIGINT')
    const { exitCode, stderr } = await ended
    equal(exitCode, 130, stderr)
    match(stderr, /^hint: the database is as it was/m)
    await client.query('ROLLBACK')
  })
  deepEqual(await database.query('SELECT count(*) FROM orders'), before)
  match(await succeed(['fsck']), /^No problems found/)
  await succeed(['checkout', 'HEAD', '-y'])
  deepEqual(await readShop(database), INTACT_SHOP)
})

test('Ctrl-C during a status ends with 130 and leaves no temporary file', async () => {
  const { database, options } = await workplaceWithCommit()
  const temporary = await temporaryDirectory()
  await database.withClient(async (client) => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    const child = program.start(['status'], {
      ...options,
      environment: { ...options.environment, TMPDIR: temporary },
    })
    const ended = outcomeOf(child)
    await stderrShows(child, 'locking tables')
    equal((await readdir(temporary)).length > 0, true)
    child.kill('SIGINT')
    const { exitCode, stdout, stderr } = await ended
    deepEqual({ exitCode, stdout }, { exitCode: 130, stdout: '' }, stderr)
    await client.query('ROLLBACK')
  })
  deepEqual(await readdir(temporary), [])
})

test('a second Ctrl-C does not wait', async () => {
  const { database, options } = await workplaceWithCommit()
  await database.withClient(async (client) => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    const child = program.start(['commit', '-m', 'two'], options)
    const ended = outcomeOf(child)
    await stderrShows(child, 'locking tables')
    child.kill('SIGINT')
    child.kill('SIGINT')
    equal((await ended).exitCode, 130)
    await client.query('ROLLBACK')
  })
})

test('SIGTERM ends with 143', async () => {
  const { database, options } = await workplaceWithCommit()
  await database.withClient(async (client) => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
    const child = program.start(['commit', '-m', 'two'], options)
    const ended = outcomeOf(child)
    await stderrShows(child, 'locking tables')
    child.kill('SIGTERM')
    equal((await ended).exitCode, 143)
    await client.query('ROLLBACK')
  })
})

test('a store that cannot grow ends with 8 and keeps what it had', async () => {
  const { database, options, succeed } = await workplaceWithCommit()
  await database.query(`CREATE TABLE noise AS
    SELECT md5(n::text) || md5((-n)::text) AS text FROM generate_series(1, 20000) AS n`)
  // A limit on file size fails a write as a full disk does, and needs no disk to fill.
  const { exitCode, stderr } = await program.runShell('ulimit -f 64; $SNAP commit -m two', options)
  equal(exitCode, 8, stderr)
  match(stderr, /^fatal: cannot write .*: no space left|^fatal: .*(full|too large)/m)
  match(await succeed(['log', '--oneline']), /^[0-9a-f]{12} \(HEAD -> main\) one\n$/)
  match(await succeed(['fsck']), /^No problems found/)
})

test('the demo shows the loss and the return, and leaves nothing behind', async () => {
  const options = await demoPlace()
  const { exitCode, stdout, stderr } = await program.run(['demo'], options)
  equal(exitCode, 0, stderr)
  match(stdout, /^\$ snap commit -m 'before migration 13'$/m)
  match(stdout, /^reviews +[1-9]\d* +gone +[1-9]\d*$/m)
  match(stdout, /nothing changed since its parent/)
  deepEqual(await readdir(options.workingDirectory), [])
})

test('Ctrl-C during the demo leaves nothing behind either', async () => {
  const options = await demoPlace()
  const child = program.start(['demo'], options)
  const ended = outcomeOf(child)
  await stderrShows(child, 'Starting a temporary PostgreSQL')
  child.kill('SIGINT')
  const { exitCode, stderr } = await ended
  equal(exitCode, 130, stderr)
  match(stderr, /hint: the temporary server and its directory are gone/)
  deepEqual(await readdir(options.workingDirectory), [])
})

/** A directory that is both the working directory and the place for temporary files. */
async function demoPlace() {
  const directory = await temporaryDirectory()
  // The demo's server may run under another account, and must get in.
  await chmod(directory, 0o755)
  return { workingDirectory: directory, environment: environment({ TMPDIR: directory }) }
}
