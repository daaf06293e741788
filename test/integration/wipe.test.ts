import { deepEqual } from 'node:assert/strict'
import { expect, test } from 'vitest'
import type { WipeScope } from '../../src/restore/emptied-state.ts'
import { applyWipe, planWipe } from '../../src/restore/wipe.ts'
import type { Store } from '../../src/store.ts'
import { createFixtureDatabase } from '../support/fixtures.ts'
import { createDatabase, eachMajor, type TestDatabase } from '../support/postgres.ts'
import { AUTHOR, addressOf, commitDatabase, memoryStore, undoCheckout } from '../support/session.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'

const SHOP = `
  CREATE SCHEMA tools;
  CREATE EXTENSION hstore SCHEMA tools;
  DO $$ BEGIN CREATE ROLE snap_wiper; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
  GRANT USAGE, CREATE ON SCHEMA public TO snap_wiper;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO snap_wiper;
  CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY, name text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users, tags tools.hstore);
  CREATE TABLE django_migrations (id serial PRIMARY KEY, app text, name text, applied timestamptz);
  CREATE SCHEMA more;
  CREATE TABLE more.logs (line text);
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders;
  CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
  INSERT INTO users (name) SELECT 'user ' || g FROM generate_series(1, 50) g;
  INSERT INTO orders (user_id, tags) SELECT 10, 'a=>1' FROM generate_series(1, 100);
  INSERT INTO django_migrations (app, name) VALUES ('shop', '0001_initial');
  INSERT INTO more.logs VALUES ('a line');
  CREATE TRIGGER forbid BEFORE DELETE OR TRUNCATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION forbid();
  REFRESH MATERIALIZED VIEW totals;
  SELECT lo_from_bytea(4711, 'abc');`

async function shop(major: number): Promise<TestDatabase> {
  const database = await createDatabase(major)
  await database.query(SHOP)
  return database
}

async function wipe(store: Store, database: TestDatabase, scope: WipeScope) {
  const options = { database: await addressOf(database.url), author: AUTHOR, jobs: 2 }
  const plan = await planWipe(store, { ...options, scope })
  return { plan, result: await applyWipe(store, plan, options) }
}

eachMajor((major) => {
  test('a wiped database has no object of the user left, and undo brings everything back', async () => {
    const database = await shop(major)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    const head = await store.refs.find('refs/heads/main')
    const before = await dumpWith(major, database.url)

    const { plan, result } = await wipe(store, database, 'everything')

    deepEqual(
      plan.tables.map(({ namespace, name, rowCount }) => [`${namespace}.${name}`, rowCount]),
      [
        ['more.logs', 1],
        ['public.django_migrations', 1],
        ['public.orders', 100],
        ['public.users', 50],
      ],
    )
    deepEqual(
      await database.query(`
        SELECT (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS relations,
          (SELECT count(*)::int FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS functions,
          to_regnamespace('more') AS more, (SELECT count(*)::int FROM pg_largeobject_metadata) AS large_objects,
          (SELECT 'a=>1'::tools.hstore::text) AS hstore,
          has_schema_privilege('snap_wiper', 'public', 'CREATE') AS may_create`),
      [
        {
          relations: 0,
          functions: 0,
          more: null,
          large_objects: 0,
          hstore: '"a"=>"1"',
          may_create: true,
        },
      ],
    )
    await database.query('CREATE TABLE after (x int)')
    deepEqual(
      await database.query(`SELECT has_table_privilege('snap_wiper', 'after', 'SELECT') AS may`),
      [{ may: true }],
    )
    expect(await store.refs.find('refs/heads/main')).toBe(head)
    expect(await store.refs.find(`refs/snap/pins/${result.safetyCommitId}`)).toBe(
      result.safetyCommitId,
    )

    await undoCheckout(store, database.url)
    expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
  })

  test('a wipe of rows alone leaves the schema, starts sequences again and keeps what migration tools have noted', async () => {
    const database = await shop(major)
    const store = await memoryStore()
    const before = await dumpWith(major, database.url)

    const { plan } = await wipe(store, database, 'rows')

    deepEqual(plan.keptTables, [{ namespace: 'public', name: 'django_migrations', rowCount: 1 }])
    deepEqual(
      await database.query(`
        SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM orders) AS orders,
          (SELECT count(*)::int FROM more.logs) AS logs, (SELECT count FROM totals) AS totals,
          (SELECT name FROM django_migrations) AS migration,
          (SELECT count(*)::int FROM pg_largeobject_metadata) AS large_objects`),
      [
        {
          users: 0,
          orders: 0,
          logs: 0,
          totals: '0',
          migration: '0001_initial',
          large_objects: 0,
        },
      ],
    )
    deepEqual(await database.query(`INSERT INTO users (name) VALUES ('x') RETURNING id`), [
      { id: 10 },
    ])
    deepEqual(
      await database.query(`INSERT INTO django_migrations (app) VALUES ('x') RETURNING id`),
      [{ id: 2 }],
    )

    await undoCheckout(store, database.url)
    expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
  })

  test('every kind of object goes, and comes back', async () => {
    const database = await createFixtureDatabase(major, 'everything')
    const store = await memoryStore()
    const before = await dumpWith(major, database.url)

    const { plan } = await wipe(store, database, 'everything')

    const left = await planWipe(store, {
      database: await addressOf(database.url),
      author: AUTHOR,
      scope: 'everything',
    })
    deepEqual(
      {
        isNoOp: left.checkout.isNoOp,
        tables: left.tables,
        droppedEntryCount: left.droppedEntryCount,
      },
      { isNoOp: true, tables: [], droppedEntryCount: 0 },
    )
    deepEqual(left.standing, plan.standing)
    await undoCheckout(store, database.url)
    expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
    await database.drop()
  })

  test('a table that came after the plan is not taken along', async () => {
    const database = await shop(major)
    const store = await memoryStore()
    const options = { database: await addressOf(database.url), author: AUTHOR }
    const plan = await planWipe(store, { ...options, scope: 'everything' })
    await database.query('CREATE TABLE late (x int)')
    const before = await dumpWith(major, database.url)

    await expect(applyWipe(store, plan, options)).rejects.toMatchObject({ code: 'TARGET_CHANGED' })

    expect(await dumpWith(major, database.url)).toBe(before)
  })

  test('rows that came after the plan go, and are in what is kept', async () => {
    const database = await shop(major)
    const store = await memoryStore()
    const options = { database: await addressOf(database.url), author: AUTHOR }
    const plan = await planWipe(store, { ...options, scope: 'everything' })
    await database.query(`INSERT INTO more.logs VALUES ('late')`)
    const before = await dumpWith(major, database.url)

    await applyWipe(store, plan, options)
    await undoCheckout(store, database.url)

    expect(describeDifference(before, await dumpWith(major, database.url))).toBeUndefined()
  })
})
