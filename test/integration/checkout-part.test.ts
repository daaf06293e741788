/**
 * Checkouts of a part of a commit, with pg_dump as witness: what was asked for is
 * as in the commit, and everything else as it was.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { withDatabase } from '../../src/postgres/address/database-address.ts'
import { readHead } from '../../src/refs/head.ts'
import type { CheckoutOptions } from '../../src/restore/plan-checkout.ts'
import type { Store } from '../../src/store.ts'
import {
  createDatabase,
  oldestAndNewestMajor,
  queryOnce,
  serverOf,
  type TestDatabase,
} from '../support/postgres.ts'
import {
  addressOf,
  checkoutDatabase,
  commitDatabase,
  memoryStore,
  undoCheckout,
} from '../support/session.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'

const SHOP = `
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := now(); RETURN NEW; END';
  CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL UNIQUE, email text DEFAULT 'none', mood mood);
  CREATE TABLE orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    total numeric(10, 2) CHECK (total >= 0),
    touched timestamptz
  );
  CREATE INDEX orders_total ON orders (total);
  CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
  ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY everybody ON orders USING (true);
  COMMENT ON TABLE orders IS 'what was bought';
  COMMENT ON COLUMN orders.total IS 'in euro';
  COMMENT ON INDEX orders_total IS 'for reports';
  CREATE TABLE notes (id int PRIMARY KEY, text text);
  CREATE VIEW spending AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1;
  CREATE MATERIALIZED VIEW richest AS SELECT * FROM spending ORDER BY total DESC LIMIT 3;
  CREATE TABLE events (id int, at date NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE INDEX ON events (id);
  INSERT INTO customers (name, email) SELECT 'customer ' || n, n || '@example.org' FROM generate_series(1, 50) n;
  INSERT INTO orders (customer_id, total) SELECT 1 + n % 50, n FROM generate_series(1, 200) n;
  INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 20) n;
  INSERT INTO events SELECT n, '2025-01-01'::date + n FROM generate_series(1, 500) n;
  REFRESH MATERIALIZED VIEW richest;
  SELECT lo_from_bytea(7, 'a picture');`

/** Roles that a checkout is done by. */
const ROLES = ['postgres', 'snap_part_owner'] as const

interface Story {
  db: TestDatabase
  store: Store
  url: string
  dump(options?: Parameters<typeof dumpWith>[2]): Promise<string>
  run(sql: string): Promise<unknown>
  checkout(options: Partial<CheckoutOptions>): ReturnType<typeof checkoutDatabase>
}

/** A shop that has been committed, seen by a role. */
async function newStory(major: number, role: string, sql = SHOP): Promise<Story> {
  const db = await createDatabase(major)
  const url = db.url.replace('user=postgres', `user=${role}`)
  if (role !== 'postgres') {
    await db.query(
      `ALTER DATABASE ${db.name} OWNER TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`,
    )
  }
  const run = (text: string) => db.query(`SET ROLE ${role}; ${text}`)
  await run(sql)
  const store = await memoryStore()
  await commitDatabase(store, url)
  return {
    db,
    store,
    url,
    dump: (options) => dumpWith(major, db.url, { rowOrder: 'sorted', ...options }),
    run,
    checkout: (options) => checkoutDatabase(store, url, 'HEAD', options),
  }
}

/** Only what is outside of `orders` is changed by it. */
const OTHERS_CHANGE = `
  ALTER TABLE notes ADD COLUMN stars int DEFAULT 3;
  DELETE FROM notes WHERE id > 10;
  CREATE TABLE later AS SELECT 1 AS n;
  SELECT lo_from_bytea(8, 'later');
  SELECT setval('customers_id_seq', 90);`

const RUIN_ORDERS: [what: string, sql: string][] = [
  ['rows are deleted', 'DELETE FROM orders WHERE id % 2 = 0'],
  ['a column is dropped', 'ALTER TABLE orders DROP COLUMN total'],
  [
    'all that belongs to it is gone or other',
    `DROP INDEX orders_total; DROP TRIGGER touch ON orders; DROP POLICY everybody ON orders;
     ALTER TABLE orders DISABLE ROW LEVEL SECURITY; COMMENT ON TABLE orders IS NULL;
     ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey, DROP CONSTRAINT orders_total_check;
     GRANT SELECT ON orders TO pg_monitor; GRANT SELECT (total) ON orders TO PUBLIC;
     ALTER SEQUENCE orders_id_seq RESTART WITH 5000`,
  ],
  ['it is dropped', 'DROP TABLE orders'],
  [
    'it has other columns and rows',
    `ALTER TABLE orders ADD COLUMN extra text DEFAULT 'x', ALTER COLUMN total TYPE int`,
  ],
]

oldestAndNewestMajor((major) => {
  beforeAll(async () => {
    const db = await createDatabase(major)
    await db.query(`DO $$ BEGIN CREATE ROLE snap_part_owner LOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
  })

  describe.each(ROLES)('as %s', (role) => {
    test.each(RUIN_ORDERS)(
      'a table comes back alone when %s, and undo takes that back',
      async (_, ruin) => {
        // What a cascade takes goes with it: views over the table are not the table.
        const story = await newStory(
          major,
          role,
          `${SHOP} DROP MATERIALIZED VIEW richest; DROP VIEW spending`,
        )
        await story.run(OTHERS_CHANGE)
        const wanted = await story.dump()
        await story.run(ruin)
        const ruined = await story.dump()
        const head = await readHead(story.store.refs)

        const { plan, result } = await story.checkout({ tables: ['orders'], withRowProof: true })

        expect(describeDifference(wanted, await story.dump())).toBeUndefined()
        expect(await readHead(story.store.refs)).toEqual(head)
        expect(plan.part).toEqual({
          aspect: 'all',
          relations: [{ namespace: 'public', name: 'orders' }],
          others: [],
        })
        expect(result.form).toEqual({ kind: 'surgical' })
        await undoCheckout(story.store, story.url)
        expect(describeDifference(ruined, await story.dump())).toBeUndefined()
      },
    )

    test('views over a table are as they were, and what they hold follows its rows', async () => {
      const story = await newStory(major, role)
      const wanted = await story.dump()
      await story.run(`ALTER TABLE orders ADD COLUMN extra int; DELETE FROM orders WHERE id > 5;
        REFRESH MATERIALIZED VIEW richest`)

      await story.checkout({ tables: ['orders'] })

      expect(describeDifference(wanted, await story.dump())).toBeUndefined()
      expect(await story.db.query('SELECT * FROM richest')).toHaveLength(3)
    })

    test('a partitioned table comes back with its partitions', async () => {
      const story = await newStory(major, role)
      await story.run(OTHERS_CHANGE)
      const wanted = await story.dump()
      await story.run(
        `DROP TABLE events_2025; DELETE FROM events; ALTER TABLE events ADD COLUMN extra int`,
      )

      await story.checkout({ tables: ['events'] })

      expect(describeDifference(wanted, await story.dump())).toBeUndefined()
    })

    test('what others have written since is not taken back by undo', async () => {
      const story = await newStory(major, role)
      await story.run('DELETE FROM notes')
      await story.checkout({ tables: ['notes'] })
      await story.run('DELETE FROM events')

      await undoCheckout(story.store, story.url)

      const counts =
        'SELECT (SELECT count(*)::int FROM notes) AS notes, (SELECT count(*)::int FROM events) AS events'
      expect(await story.db.query(counts)).toEqual([{ notes: 0, events: 0 }])
      await undoCheckout(story.store, story.url)
      expect(await story.db.query(counts)).toEqual([{ notes: 20, events: 0 }])
    })

    test('definitions come back and rows stay', async () => {
      const story = await newStory(major, role)
      await story.run(`
        ALTER TABLE customers DROP COLUMN email;
        ALTER TABLE notes ADD COLUMN stars int DEFAULT 3;
        ALTER TABLE orders DROP COLUMN total CASCADE;
        DROP TABLE events;
        CREATE TABLE later AS SELECT 1 AS n;
        INSERT INTO customers (name) VALUES ('new');
        DELETE FROM notes WHERE id > 10;
        SELECT lo_unlink(7)`)

      const { plan, result } = await story.checkout({ aspect: 'schema' })

      const other = await newStory(major, role)
      expect(
        describeDifference(
          await other.dump({ schemaOnly: true }),
          await story.dump({ schemaOnly: true }),
        ),
      ).toBeUndefined()
      expect(
        await story.db.query(`SELECT
          (SELECT count(*)::int FROM customers) AS customers, (SELECT count(email)::int FROM customers) AS emails,
          (SELECT count(*)::int FROM notes) AS notes, (SELECT count(*)::int FROM events) AS events,
          (SELECT count(total)::int FROM orders) AS totals, (SELECT count(*)::int FROM pg_largeobject_metadata) AS pictures,
          nextval('customers_id_seq')::int AS next`),
      ).toEqual([
        { customers: 51, emails: 51, notes: 10, events: 0, totals: 0, pictures: 0, next: 52 },
      ])
      expect(plan.tables.find(({ name }) => name === 'later')).toMatchObject({
        change: 'extra',
        rowsBefore: 1,
      })
      expect(result.form).toEqual({ kind: 'surgical' })
    })

    test('rows come back and definitions stay', async () => {
      const story = await newStory(major, role)
      const before = await story.dump({ dataOnly: true })
      await story.run(`CREATE INDEX added ON notes (text); ALTER TABLE orders ALTER COLUMN touched SET DEFAULT now();
        GRANT SELECT ON notes TO pg_monitor`)
      const definitions = await story.dump({ schemaOnly: true })
      await story.run(`DELETE FROM orders; UPDATE customers SET name = name || 'x'; TRUNCATE events; DELETE FROM notes WHERE id > 3;
        SELECT setval('customers_id_seq', 1); SELECT lo_unlink(7)`)

      await story.checkout({ aspect: 'data', withRowProof: true })

      expect(
        describeDifference(definitions, await story.dump({ schemaOnly: true })),
      ).toBeUndefined()
      expect(describeDifference(before, await story.dump({ dataOnly: true }))).toBeUndefined()
    })

    test('rows of one table come back into a table that has more columns and another order', async () => {
      const story = await newStory(major, role)
      await story.run(`DROP TABLE notes; CREATE TABLE notes (text text, stars int DEFAULT 3, id int PRIMARY KEY);
        INSERT INTO notes SELECT 'note ' || n, 5, n FROM generate_series(2, 20) n;
        INSERT INTO notes VALUES ('other', 9, 99); DELETE FROM orders`)

      const { plan } = await story.checkout({
        aspect: 'data',
        tables: ['notes'],
        withRowProof: true,
      })

      expect(
        await story.db.query('SELECT count(*)::int, min(text), max(stars) FROM notes'),
      ).toEqual([{ count: 20, min: 'note 1', max: 5 }])
      expect(await story.db.query('SELECT count(*)::int FROM orders')).toEqual([{ count: 0 }])
      expect(plan.warnings).toMatchObject([
        { code: 'COLUMN_FILLED', subject: 'public.notes (stars)' },
      ])
    })
  })

  test('what a table needs and the database has not is listed, and restored on demand', async () => {
    const story = await newStory(major, 'postgres')
    const wanted = await story.dump()
    await story.run(
      `DROP TABLE customers CASCADE; DROP TYPE mood CASCADE; DROP FUNCTION touch CASCADE`,
    )
    const ruined = await story.dump()

    await expect(story.checkout({ tables: ['orders'] })).rejects.toMatchObject({
      code: 'DEPENDENCIES_MISSING',
      data: {
        needs: [
          {
            state: 'missing',
            entry: 'FUNCTION public.touch()',
            neededBy: 'TRIGGER public.orders touch',
            add: '--with-dependencies',
          },
          {
            state: 'missing',
            entry: 'TABLE public.customers',
            neededBy: 'FK CONSTRAINT public.orders orders_customer_id_fkey',
            add: '--table public.customers',
          },
          {
            state: 'missing',
            entry: 'CONSTRAINT public.customers customers_pkey',
            neededBy: 'FK CONSTRAINT public.orders orders_customer_id_fkey',
            add: '--table public.customers',
          },
        ],
      },
    })
    expect(describeDifference(ruined, await story.dump())).toBeUndefined()

    const { plan } = await story.checkout({ tables: ['orders'], withDependencies: true })
    expect(plan.part).toEqual({
      aspect: 'all',
      relations: [
        { namespace: 'public', name: 'customers' },
        { namespace: 'public', name: 'orders' },
      ],
      others: ['TYPE public.mood', 'FUNCTION public.touch()'],
    })
    expect(describeDifference(wanted, await story.dump())).toBeUndefined()
    await undoCheckout(story.store, story.url)
    expect(describeDifference(ruined, await story.dump())).toBeUndefined()
  })

  test('a function that changed is in the way of a trigger that is made anew, and of nothing else', async () => {
    const story = await newStory(major, 'postgres')
    await story.run(`CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      DELETE FROM orders`)
    await story.checkout({ tables: ['orders'] })
    expect(await story.db.query('SELECT count(*)::int FROM orders')).toEqual([{ count: 200 }])

    await story.run('DROP TRIGGER touch ON orders')
    await expect(story.checkout({ tables: ['orders'] })).rejects.toMatchObject({
      code: 'DEPENDENCIES_MISSING',
      data: { needs: [{ state: 'different', entry: 'FUNCTION public.touch()' }] },
    })
  })

  test('what needs the present form of a table is listed, and nothing is changed', async () => {
    const story = await newStory(major, 'postgres')
    await story.run(`ALTER TABLE notes ADD COLUMN stars int UNIQUE; CREATE VIEW starred AS SELECT stars FROM notes;
      CREATE TABLE ratings (stars int REFERENCES notes (stars))`)
    const before = await story.dump()

    await expect(story.checkout({ tables: ['notes'] })).rejects.toMatchObject({
      code: 'DEPENDENTS_BROKEN',
      data: {
        dependents: expect.arrayContaining([
          { entry: 'VIEW public.starred', needs: 'column stars of TABLE public.notes' },
          {
            entry: 'FK CONSTRAINT public.ratings ratings_stars_fkey',
            needs: 'CONSTRAINT public.notes notes_stars_key',
          },
        ]),
      },
    })
    expect(describeDifference(before, await story.dump())).toBeUndefined()
  })

  test('a table that bears the names of what belongs to another is in its way', async () => {
    const story = await newStory(major, 'postgres')
    await story.run('ALTER TABLE orders RENAME TO orders_old')

    await expect(story.checkout({ tables: ['orders'] })).rejects.toMatchObject({
      code: 'DEPENDENTS_BROKEN',
      data: {
        dependents: expect.arrayContaining([
          { entry: 'TABLE public.orders_old', needs: 'INDEX public.orders_total' },
        ]),
      },
    })
  })

  test('a table of a commit that leaves its rows out keeps its own', async () => {
    const db = await createDatabase(major)
    await db.query(`CREATE TABLE logs (id serial PRIMARY KEY, line text, level int DEFAULT 7);
      INSERT INTO logs (line) SELECT 'line' FROM generate_series(1, 5); CREATE TABLE other AS SELECT 1 AS x`)
    const store = await memoryStore()
    await commitDatabase(store, db.url, { selection: { excludeTableData: ['logs'] } })
    await db.query(
      `ALTER TABLE logs DROP COLUMN level; INSERT INTO logs (line) VALUES ('new'); DELETE FROM other`,
    )

    await checkoutDatabase(store, db.url, 'HEAD', { tables: ['logs'] })

    expect(
      await db.query(`SELECT count(*)::int, min(level), nextval('logs_id_seq')::int AS next,
        (SELECT count(*)::int FROM other) AS other FROM logs`),
    ).toEqual([{ count: 6, min: 7, next: 7, other: 0 }])
  })

  test('a part of a commit of some tables leaves the rest alone', async () => {
    const story = await newStory(major, 'postgres')
    await commitDatabase(story.store, story.url, { selection: { tables: ['notes', 'events*'] } })
    const wanted = await story.dump()
    await story.run('ALTER TABLE notes DROP COLUMN text')

    await story.checkout({ tables: ['notes'] })

    expect(describeDifference(wanted, await story.dump())).toBeUndefined()
  })

  test('rows that a type no longer takes are refused, and come back with the type', async () => {
    const story = await newStory(major, 'postgres')
    await story.run(`UPDATE customers SET mood = 'sad' WHERE id < 5`)
    await commitDatabase(story.store, story.url)
    const wanted = await story.dump()
    await story.run(
      `UPDATE customers SET mood = NULL; ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`,
    )

    await expect(story.checkout({ tables: ['customers'] })).rejects.toMatchObject({
      code: 'RESTORE_FAILED',
      hint: expect.stringContaining('--with-dependencies'),
    })
    await story.checkout({ tables: ['customers'], withDependencies: true })
    expect(describeDifference(wanted, await story.dump())).toBeUndefined()
  })

  test.each([
    ['all', undefined],
    ['rows', 'data'],
  ] as const)(
    'rows that would refer to nothing are counted, and nothing is changed: %s',
    async (_, aspect) => {
      const story = await newStory(major, 'postgres')
      await story.run(`INSERT INTO customers (name) VALUES ('new');
        INSERT INTO orders (customer_id, total) SELECT 51, n FROM generate_series(1, 3) n`)
      const before = await story.dump()

      await expect(story.checkout({ tables: ['customers'], aspect })).rejects.toMatchObject({
        code: 'FOREIGN_KEY_VIOLATED',
        data: {
          violations: [
            {
              constraint: 'orders_customer_id_fkey',
              table: 'public.orders',
              referencedTable: 'public.customers',
              rowCount: 3,
            },
          ],
        },
      })
      expect(describeDifference(before, await story.dump())).toBeUndefined()
    },
  )

  test('rows that fit no column are named, whole and with every table', async () => {
    const story = await newStory(major, 'postgres')
    await story.run(`ALTER TABLE customers DROP COLUMN email; ALTER TABLE notes ADD COLUMN must int NOT NULL DEFAULT 1;
      ALTER TABLE notes ALTER COLUMN must DROP DEFAULT; DROP TABLE events`)

    await expect(story.checkout({ aspect: 'data' })).rejects.toMatchObject({
      code: 'ROWS_DO_NOT_FIT',
      data: {
        tables: [
          { table: 'public.customers', columns: ['email'] },
          { table: 'public.notes', columns: ['must'] },
          { table: 'public.events_2025', columns: [] },
          { table: 'public.events_2026', columns: [] },
        ],
      },
    })
  })

  test('present rows that lack what the commit demands are named', async () => {
    const story = await newStory(major, 'postgres')
    await story.run('ALTER TABLE orders DROP COLUMN customer_id CASCADE')

    await expect(story.checkout({ aspect: 'schema' })).rejects.toMatchObject({
      code: 'ROWS_DO_NOT_FIT',
      data: { tables: [{ table: 'public.orders', columns: ['customer_id'] }] },
    })
  })

  test('a numbered column that comes back numbers the rows that are there', async () => {
    const story = await newStory(major, 'postgres')
    await story.run(`ALTER TABLE orders DROP COLUMN id; ALTER TABLE customers DROP COLUMN id CASCADE;
      DELETE FROM orders WHERE total > 10`)

    await story.checkout({
      aspect: 'schema',
      tables: ['orders', 'customers'],
      withSafetyCommit: false,
    })

    expect(
      await story.db.query(
        `SELECT count(DISTINCT id)::int AS ids, count(*)::int AS rows FROM orders`,
      ),
    ).toEqual([{ ids: 10, rows: 10 }])
    await story.run(
      `INSERT INTO orders (customer_id, total) VALUES (1, 1); INSERT INTO customers (name) VALUES ('new')`,
    )
  })

  test('a pattern that means nothing, or nothing of the commit, is refused', async () => {
    const story = await newStory(major, 'postgres')
    await story.run('CREATE SCHEMA far; CREATE TABLE far.notes (x int); CREATE TABLE later (x int)')
    for (const pattern of ['nope', 'later', 'a.b.c', '(', 'far.notes']) {
      await expect(story.checkout({ tables: [pattern] }), pattern).rejects.toMatchObject({
        code: 'USAGE',
      })
    }
  })

  test('nothing to do is nothing done, and HEAD stays', async () => {
    const story = await newStory(major, 'postgres')
    await story.run('DELETE FROM orders; DELETE FROM notes')
    const head = await readHead(story.store.refs)

    const { plan, result } = await story.checkout({ tables: ['customers'] })

    expect([plan.isNoOp, result.proof, result.head]).toEqual([true, null, head])
  })

  test('a part is loaded into a new database, with what it needs', async () => {
    const story = await newStory(major, 'postgres')
    const into = async (name: string, options: Partial<CheckoutOptions>) => {
      const target = `${story.db.name}_${name}`
      const address = withDatabase(await addressOf(story.url), target)
      await story.checkout({ ...options, into: address })
      return queryOnce(
        serverOf(major),
        target,
        `SELECT
        (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
          WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'm')) AS relations,
        (SELECT count(*)::int FROM customers) AS customers, nextval('customers_id_seq')::int AS next`,
      )
    }
    try {
      expect(await into('part', { tables: ['orders'], withDependencies: true })).toEqual([
        { relations: 'customers orders', customers: 50, next: 51 },
      ])
      expect(await into('empty', { aspect: 'schema' })).toEqual([
        {
          relations: 'customers events events_2025 events_2026 notes orders richest spending',
          customers: 0,
          next: 1,
        },
      ])
      await expect(into('rows', { aspect: 'data' })).rejects.toMatchObject({ code: 'USAGE' })
    } finally {
      for (const name of ['part', 'empty', 'rows']) {
        await queryOnce(
          serverOf(major),
          'postgres',
          `DROP DATABASE IF EXISTS ${story.db.name}_${name}`,
        )
      }
    }
  })
})
