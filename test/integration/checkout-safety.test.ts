import { expect, test } from 'vitest'
import { createDatabase, oldestAndNewestMajor } from '../support/postgres.ts'
import { checkoutDatabase, commitDatabase, memoryStore, undoCheckout } from '../support/session.ts'
import { dumpWith } from '../support/witness.ts'

const TABLES = `
  CREATE TABLE users (id int PRIMARY KEY, name text);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);
  CREATE TABLE logs (id int, line text);
  INSERT INTO users SELECT g, 'user ' || g FROM generate_series(1, 100) g;
  INSERT INTO orders SELECT g, g FROM generate_series(1, 100) g;
  INSERT INTO logs SELECT g, 'line ' || g FROM generate_series(1, 100) g;`

async function database(major: number) {
  const made = await createDatabase(major)
  await made.query(TABLES)
  return made
}

oldestAndNewestMajor((major) => {
  test('the state before a checkout is a commit that can be checked out', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('DROP TABLE orders; INSERT INTO users VALUES (1000, $$new$$)')
    const wrecked = await dumpWith(major, db.url)

    const { result } = await checkoutDatabase(store, db.url, 'HEAD')
    await checkoutDatabase(store, db.url, String(result.safetyCommitId))

    expect(await dumpWith(major, db.url)).toBe(wrecked)
  })

  test('a lock that is not granted changes nothing and names who holds it', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url)
    await db.query('DELETE FROM orders')
    const before = await dumpWith(major, db.url)
    await db.withClient(async (client) => {
      await client.query(
        `SET application_name = 'the app'; BEGIN; SELECT count(*) FROM users; INSERT INTO logs VALUES (0, '')`,
      )
      const failed = checkoutDatabase(store, db.url, 'HEAD', { lockTimeoutMs: 1500 })
      await expect(failed).rejects.toMatchObject({
        code: 'POSTGRES_LOCK_TIMEOUT',
        data: { blockers: [{ application: 'the app', user: 'postgres' }] },
      })
      await client.query('ROLLBACK')
    })
    expect(await dumpWith(major, db.url)).toBe(before)
  })

  test('another database than the one that was committed is refused without force', async () => {
    const db = await database(major)
    const other = await createDatabase(major)
    await other.query('CREATE TABLE precious (x int); INSERT INTO precious VALUES (1)')
    const store = await memoryStore()
    await commitDatabase(store, db.url)

    await expect(checkoutDatabase(store, other.url, 'HEAD')).rejects.toMatchObject({
      code: 'TARGET_MISMATCH',
    })
    expect(await other.query('SELECT * FROM precious')).toEqual([{ x: 1 }])

    await checkoutDatabase(store, other.url, 'HEAD', { isForced: true })
    expect(await dumpWith(major, other.url)).toBe(await dumpWith(major, db.url))
  })

  test('a database that equals the commit is left alone', async () => {
    const db = await database(major)
    const store = await memoryStore()
    const { commitId } = await commitDatabase(store, db.url)
    const [before] = await db.query(`SELECT oid FROM pg_class WHERE relname = 'users'`)

    const { plan, result } = await checkoutDatabase(store, db.url, 'HEAD')

    expect(plan.isNoOp).toBe(true)
    expect(result).toMatchObject({ safetyCommitId: commitId, proof: null })
    expect(await db.query(`SELECT oid FROM pg_class WHERE relname = 'users'`)).toEqual([before])
  })

  test('a checkout of some tables leaves the others as they are', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url, { selection: { tables: ['logs'] } })
    await db.query('DELETE FROM logs; DELETE FROM orders; ALTER TABLE users ADD COLUMN extra int')

    await checkoutDatabase(store, db.url, 'HEAD')

    const [counts] = await db.query(`
      SELECT (SELECT count(*)::int FROM logs) AS logs, (SELECT count(*)::int FROM orders) AS orders,
             (SELECT count(extra)::int FROM users) AS extra`)
    expect(counts).toEqual({ logs: 100, orders: 0, extra: 0 })
  })

  test.each([
    ['table', { tables: ['logs'] }, 'DROP TABLE logs'],
    ['schema', { schemas: ['app'] }, 'DROP SCHEMA app CASCADE'],
  ])(
    'a %s that was all a commit holds comes back after it was dropped',
    async (_, selection, wreck) => {
      const db = await database(major)
      await db.query('CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS x')
      const store = await memoryStore()
      const before = await dumpWith(major, db.url)
      await commitDatabase(store, db.url, { selection })
      await db.query(wreck)
      const wrecked = await dumpWith(major, db.url)

      await checkoutDatabase(store, db.url, 'HEAD')
      expect(await dumpWith(major, db.url)).toBe(before)
      await undoCheckout(store, db.url)
      expect(await dumpWith(major, db.url)).toBe(wrecked)
    },
  )

  test('a checkout of one schema leaves the default privileges of others as they are', async () => {
    const db = await database(major)
    await db.query(`
      CREATE SCHEMA app;
      CREATE TABLE app.t AS SELECT 1 AS x;
      ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor`)
    const store = await memoryStore()
    const before = await dumpWith(major, db.url)
    await commitDatabase(store, db.url, { selection: { schemas: ['app'] } })
    await db.query('DELETE FROM app.t')

    await checkoutDatabase(store, db.url, 'HEAD')

    expect(await dumpWith(major, db.url)).toBe(before)
  })

  test('a checkout of some tables that would take a foreign key from another is refused', async () => {
    const db = await database(major)
    const store = await memoryStore()
    await commitDatabase(store, db.url, { selection: { tables: ['users'] } })
    await db.query('UPDATE users SET name = NULL')
    const before = await dumpWith(major, db.url)

    await expect(checkoutDatabase(store, db.url, 'HEAD')).rejects.toMatchObject({
      code: 'RESTORE_NOT_PROVEN',
    })
    expect(await dumpWith(major, db.url)).toBe(before)
  })

  test('rows that a commit leaves out stay as they are', async () => {
    const db = await database(major)
    const store = await memoryStore()
    const { tree } = await commitDatabase(store, db.url, {
      selection: { excludeTableData: ['log*'] },
    })
    expect(tree.tables.find(({ name }) => name === 'logs')?.rows).toBe(null)
    await db.query(`DELETE FROM orders; INSERT INTO logs VALUES (101, 'newer')`)
    const counts = () =>
      db.query(
        'SELECT (SELECT count(*)::int FROM logs) AS logs, (SELECT count(*)::int FROM orders) AS orders',
      )

    await checkoutDatabase(store, db.url, 'HEAD', { withSafetyCommit: false })
    expect(await counts()).toEqual([{ logs: 101, orders: 100 }])

    // Columns in another order: the table has to be built again.
    await db.query(`
      DELETE FROM orders;
      CREATE TABLE other AS SELECT line, id FROM logs;
      DROP TABLE logs;
      ALTER TABLE other RENAME TO logs`)
    const refused = checkoutDatabase(store, db.url, 'HEAD', { withSafetyCommit: false })
    await expect(refused).rejects.toMatchObject({ code: 'DATA_WOULD_BE_LOST' })
    await checkoutDatabase(store, db.url, 'HEAD')
    expect(await counts()).toEqual([{ logs: 101, orders: 100 }])
  })

  test('rows that stay keep their sequence, so that the next one gets a number of its own', async () => {
    const db = await database(major)
    await db.query(`
      CREATE TABLE audit (id serial PRIMARY KEY, at int GENERATED ALWAYS AS IDENTITY);
      INSERT INTO audit SELECT FROM generate_series(1, 5)`)
    const store = await memoryStore()
    await commitDatabase(store, db.url, { selection: { excludeTableData: ['audit'] } })
    await db.query('INSERT INTO audit SELECT FROM generate_series(1, 5); DELETE FROM orders')

    await checkoutDatabase(store, db.url, 'HEAD')

    expect(await db.query('INSERT INTO audit DEFAULT VALUES RETURNING id, at')).toEqual([
      { id: 11, at: 11 },
    ])
    const { plan } = await checkoutDatabase(store, db.url, 'HEAD')
    expect(plan.isNoOp).toBe(true)
  })

  test('an owner who is no superuser commits and checks out', async () => {
    const db = await createDatabase(major)
    const role = `owner_${process.pid}_${major}`
    await db.query(
      `CREATE ROLE ${role} LOGIN; ALTER DATABASE ${db.name} OWNER TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`,
    )
    const url = db.url.replace('user=postgres', `user=${role}`)
    await db.query(`SET ROLE ${role}; ${TABLES} CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f(); SELECT lo_from_bytea(7, 'mine')`)
    const store = await memoryStore()
    await commitDatabase(store, url)
    const before = await dumpWith(major, db.url)
    await db.query(
      `DROP TABLE orders; DELETE FROM users; DROP FUNCTION f CASCADE; SELECT lo_unlink(7)`,
    )

    await checkoutDatabase(store, url, 'HEAD')

    expect(await dumpWith(major, db.url)).toBe(before)
    await db.drop()
    await (await createDatabase(major)).query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  })

  test('configuration rows of an extension come back, and what else is in its tables stays', async () => {
    const db = await createDatabase(major)
    // pg_extension_config_dump() may only be called by an extension's own script; this is what it writes.
    await db.query(`CREATE EXTENSION hstore; CREATE TABLE config (id int, is_own boolean); CREATE SEQUENCE config_seq;
      INSERT INTO config VALUES (1, false), (2, true); SELECT setval('config_seq', 10);
      ALTER EXTENSION hstore ADD TABLE config; ALTER EXTENSION hstore ADD SEQUENCE config_seq;
      UPDATE pg_extension SET extconfig = ARRAY['config'::regclass, 'config_seq'::regclass]::oid[], extcondition = ARRAY['WHERE is_own', '']
       WHERE extname = 'hstore'`)
    const store = await memoryStore()
    const first = await commitDatabase(store, db.url)
    await db.query(
      `DELETE FROM config; INSERT INTO config VALUES (3, false), (4, true); SELECT setval('config_seq', 99)`,
    )

    await checkoutDatabase(store, db.url, 'HEAD')

    expect(await db.query('SELECT id FROM config ORDER BY id')).toEqual([{ id: 2 }, { id: 3 }])
    expect(await db.query('SELECT last_value::int FROM config_seq')).toEqual([{ last_value: 10 }])
    expect((await commitDatabase(store, db.url)).commit.treeId).toBe(first.commit.treeId)
  })

  test('rows that row-level security hides make the commit fail, not shrink', async () => {
    const db = await database(major)
    const role = `tenant_${process.pid}_${major}`
    await db.query(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
      ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (id < 10)`)
    const url = db.url.replace('user=postgres', `user=${role}`)

    await expect(commitDatabase(await memoryStore(), url)).rejects.toMatchObject({
      code: 'ROWS_HIDDEN',
    })

    await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  })
})

test('the connection killed in the middle of a checkout leaves the database as it was', async () => {
  const db = await database(18)
  const store = await memoryStore()
  await commitDatabase(store, db.url)
  await db.query('DELETE FROM orders')
  const before = await dumpWith(18, db.url)
  for (const phase of [
    'dropObjects',
    'createObjects',
    'loadRows',
    'createIndexes',
    'prove',
  ] as const) {
    let killed: Promise<unknown> = Promise.resolve()
    const failed = checkoutDatabase(store, db.url, 'HEAD', {
      reporter: (event) => {
        if (event.kind !== 'phaseStarted' || event.phase !== phase) return
        killed = db.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'snap'`)
      },
    })
    await expect(failed, phase).rejects.toMatchObject({ code: 'POSTGRES_CONNECTION_LOST' })
    await killed
    expect(await dumpWith(18, db.url), phase).toBe(before)
  }
})

test('an interrupted checkout leaves the database as it was', async () => {
  const db = await database(18)
  const store = await memoryStore()
  await commitDatabase(store, db.url)
  await db.query('DELETE FROM orders')
  const before = await dumpWith(18, db.url)
  for (const phase of ['safetyCommit', 'dropObjects', 'loadRows', 'prove'] as const) {
    const controller = new AbortController()
    const failed = checkoutDatabase(store, db.url, 'HEAD', {
      signal: controller.signal,
      reporter: (event) => {
        if (event.kind === 'phaseStarted' && event.phase === phase) controller.abort()
      },
    })
    await expect(failed, phase).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await dumpWith(18, db.url), phase).toBe(before)
  }
})

test('HEAD follows a branch that is named, and is detached by any other revision', async () => {
  const db = await database(18)
  const store = await memoryStore()
  const first = await commitDatabase(store, db.url)
  await db.query('DELETE FROM orders')
  await commitDatabase(store, db.url)

  const { result: detached } = await checkoutDatabase(store, db.url, 'HEAD~1')
  expect(detached.head).toEqual({ targetRef: null, id: first.commitId })
  const { result: attached } = await checkoutDatabase(store, db.url, 'main')
  expect(attached.head.targetRef).toBe('refs/heads/main')
})

test('undo leaves HEAD on its branch when a commit has moved that on since the checkout', async () => {
  const db = await database(18)
  const store = await memoryStore()
  await commitDatabase(store, db.url)
  await db.query('DELETE FROM orders')
  await checkoutDatabase(store, db.url, 'HEAD')
  const { commitId } = await commitDatabase(store, db.url)

  const { head } = await undoCheckout(store, db.url)

  expect(head).toEqual({ targetRef: 'refs/heads/main', id: commitId })
})
