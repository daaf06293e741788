import { beforeAll, expect, test } from 'vitest'
import { isSnapError } from '../../../src/errors.ts'
import { dumpSchema } from '../../../src/postgres/pg-dump/dump-schema.ts'
import type { Session } from '../../../src/postgres/session.ts'
import { toSchemaEntries } from '../../../src/schema/schema-entries.ts'
import { parseToc } from '../../../src/schema/toc.ts'
import { createDatabase, eachMajor, type TestDatabase } from '../../support/postgres.ts'
import { PATIENCE_MS, withSession } from './sessions.ts'

async function tableNames(session: Session, ...args: string[]): Promise<string[]> {
  const { archive } = await dumpSchema(session, args)
  return toSchemaEntries(parseToc(archive))
    .entries.filter(({ kind }) => kind === 'TABLE')
    .map(({ namespace, name }) => `${namespace}.${name}`)
}

/** Everything in a session that a dump could leave changed. */
async function traces(session: Session): Promise<unknown> {
  const [settings, statements, locks] = [
    await session.query('SELECT name, setting FROM pg_settings WHERE source <> $$override$$'),
    await session.query('SELECT name FROM pg_prepared_statements'),
    await session.query(
      `SELECT relation::regclass::text, mode FROM pg_locks
        WHERE pid = pg_backend_pid() AND relation >= 16384 ORDER BY 1, 2`,
    ),
  ]
  return { settings, statements, locks, state: session.transactionState }
}

eachMajor((majorVersion) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase(majorVersion)
    await database.query(`
      CREATE SCHEMA app;
      CREATE TABLE app.users (id integer PRIMARY KEY);
      CREATE TABLE app.orders (id integer PRIMARY KEY, "user" integer REFERENCES app.users);
      CREATE TABLE public.notes (t text);
      CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'`)
  })

  test('two dumps of one database have equal tables of contents', async () => {
    const dump = () =>
      withSession(database.url, async (session) => {
        await session.execute('BEGIN')
        const { archive, warnings, pgDumpVersion } = await dumpSchema(session)
        return { toc: parseToc(archive), warnings, pgDumpVersion }
      })
    const [first, second] = [await dump(), await dump()]
    expect(first.toc.length).toBeGreaterThan(8)
    expect([first.warnings, first.pgDumpVersion]).toEqual([[], '18.3'])
    expect(second).toEqual(first)
  })

  test('a dump sees what its transaction has not committed, and leaves nothing behind', async () => {
    await withSession(database.url, async (session) => {
      await session.execute(
        `SET search_path = app; SET DateStyle = 'German'; SET lock_timeout = '5s'`,
      )
      await session.execute('PREPARE own AS SELECT 1')
      await session.execute(
        'BEGIN; SET LOCAL statement_timeout = 12345; CREATE TABLE app.new (a int)',
      )
      const before = await traces(session)
      expect(await tableNames(session)).toEqual([
        'app.new',
        'app.orders',
        'app.users',
        'public.notes',
      ])
      expect(await traces(session)).toEqual(before)
      await session.execute('COMMIT')
      expect(await session.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '0' }])
      await session.execute('DROP TABLE app.new')
    })
  })

  test('with holdLocks its locks stay until the end of the transaction, and nothing else does', async () => {
    await withSession(database.url, async (session) => {
      await session.execute(`SET DateStyle = 'German'; SET lock_timeout = '5s'`)
      const outside = await traces(session)
      await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      await dumpSchema(session, [], { holdLocks: true })
      expect(await traces(session)).toMatchObject({
        statements: [],
        state: 'open',
        locks: ['app.orders', 'app.users', 'notes'].map((relation) => ({
          relation,
          mode: 'AccessShareLock',
        })),
      })
      expect(await session.query('SHOW lock_timeout')).toEqual([{ lock_timeout: '5s' }])
      await session.execute('COMMIT')
      expect(await traces(session)).toEqual(outside)
    })
  })

  test('patterns select, and one that matches nothing is a clear error', async () => {
    await withSession(database.url, async (session) => {
      await session.execute('BEGIN')
      expect(await tableNames(session, '-t', 'app.*', '-T', '*.orders')).toEqual(['app.users'])
      expect(await tableNames(session, '-n', 'public')).toEqual(['public.notes'])
      expect(await tableNames(session, '-N', 'app')).toEqual(['public.notes'])
      await expect(dumpSchema(session, ['-t', 'nonexistent'])).rejects.toMatchObject({
        code: 'PATTERN_UNMATCHED',
        message: 'cannot read the schema: no matching tables were found',
        hint: 'check the patterns that select tables and schemas',
      })
      const { archive } = await dumpSchema(session, ['-t', 'nonexistent'], { allowsNoMatch: true })
      expect(parseToc(archive).filter(({ kind }) => kind === 'TABLE')).toEqual([])
      await expect(dumpSchema(session, ['--no-such-option'])).rejects.toMatchObject({
        code: 'SCHEMA_DUMP_FAILED',
      })
      expect(await tableNames(session)).toHaveLength(3)
    })
  })

  test('a table that the role may not read is a missing privilege, and the session goes on', async () => {
    const role = `dump_limited_${majorVersion}`
    await database.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA app TO ${role}`)
    await withSession(database.url.replace('user=postgres', `user=${role}`), async (session) => {
      await session.execute('BEGIN')
      const before = await traces(session)
      await expect(dumpSchema(session, [], { holdLocks: true })).rejects.toMatchObject({
        code: 'POSTGRES_PERMISSION_DENIED',
        hint: expect.stringMatching(/^ask the owner for: GRANT SELECT ON TABLE \w+ TO /),
      })
      expect(await traces(session)).toEqual(before)
    })
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  })

  test('what pg_dump leaves out for lack of privileges is a warning', async () => {
    const own = await createDatabase(majorVersion)
    const role = `dump_warned_${majorVersion}`
    await own.query(`
      CREATE SUBSCRIPTION far CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
      CREATE ROLE ${role} LOGIN`)
    await withSession(own.url.replace('user=postgres', `user=${role}`), async (session) => {
      await session.execute('BEGIN')
      expect((await dumpSchema(session)).warnings).toEqual([
        'subscriptions not dumped because current user is not a superuser',
      ])
    })
    await own.query(`DROP ROLE ${role}`)
  })

  test('a table that somebody else has locked is waited for as long as lock_timeout says', async () => {
    await withSession(database.url, async (blocker) => {
      await blocker.execute('BEGIN; LOCK TABLE app.orders')
      await withSession(
        database.url,
        async (session) => {
          await session.execute('BEGIN')
          await expect(dumpSchema(session)).rejects.toMatchObject({
            code: 'POSTGRES_LOCK_TIMEOUT',
          })
          await blocker.execute('ROLLBACK')
          expect(await tableNames(session)).toHaveLength(3)
        },
        { lockTimeoutMs: 100 },
      )
    })
  })

  test('a server process that ends in mid-dump is a lost connection', async () => {
    await withSession(database.url, async (blocker) => {
      await blocker.execute('BEGIN; LOCK TABLE app.orders')
      await withSession(database.url, async (session) => {
        await session.execute('BEGIN')
        const dump = dumpSchema(session).catch((error) => isSnapError(error) && error.code)
        await untilWaiting(blocker, session)
        await blocker.query('SELECT pg_terminate_backend($1)', [session.processId])
        expect(await dump).toBe('POSTGRES_CONNECTION_LOST')
      })
    })
  })

  test('an aborted signal ends a dump that waits', async () => {
    const controller = new AbortController()
    await withSession(database.url, async (blocker) => {
      await blocker.execute('BEGIN; LOCK TABLE app.orders')
      await withSession(
        database.url,
        async (session) => {
          await session.execute('BEGIN')
          const dump = dumpSchema(session).catch((error) => isSnapError(error) && error.code)
          await untilWaiting(blocker, session)
          controller.abort()
          expect(await dump).toBe('ABORTED')
        },
        { signal: controller.signal },
      )
    })
  })

  test('hundreds of tables with long names fit through', async () => {
    const large = await createDatabase(majorVersion)
    await large.query(`DO $$ BEGIN FOR i IN 1..400 LOOP
      EXECUTE format('CREATE TABLE %I (id integer PRIMARY KEY)', repeat('long "name" ', 4) || i);
    END LOOP; END $$`)
    await withSession(large.url, async (session) => {
      await session.execute('BEGIN')
      expect(await tableNames(session)).toHaveLength(400)
    })
  })
})

async function untilWaiting(watcher: Session, waiting: Session): Promise<void> {
  await expect
    .poll(() => watcher.query('SELECT unnest(pg_blocking_pids($1)) AS pid', [waiting.processId]), {
      timeout: PATIENCE_MS,
    })
    .toEqual([{ pid: watcher.processId }])
}
