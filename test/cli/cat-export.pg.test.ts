import { deepEqual, equal, match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, test } from 'vitest'
import { allMajors, createDatabase } from '../support/postgres.ts'
import { INTACT_SHOP, newWorkplace, readShop, type Workplace } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** A shop with one commit, and no database any more. */
async function storeAlone(): Promise<Workplace> {
  const place = await newWorkplace(newestMajor)
  await place.database.query(`
    CREATE SCHEMA "odd.one";
    CREATE TABLE "odd.one"."a:b" (n int, t text);
    INSERT INTO "odd.one"."a:b" VALUES (1, E'line\\nfeed'), (2, NULL), (3, '');`)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  await place.database.drop()
  return place
}

describe('snap cat', () => {
  test('prints CSV with a header, without a database', async () => {
    const { succeed } = await storeAlone()
    const lines = (await succeed(['cat', 'HEAD:customers'])).split('\n')
    deepEqual(lines.slice(0, 2), ['id,name,email', '1,customer 1,1@example.org'])
    equal(lines.length, 102)
  })

  test('prints JSON lines and COPY text; names are quoted as in SQL', async () => {
    const { succeed } = await storeAlone()
    const table = 'HEAD:"odd.one"."a:b"'
    equal(
      await succeed(['cat', table, '--format', 'jsonl']),
      '{"n":"1","t":"line\\nfeed"}\n{"n":"2","t":null}\n{"n":"3","t":""}\n',
    )
    equal(
      await succeed(['--json', 'cat', table]),
      await succeed(['cat', table, '--format', 'jsonl']),
    )
    equal(await succeed(['cat', table, '--format', 'copy']), '1\tline\\nfeed\n2\t\\N\n3\t\n')
    equal(await succeed(['cat', table]), 'n,t\n1,"line\nfeed"\n2,\n3,""\n')
  })

  test.each([['customers'], ['HEAD:nothing'], ['HEAD:public.'], ['HEAD:elsewhere.orders']])(
    '%s ends with 2',
    async (argument) => {
      const { snap } = await storeAlone()
      const { exitCode, stdout } = await snap(['cat', argument])
      deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' })
    },
  )
})

describe('snap export', () => {
  test('writes SQL that psql loads into an empty database', async () => {
    const { directory, succeed } = await storeAlone()
    await succeed(['export', '--output', 'shop.sql'])
    const copy = await createDatabase(newestMajor)
    await loadWithPsql(copy.url, join(directory, 'shop.sql'))
    deepEqual(await readShop(copy), INTACT_SHOP)
    equal(await succeed(['export']), await readFile(join(directory, 'shop.sql'), 'utf8'))
    equal((await stat(join(directory, 'shop.sql'))).mode & 0o777, 0o600)
  })

  test('a load that fails leaves the database empty', async () => {
    const { directory, succeed } = await storeAlone()
    await succeed(['export', '--output', 'shop.sql'])
    const copy = await createDatabase(newestMajor)
    // In the way of what comes last: by then all rows are loaded.
    await copy.query('CREATE VIEW spending AS SELECT 1 AS one')
    await loadWithPsql(copy.url, join(directory, 'shop.sql')).catch(() => {})
    deepEqual(
      await copy.query(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`),
      [{ relname: 'spending' }],
    )
  })

  test('writes a directory of CSV files and the schema', async () => {
    const { directory, json, succeed } = await storeAlone()
    const { fileCount } = await json(['export', '--format', 'directory', '--output', 'shop'])
    const files = (await readdir(join(directory, 'shop'))).sort()
    deepEqual(files, [
      'load.sql',
      'odd%2Eone.a%3Ab.csv',
      'public.alembic_version.csv',
      'public.customers.csv',
      'public.orders.csv',
      'schema.sql',
    ])
    equal(fileCount, files.length)
    equal(
      await readFile(join(directory, 'shop/public.orders.csv'), 'utf8'),
      await succeed(['cat', 'HEAD:orders']),
    )
    const copy = await createDatabase(newestMajor)
    await loadWithPsql(copy.url, join(directory, 'shop/schema.sql'))
    deepEqual(await copy.query('SELECT count(*) FROM customers'), [{ count: '0' }])
  })

  test('does not overwrite, and says where it has to be told', async () => {
    const { snap, succeed } = await storeAlone()
    await succeed(['export', '--output', 'shop.sql'])
    const again = await snap(['export', '--output', 'shop.sql'])
    equal(again.exitCode, 7)
    match(again.stderr, /^fatal: cannot write '\S+shop\.sql': it exists\nhint: /)
    equal((await snap(['export', '--output', 'no/such/place.sql'])).exitCode, 8)
    equal((await snap(['export', '--format', 'directory'])).exitCode, 2)
    equal((await snap(['--json', 'export'])).exitCode, 2)
  })
})

async function loadWithPsql(url: string, path: string): Promise<void> {
  await promisify(execFile)('psql', ['--no-psqlrc', '--quiet', `--dbname=${url}`, `--file=${path}`])
}
