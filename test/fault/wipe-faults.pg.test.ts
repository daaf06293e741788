/**
 * Something goes wrong at the messages that a wipe sends, one after the other: the
 * database is as it was, the store is whole, and what a wipe has kept brings it back.
 *
 * Half of the faults have a share of the messages of a wipe of everything on the newest major,
 * the others of one of rows on the oldest; `SNAP_TEST_SWEEP=all` meets all of them on each.
 */
import { expect, test } from 'vitest'
import type { DatabaseAddress } from '../../src/postgres/address/database-address.ts'
import { applyWipe, planWipe } from '../../src/restore/wipe.ts'
import { allMajors, createDatabase, eachMajor, oldestAndNewestMajor } from '../support/postgres.ts'
import { SERVER_FAULTS, sweepFaults } from '../support/server-faults.ts'
import { AUTHOR, commitDatabase, memoryStore } from '../support/session.ts'

const isWhole = process.env.SNAP_TEST_SWEEP === 'all'
const SHARE = isWhole ? 1 : 20

const SHOP = `
  CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY, name text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users);
  CREATE TABLE django_migrations (id serial PRIMARY KEY, app text, name text, applied timestamptz);
  CREATE SCHEMA more;
  CREATE TABLE more.logs (line text);
  CREATE VIEW more.lines AS SELECT count(*) FROM more.logs;
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders;
  CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER stamped BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
  INSERT INTO users (name) SELECT 'user ' || g FROM generate_series(1, 50) g;
  INSERT INTO orders (user_id) SELECT 10 FROM generate_series(1, 100);
  INSERT INTO django_migrations (app, name) VALUES ('shop', '0001_initial');
  INSERT INTO more.logs VALUES ('a line');
  REFRESH MATERIALIZED VIEW totals;
  SELECT lo_from_bytea(4711, 'abc');`

const SCOPES = ['everything', 'rows'] as const
const someMajors = isWhole ? eachMajor : oldestAndNewestMajor

someMajors((major) => {
  const isNewest = major === allMajors.at(-1)
  const scopes = isWhole ? SCOPES : SCOPES.filter((_, number) => (number === 0) === isNewest)
  const faults = SERVER_FAULTS.filter((_, number) => isWhole || (number % 2 === 0) === isNewest)

  test.each(scopes)(
    'a wipe of %s during which something goes wrong leaves all as it was',
    async (scope) => {
      const database = await createDatabase(major)
      await database.query(SHOP)
      const store = await memoryStore()
      await commitDatabase(store, database.url)
      const head = await store.refs.find('refs/heads/main')
      const plan = async (options: { database: DatabaseAddress; signal: AbortSignal }) => {
        const settings = { ...options, author: AUTHOR }
        const planned = await planWipe(store, { ...settings, scope })
        return { apply: () => applyWipe(store, planned, settings) }
      }

      const operation = { major, store, database, plan }
      const struckCount = await sweepFaults(faults, operation, { share: SHARE, offset: 0 })

      expect(struckCount).toBeGreaterThanOrEqual(2 * faults.length)
      expect(await store.refs.find('refs/heads/main')).toBe(head)
    },
    600_000,
  )
})
