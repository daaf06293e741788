/**
 * The live database changes after a checkout was planned and before it is carried
 * out. The commit is restored all the same, and what was written in between is in
 * the safety commit: undo brings back exactly that.
 */
import { expect, test } from 'vitest'
import { applyCheckout } from '../../src/restore/apply-checkout.ts'
import { planCheckout } from '../../src/restore/plan-checkout.ts'
import {
  allMajors,
  createDatabase,
  oldestAndNewestMajor,
  type TestDatabase,
  untilOldTransactionsAreOver,
} from '../support/postgres.ts'
import { AUTHOR, addressOf, commitDatabase, memoryStore, undoCheckout } from '../support/session.ts'
import { prepareSurgery } from '../support/surgery-case.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'

const MEANWHILE: [name: string, sql: string][] = [
  ['rows are inserted', `INSERT INTO large VALUES (7001, 'meanwhile')`],
  ['rows are updated', `UPDATE large SET word = 'meanwhile' WHERE id % 50 = 1`],
  [
    'rows of a table that nothing was to happen to are inserted',
    'INSERT INTO untouched VALUES (1)',
  ],
  [
    'as many rows are inserted as are deleted',
    `DELETE FROM large WHERE id <= 3; INSERT INTO large SELECT g, 'meanwhile' FROM generate_series(1, 3) g`,
  ],
  ['nothing but statistics is written', 'ANALYZE; CREATE TEMP TABLE other AS SELECT 1 AS n'],
  ['a value of a type is renamed', `ALTER TYPE status RENAME VALUE 'new' TO 'meanwhile'`],
  ['a table is emptied', 'TRUNCATE small'],
  ['a column is added', 'ALTER TABLE large ADD COLUMN more integer DEFAULT 7'],
  ['the column that was to go has gone', 'ALTER TABLE users DROP COLUMN active'],
  ['a table is made', 'CREATE TABLE meanwhile AS SELECT g AS n FROM generate_series(1, 10) g'],
  ['the table that was to go has gone', 'DROP TABLE novel'],
  [
    'the table that was to come has come',
    'CREATE TABLE dropped (id text); INSERT INTO dropped VALUES (1)',
  ],
  ['a table is renamed', 'ALTER TABLE orders RENAME TO purchases'],
  ['an index is made', 'CREATE INDEX meanwhile_index ON orders (total)'],
  [
    'a foreign key is added',
    'ALTER TABLE small ADD PRIMARY KEY (n), ADD FOREIGN KEY (n) REFERENCES large',
  ],
  [
    'a trigger is made',
    'CREATE TRIGGER meanwhile_trigger BEFORE INSERT ON large FOR EACH ROW EXECUTE FUNCTION stamp()',
  ],
  ['a view is made', 'CREATE VIEW meanwhile_view AS SELECT name, active FROM users'],
  [
    'a materialized view is refreshed',
    `UPDATE orders SET total = total + 1; REFRESH MATERIALIZED VIEW sums`,
  ],
  [
    'a function is replaced',
    `CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`,
  ],
  ['a type gets a value', `ALTER TYPE status ADD VALUE 'meanwhile'`],
  [
    'a partition is attached',
    'CREATE TABLE parts_top PARTITION OF parts FOR VALUES FROM (200) TO (300); INSERT INTO parts VALUES (250)',
  ],
  ['a sequence moves', `SELECT nextval('numbers'), nextval('novel_id_seq')`],
  ['a sequence is altered', 'ALTER SEQUENCE numbers INCREMENT BY 5'],
  ['a large object is written', `SELECT lo_put(1001, 0, 'meanwhile')`],
  ['a large object is made', `SELECT lo_from_bytea(3003, 'meanwhile')`],
  ['a large object is removed', 'SELECT lo_unlink(1001)'],
  ['privileges are granted', 'GRANT INSERT ON large TO pg_monitor'],
  [
    'default privileges are set',
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO pg_monitor',
  ],
  ['a comment is written', `COMMENT ON COLUMN large.word IS 'meanwhile'`],
  [
    'a schema is made',
    'CREATE SCHEMA meanwhile_schema; CREATE TABLE meanwhile_schema.t AS SELECT 1 AS n',
  ],
  [
    'an event trigger is made',
    `CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER meanwhile_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()`,
  ],
]

/** Plans, lets something happen, carries out, undoes. */
async function checkoutThatIsOvertaken(database: TestDatabase, sql: string): Promise<void> {
  const major = database.majorVersion
  const store = await memoryStore()
  await prepareSurgery(store, database)
  const dump = () => dumpWith(major, database.url, { rowOrder: 'sorted' })
  const options = { database: await addressOf(database.url), author: AUTHOR }
  const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
  await database.query(sql)
  const meanwhile = await dump()

  const { proof } = await applyCheckout(store, plan, { ...options, withRowProof: true })

  expect(proof?.schemaEntryCount).toBe(plan.schemaEntries.length)
  await undoCheckout(store, database.url)
  expect(describeDifference(meanwhile, await dump())).toBeUndefined()
}

const newest = allMajors.at(-1)!
test.each(MEANWHILE)(`while %s, on PostgreSQL ${newest}`, async (_, sql) => {
  const database = await createDatabase(newest)
  await checkoutThatIsOvertaken(database, sql)
  await database.drop()
})

oldestAndNewestMajor((major) => {
  test('while all of that happens at once', async () => {
    const isApart = ([name]: [string, string]) =>
      !/renamed|removed|has gone|emptied|gets a value/.test(name)
    const all = MEANWHILE.filter(isApart).map(([, sql]) => sql)
    await checkoutThatIsOvertaken(await createDatabase(major), all.join(';\n'))
  })

  test('rows that nobody has written are not read again', async () => {
    const database = await createDatabase(major)
    const store = await memoryStore()
    await prepareSurgery(store, database)
    const options = { database: await addressOf(database.url), author: AUTHOR }
    const readDuring = async (sql: string) => {
      await untilOldTransactionsAreOver(database)
      const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
      await database.query(sql)
      const read = new Set<string>()
      let phase: string | undefined
      await applyCheckout(store, plan, {
        ...options,
        reporter: (event) => {
          if (event.kind === 'phaseStarted') phase = event.phase
          if (event.kind === 'tableProgress' && phase === 'captureRows') read.add(event.table)
        },
      })
      await undoCheckout(store, database.url)
      return [...read]
    }
    expect(await readDuring('SELECT 1')).toEqual([])
    expect(await readDuring('ANALYZE')).toEqual([])
    expect(await readDuring('INSERT INTO untouched VALUES (2)')).toEqual(['public.untouched'])
  })

  test('a checkout that had nothing to do is refused when there is something by then', async () => {
    const database = await createDatabase(major)
    const store = await memoryStore()
    await database.query('CREATE TABLE t AS SELECT 1 AS x')
    await commitDatabase(store, database.url)
    const options = { database: await addressOf(database.url), author: AUTHOR }
    const plan = await planCheckout(store, { ...options, revision: 'HEAD' })
    await database.query('INSERT INTO t VALUES (2)')

    await expect(applyCheckout(store, plan, options)).rejects.toMatchObject({
      code: 'TARGET_CHANGED',
    })
    expect(await database.query('SELECT x FROM t ORDER BY x')).toEqual([{ x: 1 }, { x: 2 }])
  })
})
