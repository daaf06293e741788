/**
 * What several sessions make of a commit beside each other is what one would have made of it, and
 * when one of them cannot go on, none does.
 */
import { expect, test } from 'vitest'
import type { Reporter } from '../../src/events.ts'
import { withDatabase } from '../../src/postgres/address/database-address.ts'
import type { CheckoutOptions } from '../../src/restore/plan-checkout.ts'
import {
  createDatabase,
  databaseUrl,
  oldestAndNewestMajor,
  queryOnce,
  serverOf,
  type TestDatabase,
} from '../support/postgres.ts'
import { addressOf, checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'
import { dumpWith } from '../support/witness.ts'

/** Foreign keys of every kind between two tables, in circles too, and what else is made of rows. */
const SCHEMA = `
  CREATE SCHEMA "Odd ""place""";
  CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE NOT NULL, boss_id int REFERENCES parent);
  CREATE TABLE "Odd ""place"""."Child's" ("the id" int PRIMARY KEY, parent_id int, code text,
    CONSTRAINT "by id" FOREIGN KEY (parent_id) REFERENCES parent ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT "by code" FOREIGN KEY (code) REFERENCES parent (code));
  CREATE INDEX ON "Odd ""place"""."Child's" (code);
  CREATE INDEX ON parent (lower(code));
  COMMENT ON CONSTRAINT "by id" ON "Odd ""place"""."Child's" IS 'not always there at once';
  CREATE TABLE one (id int PRIMARY KEY, other_id int);
  CREATE TABLE other (id int PRIMARY KEY, one_id int REFERENCES one);
  INSERT INTO parent SELECT g, 'code ' || g, nullif(g / 2, 0) FROM generate_series(1, 500) g;
  INSERT INTO "Odd ""place"""."Child's" SELECT g, g, 'code ' || g FROM generate_series(1, 500) g;
  INSERT INTO one VALUES (1, 1); INSERT INTO other VALUES (1, 1);
  ALTER TABLE one ADD FOREIGN KEY (other_id) REFERENCES other;
  CREATE TABLE unchecked (parent_id int); INSERT INTO unchecked VALUES (-1);
  ALTER TABLE unchecked ADD CONSTRAINT later FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;
  CREATE TABLE parted (id int, parent_id int REFERENCES parent, PRIMARY KEY (id)) PARTITION BY RANGE (id);
  CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (100) TO (1000);
  CREATE INDEX ON parted (parent_id);
  CREATE TABLE of_parted (id int REFERENCES parted, low_id int REFERENCES parted_low);
  INSERT INTO parted SELECT g, g FROM generate_series(1, 400) g;
  INSERT INTO of_parted SELECT g, g FROM generate_series(1, 50) g;
  CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM parent;
  CREATE UNIQUE INDEX ON counted (n);
  SELECT lo_from_bytea(77, 'large');`

const CONSTRAINTS = `SELECT conrelid::regclass::text AS "table", conname, contype, convalidated,
    condeferrable, confdeltype, pg_get_constraintdef(oid) AS definition
  FROM pg_constraint WHERE connamespace > 16383 OR connamespace = 'public'::regnamespace ORDER BY 1, 2`

let restoredCount = 0

oldestAndNewestMajor((major) => {
  const server = serverOf(major)

  /** Commits a database and offers to load that into a new one, which is gone when `use` returns. */
  async function withCommitted(
    sql: string,
    use: (world: {
      database: TestDatabase
      name: string
      restore: (options?: Partial<CheckoutOptions>) => ReturnType<typeof checkoutDatabase>
    }) => Promise<void>,
  ): Promise<void> {
    const database = await createDatabase(major)
    await database.query(sql)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    const name = `parallel_${process.pid}_${++restoredCount}`
    const into = withDatabase(await addressOf(database.url), name)
    try {
      await use({
        database,
        name,
        restore: (options = {}) =>
          checkoutDatabase(store, database.url, 'HEAD', { into, jobs: 4, ...options }),
      })
    } finally {
      await queryOnce(server, 'postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
    }
  }

  const exists = async (name: string) =>
    (await queryOnce(server, 'postgres', 'SELECT FROM pg_database WHERE datname = $1', [name]))
      .length > 0

  test('constraints that were checked are, those that were not are not, and the dump is the same', async () => {
    await withCommitted(SCHEMA, async ({ database, name, restore }) => {
      await restore({ withRowProof: true })
      expect(await dumpWith(major, databaseUrl(server, name))).toBe(
        await dumpWith(major, database.url),
      )
      const constraints = await queryOnce(server, name, CONSTRAINTS)
      expect(constraints).toEqual(await queryOnce(server, database.name, CONSTRAINTS))
      expect(constraints).toContainEqual(
        expect.objectContaining({ conname: 'by id', convalidated: true, condeferrable: true }),
      )
      expect(constraints).toContainEqual(
        expect.objectContaining({ conname: 'later', convalidated: false }),
      )
      const [statistics] = await queryOnce(
        server,
        name,
        `SELECT count(*)::int AS count FROM pg_stats WHERE tablename IN ('parent', 'Child''s', 'counted') AND attname IN ('id', 'the id', 'n')`,
      )
      expect(statistics).toEqual({ count: 3 })
    })
  })

  test('a foreign key that the rows break is named, and no database is left', async () => {
    const broken = `SET session_replication_role = replica; DELETE FROM one; RESET session_replication_role`
    await withCommitted(`${SCHEMA}; ${broken}`, async ({ name, restore }) => {
      await expect(restore()).rejects.toMatchObject({
        code: 'RESTORE_FAILED',
        data: { step: expect.stringContaining('other_one_id_fkey') },
        cause: { data: { sqlState: '23503' } },
      })
      expect(await exists(name)).toBe(false)
    })
  })

  test('a session that is lost ends the others, and no database is left', async () => {
    await withCommitted(SCHEMA, async ({ name, restore }) => {
      let killed: Promise<unknown> | undefined
      const reporter: Reporter = ({ kind }) => {
        if (kind !== 'tableProgress') return
        killed ??= queryOnce(
          server,
          'postgres',
          `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
            WHERE datname = $1 AND backend_type = 'client backend' ORDER BY backend_start DESC LIMIT 1) AS last`,
          [name],
        )
      }
      await expect(restore({ reporter })).rejects.toMatchObject({
        code: 'POSTGRES_CONNECTION_LOST',
      })
      expect(await killed).toHaveLength(1)
      expect(await exists(name)).toBe(false)
    })
  })

  test('an interruption ends all sessions, and no database is left', async () => {
    await withCommitted(SCHEMA, async ({ name, restore }) => {
      const controller = new AbortController()
      const reporter: Reporter = ({ kind }) => {
        if (kind === 'tableProgress') controller.abort()
      }
      const options = { reporter, signal: controller.signal }
      await expect(restore(options)).rejects.toMatchObject({ code: 'ABORTED' })
      expect(await exists(name)).toBe(false)
    })
  })
})
