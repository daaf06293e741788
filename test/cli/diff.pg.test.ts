import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdtemp, readdir, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, vi } from 'vitest'
import { allMajors, createDatabase, oldestAndNewestMajor } from '../support/postgres.ts'
import { newWorkplace, type Workplace, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** A shop with one commit. */
async function committedPlace(majorVersion = newestMajor): Promise<Workplace> {
  const place = await newWorkplace(majorVersion)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  return place
}

const EDITS = `
  UPDATE customers SET name = 'Ada', email = NULL WHERE id = 7;
  DELETE FROM orders WHERE id > 498;
  INSERT INTO customers VALUES (101, E'a "b",\\n\\ttab', '');
`

describe('snap status', () => {
  test('says that nothing has changed, and ends with 0', async () => {
    const { snap } = await committedPlace()
    const { exitCode, stdout } = await snap(['status'])
    equal(exitCode, 0)
    match(stdout, /^Nothing has changed in database test_\S+ since HEAD \([0-9a-f]{12}\)\n$/)
  })

  test('counts rows per table, names schema entries and sequences, and ends with 1', async () => {
    const { database, snap } = await committedPlace()
    await database.query(EDITS)
    await database.query(
      `CREATE INDEX by_name ON customers (name); SELECT nextval('orders_id_seq')`,
    )
    const { exitCode, stdout } = await snap(['status'])
    equal(exitCode, 1)
    deepEqual(stdout.split('\n').slice(2), [
      'table             inserted  deleted  updated',
      'public.customers         1        0        1',
      'public.orders            0        2        0',
      '',
      'Schema (+ added, - removed, ~ changed):',
      '  + INDEX public.by_name',
      '',
      'Sequences:',
      '  public.orders_id_seq: 500 -> 501',
      '',
    ])
  })

  test('names the other name of a table that was renamed or moved, and knows it from a new one', async () => {
    const { database, snap } = await committedPlace()
    await database.query(`
      CREATE SCHEMA old;
      ALTER TABLE orders RENAME TO bookings;
      ALTER TABLE alembic_version SET SCHEMA old;
      CREATE TABLE orders (id int)`)
    const { stdout } = await snap(['status'])
    deepEqual(stdout.split('\n').slice(3, 7), [
      'old.alembic_version            1        0        0  renamed from public.alembic_version',
      'public.alembic_version         0        1        0  renamed to old.alembic_version',
      'public.bookings              500        0        0  renamed from public.orders',
      'public.orders                  0      500        0  columns -customer_id -total; rows compared in the others; no key: updated rows count twice',
    ])
  })

  test('--table chooses tables as psql does, and says nothing of the rows of others', async () => {
    const { database, snap } = await committedPlace()
    await database.query(`${EDITS} CREATE TABLE "Customers" (id int)`)
    const { stdout } = await snap(['--json', 'status', '--table', 'public.c*', '--table', '"C"*'])
    deepEqual(
      JSON.parse(stdout).tables.map(({ name }: { name: string }) => name),
      ['Customers', 'customers'],
    )
    equal((await snap(['status', '--table', 'CUSTOMERS'])).exitCode, 1)
  })

  test('does not call rows different that were written again as they were', async () => {
    const { database, snap } = await committedPlace()
    await database.query('UPDATE customers SET name = name')
    equal((await snap(['status'])).exitCode, 0)
  })

  test('leaves nothing in the store or in the temporary directory', async () => {
    const { database, directory, snap } = await committedPlace()
    const storeFiles = () => readdir(`${directory}/.snap`, { recursive: true })
    const before = await storeFiles()
    await database.query(EDITS)
    // Its own, as other tests run at the same time.
    const temporary = await mkdtemp(join(tmpdir(), 'snap-test-'))
    vi.stubEnv('TMPDIR', temporary)
    try {
      await snap(['status'])
    } finally {
      vi.unstubAllEnvs()
    }
    deepEqual(await storeFiles(), before)
    deepEqual(await readdir(temporary), [])
    await rmdir(temporary)
  })

  test('before the first commit there is nothing to compare with', async () => {
    const { snap, succeed } = await newWorkplace(newestMajor)
    await succeed(['init'])
    equal((await snap(['status'])).exitCode, 2)
  })
})

describe('snap diff', () => {
  test('between two commits needs no database', async () => {
    const { database, snap, succeed } = await committedPlace()
    await database.query(WRECKAGE)
    await succeed(['commit', '-m', 'after'])
    await database.drop()
    for (const how of ['--stat', '--rows', '--schema', '--sql']) {
      const { exitCode, stdout, stderr } = await snap(['diff', 'HEAD~1', 'HEAD', how])
      deepEqual({ exitCode, stderr }, { exitCode: 1, stderr: '' })
      equal(stdout === '', false)
      deepEqual((await snap(['diff', 'HEAD', 'HEAD', how])).exitCode, 0)
    }
  })

  test('--rows shows key, column, before and after', async () => {
    const { database, snap } = await committedPlace()
    await database.query(EDITS)
    const { exitCode, stdout } = await snap(['diff', '--rows', '--table', 'customers'])
    equal(exitCode, 1)
    deepEqual(stdout.split('\n'), [
      'public.customers',
      '   key     column  before         after',
      '~  id=7    name    customer 7     Ada',
      '~  id=7    email   7@example.org  null',
      String.raw`+  id=101                         id=101 name=a "b",\n\ttab email=''`,
      '',
    ])
  })

  test('--rows --format csv has one line a column, as COPY would quote it', async () => {
    const { database, snap } = await committedPlace()
    await database.query(EDITS)
    const { stdout } = await snap(['diff', '--rows', '--format', 'csv', '--table', 'c*'])
    equal(
      stdout,
      [
        'table,change,key,column,before,after',
        'public.customers,updated,"{""id"":""7""}",name,customer 7,Ada',
        'public.customers,updated,"{""id"":""7""}",email,7@example.org,',
        'public.customers,inserted,"{""id"":""101""}",id,,101',
        'public.customers,inserted,"{""id"":""101""}",name,,"a ""b"",\n\ttab"',
        'public.customers,inserted,"{""id"":""101""}",email,,""',
        '',
      ].join('\n'),
    )
  })

  test('--rows as JSON is one row a line', async () => {
    const { database, snap } = await committedPlace()
    await database.query(EDITS)
    const { stdout } = await snap(['--json', 'diff', '--rows', '--table', 'public.orders'])
    deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [499, 500].map((id) => ({
        table: 'public.orders',
        change: 'deleted',
        key: { id: String(id) },
        columns: ['id', 'customer_id', 'total'],
        before: {
          id: String(id),
          customer_id: String(1 + (id % 100)),
          total: `${(id * 1.5).toFixed(2)}`,
        },
        after: null,
      })),
    )
  })

  test('--schema is a unified diff of each entry', async () => {
    const { database, snap } = await committedPlace()
    await database.query(
      'ALTER TABLE customers DROP COLUMN email; CREATE INDEX by_name ON customers (name)',
    )
    const { stdout } = await snap(['diff', '--schema'])
    deepEqual(stdout.split('\n'), [
      '--- TABLE public.customers',
      '+++ TABLE public.customers',
      '@@ -1,6 +1,5 @@',
      ' -- owner: postgres',
      ' CREATE TABLE public.customers (',
      '     id integer NOT NULL,',
      '-    name text NOT NULL,',
      '-    email text',
      '+    name text NOT NULL',
      ' );',
      '--- (none)',
      '+++ INDEX public.by_name',
      '@@ -0,0 +1,2 @@',
      '+-- owner: postgres',
      '+CREATE INDEX by_name ON public.customers USING btree (name);',
      '',
    ])
  })

  test('says which columns are new or gone, and compares rows in the others', async () => {
    const { database, snap } = await committedPlace()
    await database.query(`ALTER TABLE customers DROP COLUMN email; ALTER TABLE customers ADD age int DEFAULT 3;
      UPDATE customers SET name = 'Ada' WHERE id = 7`)
    const { exitCode, stdout } = await snap(['--json', 'diff'])
    equal(exitCode, 1)
    const { tables } = JSON.parse(stdout)
    deepEqual(tables, [
      {
        namespace: 'public',
        name: 'customers',
        change: 'changed',
        renamed: null,
        rowCountBefore: 100,
        rowCountAfter: 100,
        columns: { common: ['id', 'name'], onlyBefore: ['email'], onlyAfter: ['age'] },
        keyColumns: ['id'],
        rows: { deleted: 0, inserted: 0, updated: 1 },
      },
    ])
  })

  test('two ways of showing at once are refused, and so is a format without rows', async () => {
    const { snap } = await committedPlace()
    equal((await snap(['diff', '--rows', '--sql'])).exitCode, 2)
    equal((await snap(['diff', '--format', 'csv'])).exitCode, 2)
  })
})

oldestAndNewestMajor((majorVersion) => {
  test('the statements of --sql make the second state of the first', async () => {
    const { database, snap, succeed } = await committedPlace(majorVersion)
    const copy = await createDatabase(majorVersion, { template: database.name })
    await database.query(`${EDITS}
      CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body json, at point);
      INSERT INTO notes (body, at) VALUES ('{"a": 1}', '(1,2)'), (E'"\\\\u0007 \\\\\\\\ ''"', NULL);
      CREATE TABLE bag (t text); INSERT INTO bag VALUES ('x'), ('x'), (E'\\r\\u0007\\\\ ''q''');
      CREATE INDEX by_name ON customers (name);
      DROP VIEW spending;
      DELETE FROM orders WHERE customer_id = 3; UPDATE orders SET total = total + 1 WHERE id < 5;`)
    await succeed(['commit', '-m', 'after'])

    const { stdout } = await snap(['diff', 'HEAD~1', 'HEAD', '--sql'])
    await copy.query(stdout)

    const { exitCode, stdout: rest } = await snap(['diff', '--rows', '--database', copy.url])
    deepEqual({ exitCode, rest }, { exitCode: 0, rest: '' })
    equal((await snap(['status', '--database', copy.url])).exitCode, 0)
  })
})
