import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
import { newWorkplace, SMALL_SHOP, type Workplace, WRECKAGE } from './workplace.ts'

/** A shop with one commit, and files beside its store. */
async function placeWith(files: Record<string, string> = {}, sql = SMALL_SHOP): Promise<Workplace> {
  const place = await newWorkplace(allMajors.at(-1)!, sql)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(place.directory, path)), { recursive: true })
    await writeFile(join(place.directory, path), text)
  }
  return place
}

async function alarmsOf({ snap }: Workplace): Promise<[string, string | null][]> {
  const { stdout } = await snap(['--json', 'check'])
  const { rules } = JSON.parse(stdout)
  return rules.alarms.map(({ code, table }: { code: string; table: string }) => [code, table])
}

const configOf = (rules: object) => ({ 'snap.config.json': JSON.stringify({ rules }) })

describe('rules', () => {
  test('an unchanged database gives no alarm', async () => {
    const { snap } = await placeWith()
    const { exitCode, stdout } = await snap(['check'])
    equal(exitCode, 0)
    match(
      stdout,
      /^No alarm\n\nRules: nothing since HEAD \([0-9a-f]{12}\) that they do not allow\n$/,
    )
  })

  test('what a migration does as a matter of course gives none either', async () => {
    const place = await placeWith()
    await place.database.query(`
      ALTER TABLE customers ADD COLUMN phone text; UPDATE customers SET phone = '1';
      DELETE FROM orders WHERE id > 300; CREATE TABLE notes (id int); ALTER TABLE customers ALTER name DROP NOT NULL`)
    equal((await place.snap(['check'])).exitCode, 0)
  })

  test('without a configuration, losing more than half a table, a table or a column is an alarm', async () => {
    const place = await placeWith()
    await place.database.query(WRECKAGE)
    const { exitCode, stdout } = await place.snap(['check'])
    equal(exitCode, 1)
    deepEqual(stdout.split('\n').slice(3), [
      '  TABLE_GONE public.alembic_version is gone, and its 1 row with it',
      '  COLUMN_GONE column email of public.customers is gone',
      '  ROWS_LOST public.orders lost 60 % of its rows, from 500 rows to 200; the rules allow 50 %',
      '',
    ])
  })

  test('rules of the configuration are applied to what they name', async () => {
    const place = await placeWith(
      configOf({
        default: { maxLossPercent: false, mayGo: true },
        tables: {
          orders: { maxLossPercent: 10 },
          'public.c*': { mayLoseColumns: true, mayUpdate: false },
        },
        alarmIf: ['any.rows = 0', 'orders.deleted > before * 50%', 'customers.columns < before'],
      }),
    )
    await place.database.query(WRECKAGE)
    await place.database.query(`UPDATE customers SET name = 'x' WHERE id < 4`)
    deepEqual(await alarmsOf(place), [
      ['ROWS_UPDATED', 'public.customers'],
      ['ROWS_LOST', 'public.orders'],
      ['CONDITION_MET', 'public.alembic_version'],
      ['CONDITION_MET', 'public.orders'],
      ['CONDITION_MET', 'public.customers'],
    ])
  })

  test('partitions, generated columns and tables without a key are seen as they are', async () => {
    const place = await placeWith(
      configOf({ tables: { log: { mayDelete: false }, bag: { mayUpdate: false } } }),
      `CREATE TABLE log (at int, note text) PARTITION BY RANGE (at);
       CREATE TABLE log_old PARTITION OF log FOR VALUES FROM (0) TO (100);
       CREATE TABLE log_new PARTITION OF log FOR VALUES FROM (100) TO (200);
       INSERT INTO log SELECT n, 'x' FROM generate_series(1, 150) AS n;
       CREATE TABLE bag (a int, b int GENERATED ALWAYS AS (a * 2) STORED);
       INSERT INTO bag (a) SELECT n FROM generate_series(1, 10) AS n;`,
    )
    await place.database.query('DELETE FROM log WHERE at = 5; UPDATE bag SET a = 0 WHERE a = 1')
    deepEqual(await alarmsOf(place), [
      ['ROWS_DELETED', 'public.bag'],
      ['ROWS_DELETED', 'public.log'],
    ])
    await place.database.query('ALTER TABLE bag DROP COLUMN b; DROP TABLE log_old')
    deepEqual(await alarmsOf(place), [
      ['COLUMN_GONE', 'public.bag'],
      ['ROWS_DELETED', 'public.bag'],
      ['ROWS_LOST', 'public.log'],
      ['ROWS_DELETED', 'public.log'],
      ['TABLE_GONE', 'public.log_old'],
    ])
  })

  test('before the first commit there is nothing to compare with', async () => {
    const { snap, succeed } = await newWorkplace(allMajors.at(-1)!)
    await succeed(['init'])
    equal((await snap(['check'])).exitCode, 2)
  })
})

describe('pending migrations', () => {
  const MIGRATIONS = {
    'snap.config.json': '{ "migrations": ["db/*"] } // where they are',
    'db/001_old.sql': 'DROP TABLE customers;',
    'db/002_now.up.sql': 'CREATE TABLE scratch (id int);',
    'db/002_now.down.sql': 'DROP TABLE scratch;',
    'db/003_next.sql':
      'TRUNCATE scratch;\nALTER TABLE orders ALTER total TYPE numeric(12, 2), ALTER customer_id TYPE smallint;\nDROP TABLE customers;\n',
  }
  const WITH_TOOL = `${SMALL_SHOP} CREATE TABLE schema_migrations (version text PRIMARY KEY); INSERT INTO schema_migrations VALUES ('001');`

  test('are those the tool has not applied, in a row, judged by the tables that are there', async () => {
    const { snap } = await placeWith(MIGRATIONS, WITH_TOOL)
    const { exitCode, stdout } = await snap(['check', '--pending'])
    equal(exitCode, 1)
    deepEqual(stdout.split('\n'), [
      '2 alarms',
      '',
      'SQL: what 2 files would take away',
      '  db/003_next.sql:2:59: TYPE_NARROWED column customer_id of orders goes from integer to smallint, which fails at the first value that does not fit (500 rows in HEAD)',
      '      ALTER TABLE orders ALTER total TYPE numeric(12, 2), ALTER customer_id TYPE smallint',
      '  db/003_next.sql:3:1: DROP_TABLE table customers is dropped with its rows (100 rows in HEAD)',
      '      DROP TABLE customers',
      '  not looked into: db/001_old.sql (applied: schema_migrations is at 001)',
      '  not looked into: db/002_now.down.sql (run only to go back)',
      '',
    ])
  })

  test('are checked with everything else when nothing is said', async () => {
    const { json, snap } = await placeWith(MIGRATIONS, WITH_TOOL)
    equal((await snap(['check'])).exitCode, 1)
    const { rules, sql } = JSON.parse((await snap(['--json', 'check'])).stdout)
    equal(rules.alarms.length, 0)
    deepEqual(
      sql.files.map(({ file, status }: { file: string; status: string }) => [file, status]),
      [
        ['db/001_old.sql', 'applied'],
        ['db/002_now.down.sql', 'wayBack'],
        ['db/002_now.up.sql', 'checked'],
        ['db/003_next.sql', 'checked'],
      ],
    )
    // Only what is asked for is done.
    equal((await json(['check', '--rules'])).sql, null)
  })
})

test('with the database down, an age and files are checked, and everything else ends with 6', async () => {
  const { snap } = await placeWith({ 'up.sql': 'ALTER TABLE customers ALTER id TYPE bigint' })
  const down = ['--database', 'postgres://nobody@127.0.0.1:1/none', 'check']
  // The clock of the test stands still, and the commit has the server's date.
  equal((await snap([...down, '--max-age', '1h'])).exitCode, 0)
  equal((await snap([...down, 'up.sql'])).exitCode, 0)
  equal((await snap(down)).exitCode, 6)
  equal((await snap([...down, '--rules', '--max-age', '1h'])).exitCode, 6)
})
