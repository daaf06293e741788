/**
 * A live database and a commit that differ in every way a checkout has a step for.
 */
import type { Store } from '../../src/store.ts'
import { commitDatabase } from './session.ts'

const COMMITTED = `
  CREATE TYPE status AS ENUM ('new', 'paid');
  CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email text UNIQUE);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, status status DEFAULT 'new', total numeric(10, 2) CHECK (total >= 0));
  CREATE TABLE large (id integer PRIMARY KEY, word text);
  CREATE TABLE small (n integer, word text);
  CREATE TABLE dropped (id integer PRIMARY KEY, user_id bigint REFERENCES users);
  CREATE TABLE untouched (id integer PRIMARY KEY);
  CREATE TABLE parts (id integer PRIMARY KEY, word text) PARTITION BY RANGE (id);
  CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
  CREATE INDEX orders_user ON orders (user_id);
  CREATE VIEW open_orders AS SELECT o.*, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE status = 'new';
  CREATE MATERIALIZED VIEW sums AS SELECT user_id, sum(total) FROM orders GROUP BY 1;
  CREATE SEQUENCE numbers;
  CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
  COMMENT ON TABLE orders IS 'what was bought';
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor;
  INSERT INTO users (name, email) SELECT 'user ' || g, g || '@x' FROM generate_series(1, 100) g;
  INSERT INTO orders (user_id, total) SELECT g % 100 + 1, g FROM generate_series(1, 400) g;
  INSERT INTO large SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 4000) g;
  INSERT INTO small SELECT g, 'word ' || g FROM generate_series(1, 50) g;
  INSERT INTO dropped SELECT g, g FROM generate_series(1, 100) g;
  INSERT INTO parts SELECT g, 'low' FROM generate_series(0, 99) g;
  REFRESH MATERIALIZED VIEW sums;
  SELECT nextval('numbers'), lo_from_bytea(1001, 'committed'), lo_from_bytea(1002, 'gone')`

const CHANGES = `
  DROP TABLE dropped;
  DROP VIEW open_orders;
  DROP INDEX orders_user;
  CREATE TABLE novel (id serial PRIMARY KEY, user_id bigint REFERENCES users);
  INSERT INTO novel (user_id) SELECT g FROM generate_series(1, 20) g;
  ALTER TABLE users DROP COLUMN email, ADD COLUMN active boolean DEFAULT true NOT NULL, ALTER COLUMN name TYPE varchar(100);
  ALTER TABLE orders ALTER COLUMN status DROP DEFAULT;
  CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.total := NEW.total + 1; RETURN NEW; END';
  CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (200);
  INSERT INTO parts SELECT g, 'high' FROM generate_series(100, 149) g;
  UPDATE orders SET status = 'paid' WHERE id % 7 = 0;
  UPDATE large SET word = 'changed' WHERE id % 100 = 0;
  DELETE FROM large WHERE id BETWEEN 500 AND 520;
  INSERT INTO large SELECT g, 'later' FROM generate_series(5001, 5020) g;
  DELETE FROM small WHERE n > 10;
  REFRESH MATERIALIZED VIEW sums;
  COMMENT ON TABLE orders IS 'what was sold';
  GRANT SELECT ON users TO pg_monitor;
  SELECT nextval('numbers'), lo_put(1001, 0, 'changed!!'), lo_unlink(1002)`

/** Commits one state of the database, then changes it; HEAD is the state to return to. */
export async function prepareSurgery(
  store: Store,
  database: { url: string; query: (sql: string) => Promise<unknown> },
): Promise<void> {
  await database.query(COMMITTED)
  await commitDatabase(store, database.url)
  await database.query(CHANGES)
}
