import { expect, test } from 'vitest'
import { withDatabase } from '../../src/postgres/address/database-address.ts'
import {
  allMajors,
  createDatabase,
  databaseUrl,
  eachMajor,
  queryOnce,
  serverOf,
} from '../support/postgres.ts'
import { addressOf, checkoutDatabase, commitDatabase, memoryStore } from '../support/session.ts'
import { dumpWith } from '../support/witness.ts'

const SCHEMA = `
  CREATE EXTENSION IF NOT EXISTS hstore;
  CREATE TABLE a (id serial PRIMARY KEY, h hstore, t text);
  CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a) PARTITION BY HASH (id);
  CREATE TABLE b0 PARTITION OF b FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE b1 PARTITION OF b FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE parent (x int NOT NULL); CREATE TABLE child (y int) INHERITS (parent);
  INSERT INTO a (h, t) SELECT hstore('k', g::text), repeat('x', g) FROM generate_series(1, 300) g;
  INSERT INTO b SELECT g, g FROM generate_series(1, 300) g;
  INSERT INTO child VALUES (1, 2);
  CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM a;
  SELECT lo_from_bytea(99, 'large');`

let restoredCount = 0
const freshName = () => `into_${process.pid}_${++restoredCount}`

eachMajor((major) => {
  test('a commit is restored into a new database of the same server, equal in every dump', async () => {
    const database = await createDatabase(major)
    await database.query(SCHEMA)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    const name = freshName()
    const into = withDatabase(await addressOf(database.url), name)
    try {
      const { result } = await checkoutDatabase(store, database.url, 'HEAD', {
        into,
        withRowProof: true,
      })
      expect(result).toMatchObject({ safetyCommitId: null, databaseName: name })
      const url = databaseUrl(serverOf(major), name)
      expect(await dumpWith(major, url)).toBe(await dumpWith(major, database.url))
      await expect(checkoutDatabase(store, database.url, 'HEAD', { into })).rejects.toMatchObject({
        code: 'TARGET_EXISTS',
      })
    } finally {
      await queryOnce(serverOf(major), 'postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
    }
  })

  test('a restore into a new database that fails leaves no database behind', async () => {
    const database = await createDatabase(major)
    await database.query(SCHEMA)
    const role = `gone_${process.pid}_${major}`
    await database.query(`CREATE ROLE ${role}; ALTER TABLE a OWNER TO ${role}`)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    await database.query(
      `REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`,
    )
    const name = freshName()
    const into = withDatabase(await addressOf(database.url), name)

    await expect(checkoutDatabase(store, database.url, 'HEAD', { into })).rejects.toMatchObject({
      code: 'RESTORE_FAILED',
    })

    const found = await queryOnce(
      serverOf(major),
      'postgres',
      'SELECT FROM pg_database WHERE datname = $1',
      [name],
    )
    expect(found).toEqual([])
    try {
      const withoutOwners = { into, withOwners: false }
      const { result } = await checkoutDatabase(store, database.url, 'HEAD', withoutOwners)
      expect(result.restored.tableCount).toBe(5)
    } finally {
      await queryOnce(serverOf(major), 'postgres', `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
    }
  })
})

const pairs = allMajors.flatMap((from) =>
  allMajors.filter((to) => to !== from).map((to) => [from, to]),
)
test.each(pairs)(
  'a commit of PostgreSQL %i is restored into a new database of %i with all its rows',
  async (from, to) => {
    const database = await createDatabase(from as number)
    await database.query(SCHEMA)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    const name = freshName()
    const url = databaseUrl(serverOf(to as number), name)
    try {
      await checkoutDatabase(store, database.url, 'HEAD', {
        into: await addressOf(url),
        withRowProof: true,
      })
      const [count] = await queryOnce(
        serverOf(to as number),
        name,
        'SELECT count(*)::int AS rows FROM a JOIN b ON a.id = a_id',
      )
      expect(count).toEqual({ rows: 300 })
    } finally {
      await queryOnce(
        serverOf(to as number),
        'postgres',
        `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`,
      )
    }
  },
)
