/**
 * Whole processes that die in the middle of a checkout, servers without room,
 * readers that do not let go, and commits that cannot be restored: the database is
 * as it was, or, where COMMIT had been sent, as it was to become.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../cli/demo/embedded-postgres.ts'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { isSnapError } from '../../src/errors.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { openStore } from '../../src/store.ts'
import { type InstalledProgram, installProgram, outcomeOf } from '../cli/installed-program.ts'
import {
  allMajors,
  createDatabase,
  queryOnce,
  serverOf,
  type TestServer,
} from '../support/postgres.ts'
import { type Fate, type Request, ServerProxy } from '../support/server-proxy.ts'
import { checkoutDatabase, commitDatabase, memoryStore, undoCheckout } from '../support/session.ts'
import { prepareSurgery } from '../support/surgery-case.ts'
import { describeDifference, dumpWith, withSortedRows } from '../support/witness.ts'

const major = allMajors.at(-1)!

/** One message of each sort that carrying out a checkout sends, in their order. */
const MOMENTS: [name: string, isIt: (request: Request) => boolean][] = [
  ['privileges are reset', ({ sql }) => sql.startsWith('ALTER DEFAULT PRIVILEGES')],
  ['constraints are dropped', ({ sql }) => sql.includes('DROP CONSTRAINT')],
  ['tables are emptied', ({ sql }) => sql.startsWith('TRUNCATE')],
  ['tables are altered', ({ sql }) => sql.includes('DROP COLUMN')],
  ['rows are loaded', ({ kind }) => kind === 'copyData'],
  ['rows are deleted', ({ sql }) => sql.startsWith('DELETE FROM')],
  ['large objects are written', ({ sql }) => sql.includes('lo_put')],
  ['sequences are set', ({ sql }) => sql.includes('setval')],
  ['indexes are built', ({ sql }) => sql.includes('CREATE INDEX')],
  ['views are refreshed', ({ sql }) => sql.includes('REFRESH MATERIALIZED VIEW')],
  ['the result is read', ({ sql }) => sql === 'SAVEPOINT snap_pg_dump'],
  ['it is committed', ({ sql }) => sql === 'COMMIT'],
]

/** Strikes once, at the moment meant, when the plan has been made. */
function strikeAt(
  isIt: (request: Request) => boolean,
  strike: (request: Request) => void | Promise<void>,
): (request: Request) => Promise<Fate> {
  let isApplying = false
  let hasStruck = false
  return async (request) => {
    isApplying ||= request.sql === 'SAVEPOINT snap_surgery'
    if (!isApplying || hasStruck || !isIt(request)) return 'forward'
    hasStruck = true
    await strike(request)
    return 'forward'
  }
}

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

test('killed at any moment, the program leaves the database and the store sound, and the next checkout succeeds', async () => {
  const database = await createDatabase(major)
  const directory = await mkdtemp(join(tmpdir(), 'snap-killed-'))
  const proxy = await ServerProxy.start(serverOf(major))
  try {
    const options = {
      workingDirectory: directory,
      environment: { ...process.env, DATABASE_URL: proxy.url(database.name) },
    }
    const initialised = await program.run(['init', '--no-gitignore'], options)
    expect(initialised, initialised.stderr).toMatchObject({ exitCode: 0 })
    const store = await openStore(await LocalBackend.open(join(directory, '.snap')))
    await prepareSurgery(store, database)
    const before = await dumpWith(major, database.url)
    await store.close()

    for (const [name, isIt] of MOMENTS) {
      const child = program.start(['checkout', 'HEAD', '-y'], options)
      proxy.intercept = strikeAt(isIt, () => void child.kill('SIGKILL'))
      expect(await outcomeOf(child), name).toMatchObject({ signal: 'SIGKILL' })
      proxy.intercept = undefined
      await untilNobodyIsConnected(serverOf(major), database.name)

      const isAsBefore =
        describeDifference(before, await dumpWith(major, database.url)) === undefined
      // Killed with COMMIT on its way, nobody is left to say what became of it; here it arrives.
      expect({ name, isAsBefore }).toEqual({ name, isAsBefore: name !== 'it is committed' })
      const backend = await LocalBackend.open(join(directory, '.snap'))
      expect((await fsck(backend)).findings, name).toEqual([])
      await backend.close()
    }
    const safety = await program.run(['checkout', 'refs/snap/safety', '-y'], options)
    expect(safety, safety.stderr).toMatchObject({ exitCode: 0 })
    const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    expect(describeDifference(withSortedRows(before), found)).toBeUndefined()
  } finally {
    await proxy.stop()
    await rm(directory, { recursive: true, force: true })
  }
}, 600_000)

async function untilNobodyIsConnected(server: TestServer, databaseName: string): Promise<void> {
  await expect
    .poll(
      () =>
        queryOnce(server, 'postgres', 'SELECT pid FROM pg_stat_activity WHERE datname = $1', [
          databaseName,
        ]),
      { timeout: 60_000 },
    )
    .toEqual([])
}

test('a server that crashes in the middle of a checkout recovers to what was there before it', async () => {
  await withOwnServer({ settings: { synchronous_commit: 'on' } }, async (server, database) => {
    const store = await memoryStore()
    await prepareSurgery(store, database)
    // Or a crash lets sequences go on up to 32 further on, whatever anybody does.
    await database.query('CHECKPOINT')
    const before = await dumpWith(major, database.url)
    const proxy = await ServerProxy.start(server)
    try {
      for (const [name, isIt] of MOMENTS) {
        // A process of the server that dies so takes all others with it, and their shared memory.
        proxy.intercept = strikeAt(
          isIt,
          ({ backendPid }) => void process.kill(backendPid, 'SIGKILL'),
        )
        const bystander = await connectBystander(database.url)
        const error = await checkoutDatabase(store, proxy.url('crashing'), 'HEAD').then(
          () => undefined,
          (reason: unknown) => reason,
        )
        proxy.intercept = undefined
        await bystander.untilEnded
        await untilRecovered(server)
        const expected = name === 'it is committed' ? /LOST|DOUBT|FAILED/ : /LOST/
        expect(isSnapError(error) ? error.code : error, name).toMatch(expected)
        expect(
          describeDifference(before, await dumpWith(major, database.url)),
          name,
        ).toBeUndefined()
        expect((await fsck(store.backend)).findings, name).toEqual([])
      }
      await checkoutDatabase(store, database.url, 'HEAD')
      await undoCheckout(store, database.url)
      const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
      expect(describeDifference(withSortedRows(before), found)).toBeUndefined()
    } finally {
      await proxy.stop()
    }
  })
}, 600_000)

/** A session that the server ends once it has noticed the death of another; until then it takes connections. */
async function connectBystander(url: string): Promise<{ untilEnded: Promise<unknown> }> {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  return { untilEnded: new Promise((resolve) => client.once('end', resolve)) }
}

/** The server accepts connections again. */
async function untilRecovered(server: TestServer): Promise<void> {
  await expect
    .poll(() => queryOnce(server, 'postgres', 'SELECT 1 AS one').catch(String), {
      timeout: 120_000,
    })
    .toEqual([{ one: 1 }])
}

test('when nobody can be asked what became of COMMIT, the checkout is in doubt, whether it was done or not', async () => {
  for (const fate of ['cut', 'cutAfterwards'] as const) {
    const database = await createDatabase(major)
    const store = await memoryStore()
    await prepareSurgery(store, database)
    const before = await dumpWith(major, database.url)
    const proxy = await ServerProxy.start(serverOf(major))
    try {
      let isApplying = false
      proxy.intercept = ({ sql }) => {
        isApplying ||= sql === 'SAVEPOINT snap_surgery'
        if (!isApplying || sql !== 'COMMIT') return 'forward'
        proxy.refusesConnections = true
        return fate
      }
      const failed = checkoutDatabase(store, proxy.url(database.name), 'HEAD')
      await expect(failed).rejects.toMatchObject({
        code: 'RESTORE_IN_DOUBT',
        hint: expect.stringContaining('pg_xact_status'),
      })
    } finally {
      await proxy.stop()
    }
    const isAsBefore = describeDifference(before, await dumpWith(major, database.url)) === undefined
    expect(isAsBefore).toBe(fate === 'cut')
    // Whatever it was, the state before is a commit.
    await checkoutDatabase(store, database.url, 'refs/snap/safety')
    const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    expect(describeDifference(withSortedRows(before), found)).toBeUndefined()
  }
})

test('a server that cannot write any more refuses the rows, and keeps what it had', async () => {
  const source = await createDatabase(major)
  const store = await memoryStore()
  // Text that does not compress, past the size that a file may have there.
  await source.query(`CREATE TABLE large AS SELECT g AS id,
    (SELECT string_agg(md5(g::text || i), '') FROM generate_series(1, 30) i) AS noise FROM generate_series(1, 24000) g`)
  await commitDatabase(store, source.url)
  const limited = await limitedPostgres(serverOf(major), 20 * 1024 * 1024)
  try {
    await withOwnServer({ binaries: limited.binaries }, async (_, database) => {
      await database.query('CREATE TABLE present AS SELECT g AS id FROM generate_series(1, 100) g')
      const before = await dumpWith(major, database.url)

      const failed = checkoutDatabase(store, database.url, 'HEAD', { isForced: true })

      await expect(failed).rejects.toMatchObject({
        code: 'RESTORE_FAILED',
        message: expect.stringMatching(/File too large/),
      })
      expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
      await checkoutDatabase(store, database.url, 'refs/snap/safety')
    })
  } finally {
    await limited.remove()
  }
}, 300_000)

/** The same server under a limit on the size of files, which any account may set for itself. */
async function limitedPostgres({ dataDirectory }: TestServer, maxFileBytes: number) {
  const postgres = (await readFile(join(dataDirectory, 'postmaster.opts'), 'utf8')).split(' ')[0]!
  const directory = await mkdtemp(join('/tmp', 'snap-limited-'))
  await chmod(directory, 0o755)
  const script = join(directory, 'postgres')
  await writeFile(script, `#!/bin/sh\nulimit -f ${maxFileBytes / 512}\nexec '${postgres}' "$@"\n`, {
    mode: 0o755,
  })
  return {
    binaries: { initdb: join(dirname(postgres), 'initdb'), postgres: script },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

interface OwnDatabase {
  url: string
  query: (sql: string) => Promise<unknown>
}

async function withOwnServer(
  options: Parameters<typeof startEmbeddedPostgres>[0],
  work: (server: TestServer, database: OwnDatabase) => Promise<void>,
): Promise<void> {
  const packageName = major === 18 ? 'embedded-postgres' : `postgres-${major}`
  const server: EmbeddedPostgres = await startEmbeddedPostgres({ packageName, ...options })
  try {
    await queryOnce(server, 'postgres', 'CREATE DATABASE crashing TEMPLATE template0')
    await work(server, {
      url: server.url('crashing'),
      query: (sql) => queryOnce(server, 'crashing', sql),
    })
  } finally {
    await server.stop()
  }
}

test('readers of tables that only get other rows are not in the way; of others they are, and are named', async () => {
  const database = await createDatabase(major)
  const store = await memoryStore()
  await prepareSurgery(store, database)
  const relations = [
    'large',
    'novel',
    'orders',
    'parts',
    'parts_high',
    'small',
    'sums',
    'untouched',
    'users',
  ]
  const passed: string[] = []
  for (const relation of relations) {
    const before = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    await database.withClient(async (reader) => {
      await reader.query(
        `SET application_name = 'the reader'; BEGIN; SELECT count(*) FROM ${relation}`,
      )
      const error = await checkoutDatabase(store, database.url, 'HEAD', {
        lockTimeoutMs: 1500,
      }).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      await reader.query('ROLLBACK')
      if (error === undefined) {
        passed.push(relation)
        await undoCheckout(store, database.url)
      } else {
        expect(error, relation).toMatchObject({
          code: 'POSTGRES_LOCK_TIMEOUT',
          data: { blockers: [{ application: 'the reader' }] },
        })
      }
    })
    const found = await dumpWith(major, database.url, { rowOrder: 'sorted' })
    expect(describeDifference(before, found), relation).toBeUndefined()
  }
  expect(passed).toEqual(['large', 'untouched'])
}, 300_000)

test('a commit whose rows its own check refuses is not restored, in whatever form that is tried', async () => {
  const database = await createDatabase(major)
  const store = await memoryStore()
  // What a check says may depend on who asks; pg_dump's own manual warns of such.
  await database.query(`
    CREATE FUNCTION is_valid(n integer) RETURNS boolean LANGUAGE plpgsql AS $$
      BEGIN IF current_setting('application_name') = 'snap' THEN RAISE 'not for you'; END IF; RETURN true; END $$;
    CREATE TABLE picky (n integer CHECK (is_valid(n)));
    INSERT INTO picky SELECT generate_series(1, 10)`)
  await commitDatabase(store, database.url)
  await database.query('DELETE FROM picky WHERE n > 5; CREATE TABLE later AS SELECT 1 AS n')
  const before = await dumpWith(major, database.url)

  await expect(checkoutDatabase(store, database.url, 'HEAD')).rejects.toMatchObject({
    code: 'RESTORE_FAILED',
    message: expect.stringContaining('not for you'),
  })

  expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
  expect((await fsck(store.backend)).findings).toEqual([])
})
