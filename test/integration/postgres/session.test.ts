import { inspect } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { isSnapError } from '../../../src/errors.ts'
import { findBlockers } from '../../../src/postgres/blockers.ts'
import { PINNED_SETTINGS, pinSettings } from '../../../src/postgres/pinned-settings.ts'
import type { Session } from '../../../src/postgres/session.ts'
import { createDatabase, eachMajor, type TestDatabase } from '../../support/postgres.ts'
import { PATIENCE_MS, untilSleeping, withSession } from './sessions.ts'

const codeOf = (error: unknown) => (isSnapError(error) ? error.code : error)

async function read(session: Session, sql: string): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of session.copyOut(sql)) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

eachMajor((majorVersion) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase(majorVersion)
    await database.query('CREATE TABLE numbers (n integer PRIMARY KEY, t text)')
  })

  test('a session knows its server and its process', async () => {
    await withSession(database.url, async (session) => {
      const [row] = await session.query('SELECT pg_backend_pid() AS pid')
      expect([session.serverMajor, session.processId]).toEqual([majorVersion, row?.pid])
      expect(session.serverVersion).toMatch(new RegExp(`^${majorVersion}\\.`))
    })
  })

  test('its application name is shown, and the one of the address wins', async () => {
    const name = (session: Session) => session.query('SHOW application_name')
    expect(await withSession(database.url, name)).toEqual([{ application_name: 'snap' }])
    expect(await withSession(database.url, name, { applicationName: 'snap commit' })).toEqual([
      { application_name: 'snap commit' },
    ])
    expect(await withSession(`${database.url}&application_name=own`, name)).toEqual([
      { application_name: 'own' },
    ])
  })

  test('options of the address reach the server', async () => {
    const url = `${database.url}&options=-c%20work_mem%3D5MB%20-c%20geqo%3Doff`
    const rows = await withSession(url, (session) =>
      session.query(`SELECT current_setting('work_mem') AS m, current_setting('geqo') AS g`),
    )
    expect(rows).toEqual([{ m: '5MB', g: 'off' }])
  })

  test('statements that fail leave nothing behind, however many they are', async () => {
    const warnings: string[] = []
    const note = ({ name }: Error) => warnings.push(name)
    process.on('warning', note)
    // The server takes so long to take this back that it says only later that it is ready again.
    const slowToFail = `DO $$ BEGIN
      FOR i IN 1..100 LOOP EXECUTE 'CREATE TABLE failed_' || i || ' AS SELECT 1 AS n'; END LOOP;
      PERFORM 1 / 0; END $$`
    await withSession(database.url, async (session) => {
      for (let i = 0; i < 15; i++) {
        await expect(session.execute(slowToFail)).rejects.toThrow('division by zero')
      }
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  test('several statements run as one, and the last one counts', async () => {
    await withSession(database.url, async (session) => {
      const result = await session.execute(
        'BEGIN; INSERT INTO numbers SELECT generate_series(-3, -1); DELETE FROM numbers WHERE n < -1',
      )
      expect([result.rowCount, session.transactionState]).toEqual([2, 'open'])
      await expect(session.execute('SELECT nonsense')).rejects.toMatchObject({
        code: 'POSTGRES_REFUSED',
        data: { sqlState: '42703' },
      })
      expect(session.transactionState).toBe('failed')
      await session.execute('ROLLBACK')
      expect(session.transactionState).toBe('none')
    })
  })

  test('COPY text read and loaded again is the same, byte for byte', async () => {
    await withSession(database.url, async (session) => {
      // In the transaction that made the table, COPY appends; else it fills gaps in pages, and the order is lost.
      await session.execute('BEGIN; CREATE TABLE copy (n integer, t text)')
      const text = await read(
        session,
        `COPY (SELECT g, repeat(E'\\t\\n\\\\ż', g % 100) FROM generate_series(1, 20000) g) TO STDOUT`,
      )
      const bytes = Buffer.from(text)
      const cut = (position: number) => Math.floor((bytes.length * position) / 50)
      const slices = Array.from({ length: 50 }, (_, position) =>
        bytes.subarray(cut(position), cut(position + 1)),
      )
      async function* source() {
        yield* slices
      }
      expect(await session.copyIn('COPY copy FROM STDIN', source())).toBe(20000)
      expect((await read(session, 'COPY copy TO STDOUT')) === text).toBe(true)
    })
  })

  test('an empty COPY is no error in either direction', async () => {
    await withSession(database.url, async (session) => {
      expect(await read(session, 'COPY (SELECT 1 WHERE false) TO STDOUT')).toBe('')
      expect(await session.copyIn('COPY numbers FROM STDIN', pieces())).toBe(0)
      expect(await session.copyIn('COPY numbers FROM STDIN', pieces('', ''))).toBe(0)
    })
  })

  test('a loop over COPY that is left early cancels it, and the session goes on', async () => {
    await withSession(database.url, async (session) => {
      let sizeBytes = 0
      for await (const piece of session.copyOut(
        `COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT`,
      )) {
        sizeBytes += piece.length
        break
      }
      expect(sizeBytes).toBeGreaterThan(0)
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('a cancelled COPY never takes the next statement with it, however short it was', async () => {
    await withSession(database.url, async (session) => {
      for (let rowCount = 1; rowCount <= 60; rowCount++) {
        const rows = session.copyOut(
          `COPY (SELECT generate_series(1, ${rowCount * 100})) TO STDOUT`,
        )
        await rows.next()
        await rows.return()
        expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
      }
    })
  })

  test('a reader that does not read on stops the server, and does not fill the memory', async () => {
    await withSession(database.url, async (session) => {
      const rows = session.copyOut(
        `COPY (SELECT repeat('x', 10000), generate_series(1, 100000)) TO STDOUT`,
      )
      await rows.next()
      const before = process.memoryUsage().arrayBuffers
      await withSession(database.url, async (watcher) => {
        // ClientWrite is the wait for a socket that takes no more.
        await expect
          .poll(
            () =>
              watcher.query('SELECT wait_event FROM pg_stat_activity WHERE pid = $1', [
                session.processId,
              ]),
            { timeout: PATIENCE_MS },
          )
          .toEqual([{ wait_event: 'ClientWrite' }])
      })
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
      await rows.return()
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('an error half-way through COPY is thrown after the rows before it', async () => {
    await withSession(database.url, async (session) => {
      const text = read(
        session,
        'COPY (SELECT 1/(5000 - g) FROM generate_series(1, 9000) g) TO STDOUT',
      )
      await expect(text).rejects.toMatchObject({ data: { sqlState: '22012' } })
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('a COPY that the server refuses or breaks off leaves the session usable', async () => {
    await withSession(database.url, async (session) => {
      const copyIn = (sql: string, source: AsyncIterable<Uint8Array>) =>
        session.copyIn(sql, source).catch((error) => codeOf(error))
      async function* endless() {
        for (;;) yield Buffer.from('not a number\n'.repeat(10000))
      }
      expect(await copyIn('COPY nonexistent FROM STDIN', pieces('1\n'))).toBe('POSTGRES_REFUSED')
      expect(await copyIn('COPY numbers FROM STDIN', endless())).toBe('POSTGRES_REFUSED')
      expect(await copyIn('COPY numbers FROM STDIN', pieces('1\ta\n1\tb\n'))).toBe(
        'POSTGRES_REFUSED',
      )
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('what the source of a COPY throws is thrown on, and nothing is loaded', async () => {
    await withSession(database.url, async (session) => {
      const failure = new Error('the disk is gone')
      async function* source() {
        yield Buffer.from('100\ta\n')
        throw failure
      }
      await expect(session.copyIn('COPY numbers FROM STDIN', source())).rejects.toBe(failure)
      expect(await session.query('SELECT * FROM numbers WHERE n = 100')).toEqual([])
    })
  })

  test('cancel stops the running statement', async () => {
    await withSession(database.url, async (session) => {
      const sleeping = session.query('SELECT pg_sleep(100)').catch((error) => error.data.sqlState)
      await withSession(database.url, (watcher) => untilSleeping(watcher, session.processId))
      await session.cancel()
      expect(await sleeping).toBe('57014')
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('an aborted signal stops the statement that runs and all later ones', async () => {
    const controller = new AbortController()
    const { signal } = controller
    await withSession(
      database.url,
      async (session) => {
        const sleeping = session.query('SELECT pg_sleep(100)').catch(codeOf)
        await withSession(database.url, (watcher) => untilSleeping(watcher, session.processId))
        controller.abort()
        expect(await sleeping).toBe('ABORTED')
        expect(await session.query('SELECT 1').catch(codeOf)).toBe('ABORTED')
        expect(await read(session, 'COPY numbers TO STDOUT').catch(codeOf)).toBe('ABORTED')
      },
      { signal },
    )
  })

  test('a session whose server process is ended reports it, then and ever after', async () => {
    await withSession(database.url, async (session) => {
      const sleeping = session.query('SELECT pg_sleep(100)').catch(codeOf)
      await withSession(database.url, async (killer) => {
        await untilSleeping(killer, session.processId)
        await killer.query('SELECT pg_terminate_backend($1)', [session.processId])
      })
      expect(await sleeping).toBe('POSTGRES_CONNECTION_LOST')
      expect(await session.query('SELECT 1').catch(codeOf)).toBe('POSTGRES_CONNECTION_LOST')
      expect(await read(session, 'COPY numbers TO STDOUT').catch(codeOf)).toBe(
        'POSTGRES_CONNECTION_LOST',
      )
    })
  })

  test('a COPY whose server process is ended fails in both directions', async () => {
    const endInMidCopy = (copy: (session: Session, end: () => Promise<void>) => Promise<unknown>) =>
      withSession(database.url, (session) =>
        copy(session, () =>
          withSession(database.url, async (killer) => {
            await killer.query('SELECT pg_terminate_backend($1)', [session.processId])
          }),
        ).catch(codeOf),
      )
    const reading = endInMidCopy(async (session, end) => {
      const rows = session.copyOut(
        `COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT`,
      )
      await rows.next()
      await end()
      for await (const _ of rows);
    })
    const loading = endInMidCopy(async (session, end) => {
      async function* source() {
        yield Buffer.from('500\ta\n')
        await end()
        for (;;) yield Buffer.from('501\ta\n'.repeat(1000))
      }
      await session.copyIn('COPY numbers FROM STDIN', source())
    })
    expect(await reading).toBe('POSTGRES_CONNECTION_LOST')
    expect(await loading).toBe('POSTGRES_CONNECTION_LOST')
  })

  test('close can be called twice, and nothing works after it', async () => {
    await withSession(database.url, async (session) => {
      await session.close()
      await session.close()
      expect(await session.query('SELECT 1').catch(codeOf)).toBe('POSTGRES_CONNECTION_LOST')
    })
  })

  test('pinned settings hold against those of role, database and address', async () => {
    await database.query(`ALTER DATABASE ${database.name} SET DateStyle = 'German'`)
    await database.query(`ALTER DATABASE ${database.name} SET search_path = public, pg_catalog`)
    const url = `${database.url}&options=-c%20extra_float_digits%3D0%20-c%20bytea_output%3Descape`
    await withSession(url, async (session) => {
      await pinSettings(session, { lockTimeoutMs: 1500 })
      const names = Object.keys(PINNED_SETTINGS)
      const rows = await session.query<{ name: string; value: string }>(
        'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
        [names],
      )
      expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual(
        PINNED_SETTINGS,
      )
      expect(await session.query('SHOW lock_timeout')).toEqual([{ lock_timeout: '1500ms' }])
      expect(
        await session.query(`SELECT 0.1::float4 + 0.2::float8 AS f, '\\x00'::bytea::text AS b`),
      ).toEqual([{ f: 0.30000000149011613, b: '\\x00' }])
    })
  })

  test('a lock that is not granted in time is told with its kind, and who has it can be found', async () => {
    await withSession(
      database.url,
      async (session) => {
        await withSession(
          database.url,
          async (blocker) => {
            await blocker.execute('BEGIN; LOCK TABLE numbers')
            const waiting = session.execute('BEGIN; LOCK TABLE numbers').catch(codeOf)
            let found: unknown[] = []
            await withSession(database.url, async (watcher) => {
              await expect
                .poll(
                  async () => {
                    found = await findBlockers(watcher, session.processId)
                    return found.length
                  },
                  { timeout: PATIENCE_MS },
                )
                .toBe(1)
            })
            expect(found).toMatchObject([
              {
                pid: blocker.processId,
                user: 'postgres',
                application: 'the blocker',
                query: 'BEGIN; LOCK TABLE numbers',
              },
            ])
            await session.cancel()
            expect(await waiting).toBe('POSTGRES_REFUSED')
            await session.execute('ROLLBACK')
            await session.execute(`SET lock_timeout = '50ms'`)
            await expect(session.execute('BEGIN; LOCK TABLE numbers')).rejects.toMatchObject({
              code: 'POSTGRES_LOCK_TIMEOUT',
              retryable: true,
              data: { sqlState: '55P03', blockers: [] },
            })
          },
          { applicationName: 'the blocker' },
        )
      },
      { lockTimeoutMs: 0 },
    )
  })

  test('a database or role that is not there, and a server that is not there, are told apart', async () => {
    const open = (url: string) => withSession(url, async () => 'opened').catch((error) => error)
    const failures = [
      await open(database.url.replace(database.name, 'no_such_database')),
      await open(database.url.replace('user=postgres', 'user=nobody_here')),
      await open(database.url.replace(/host=[^&]*/, 'host=/nonexistent')),
      await open('postgresql://u:hunter2@127.0.0.1:1/d'),
      await open('postgresql://u:hunter2@no-such-host.invalid/d'),
    ]
    expect(failures.map(codeOf)).toEqual([
      'POSTGRES_REFUSED',
      'POSTGRES_AUTHENTICATION_FAILED',
      'POSTGRES_UNREACHABLE',
      'POSTGRES_UNREACHABLE',
      'POSTGRES_UNREACHABLE',
    ])
    expect(failures.filter((error) => isSnapError(error) && error.hint === undefined)).toEqual([])
    expect(inspect(failures, { depth: null })).not.toContain('hunter2')
  })

  test('a missing privilege and hidden rows are told apart, with what would help', async () => {
    await database.query(`
      CREATE TABLE secret (n integer);
      CREATE TABLE filtered (n integer);
      ALTER TABLE filtered ENABLE ROW LEVEL SECURITY;
      CREATE ROLE limited_${majorVersion} LOGIN;
      GRANT SELECT ON filtered TO limited_${majorVersion}`)
    const url = database.url.replace('user=postgres', `user=limited_${majorVersion}`)
    await withSession(url, async (session) => {
      await pinSettings(session)
      await expect(read(session, 'COPY public.secret TO STDOUT')).rejects.toMatchObject({
        code: 'POSTGRES_PERMISSION_DENIED',
        hint: `ask the owner for: GRANT SELECT ON TABLE secret TO limited_${majorVersion}`,
      })
      await expect(read(session, 'COPY public.filtered TO STDOUT')).rejects.toMatchObject({
        code: 'ROWS_HIDDEN',
        data: { table: 'filtered' },
      })
    })
    await database.query(`DROP OWNED BY limited_${majorVersion}; DROP ROLE limited_${majorVersion}`)
  })
})
