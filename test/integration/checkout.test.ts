import { expect, test } from 'vitest'
import { createDatabase, eachMajor, type TestDatabase } from '../support/postgres.ts'
import { checkoutDatabase, commitDatabase, memoryStore, undoCheckout } from '../support/session.ts'
import { dumpWith } from '../support/witness.ts'

const SHOP = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'ok');
  CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint REFERENCES users, total numeric(10, 2) CHECK (total >= 0));
  CREATE INDEX ON orders (user_id);
  CREATE VIEW rich AS SELECT u.name, sum(o.total) AS total FROM users u JOIN orders o ON o.user_id = u.id GROUP BY 1;
  CREATE MATERIALIZED VIEW totals AS SELECT * FROM rich;
  CREATE FUNCTION greet(n text) RETURNS text LANGUAGE sql AS $$ SELECT 'hello ' || n $$;
  COMMENT ON TABLE users IS 'people';
  INSERT INTO users (name) SELECT 'user ' || g FROM generate_series(1, 500) g;
  INSERT INTO orders (user_id, total) SELECT g % 500 + 1, g FROM generate_series(1, 3000) g;
  REFRESH MATERIALIZED VIEW totals;
  SELECT lo_from_bytea(4711, decode(repeat('ab', 100000), 'hex'));
  COMMENT ON LARGE OBJECT 4711 IS 'a picture';`

async function shop(major: number): Promise<TestDatabase> {
  const database = await createDatabase(major)
  await database.query(SHOP)
  return database
}

eachMajor((major) => {
  test.each([
    ['rows are deleted', 'DELETE FROM orders WHERE id % 2 = 0; UPDATE users SET mood = $$sad$$'],
    ['a column is dropped', 'ALTER TABLE users DROP COLUMN mood'],
    ['a table is dropped', 'DROP TABLE users CASCADE'],
    ['the schema is dropped', 'DROP SCHEMA public CASCADE'],
    [
      'objects are added',
      'CREATE TABLE extra (x int); CREATE SCHEMA more; CREATE TABLE more.t (x mood)',
    ],
    [
      'sequences are moved',
      `SELECT setval('orders_id_seq', 1); ALTER SEQUENCE orders_id_seq INCREMENT 5`,
    ],
    ['a large object is unlinked', 'SELECT lo_unlink(4711)'],
  ])('a checkout brings everything back when %s', async (_, wreck) => {
    const database = await shop(major)
    const store = await memoryStore()
    const before = await dumpWith(major, database.url)
    const first = await commitDatabase(store, database.url)
    await database.query(wreck)

    const { result } = await checkoutDatabase(store, database.url, 'HEAD')

    expect(await dumpWith(major, database.url)).toBe(before)
    expect(result.proof).toMatchObject({ tolerated: [] })
    expect((await commitDatabase(store, database.url)).commit.treeId).toBe(first.commit.treeId)
  })

  test('an event trigger that forbids DDL does not stand in the way of a materialized view', async () => {
    const database = await shop(major)
    await database.query(`
      CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no DDL'; END $$;
      CREATE EVENT TRIGGER forbid ON ddl_command_start EXECUTE FUNCTION forbid()`)
    const store = await memoryStore()
    const before = await dumpWith(major, database.url)
    await commitDatabase(store, database.url)
    await database.query('DELETE FROM orders')

    await checkoutDatabase(store, database.url, 'HEAD')

    expect(await dumpWith(major, database.url)).toBe(before)
  })

  test.runIf(major < 17)(
    'functions that count on the search path work while a restore calls them',
    async () => {
      const database = await shop(major)
      await database.query(`
      CREATE FUNCTION shout(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN upper(greet(t)); END';
      CREATE FUNCTION is_polite(n text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN greet(n) IS NOT NULL; END';
      CREATE TABLE letters (name text CHECK (is_polite(name)));
      INSERT INTO letters VALUES ('user 1');
      CREATE INDEX ON letters (shout(name));
      CREATE MATERIALIZED VIEW shouts AS SELECT shout(name) FROM letters`)
      const store = await memoryStore()
      const before = await dumpWith(major, database.url)
      await commitDatabase(store, database.url)
      await database.query('DROP MATERIALIZED VIEW shouts; DELETE FROM orders')

      await checkoutDatabase(store, database.url, 'HEAD')

      expect(await dumpWith(major, database.url)).toBe(before)
    },
  )

  test('undo brings the wreck back, and undoing again the checkout', async () => {
    const database = await shop(major)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    await database.query('DROP TABLE orders CASCADE; UPDATE users SET name = name || $$!$$')
    const wrecked = await dumpWith(major, database.url)
    await checkoutDatabase(store, database.url, 'HEAD')
    const restored = await dumpWith(major, database.url)

    await undoCheckout(store, database.url)
    expect(await dumpWith(major, database.url)).toBe(wrecked)

    await undoCheckout(store, database.url)
    expect(await dumpWith(major, database.url)).toBe(restored)
  })
})
