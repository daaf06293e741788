/** `snap import` of files of rows, one a table, as exports leave them. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'vitest'
import { allMajors, databaseUrl, serverOf } from '../support/postgres.ts'
import { contentsOf } from './commit-contents.ts'
import { environment } from './run-snap.ts'
import { newWorkplace, type Workplace } from './workplace.ts'

const newest = allMajors.at(-1)!

const TABLES = `
  CREATE TYPE mood AS ENUM ('ok', 'bad');
  CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, tags text[], seen timestamptz, mood mood DEFAULT 'ok');
  CREATE TABLE countries (code text PRIMARY KEY);
  CREATE SCHEMA sales;
  CREATE TABLE sales.orders (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id int NOT NULL REFERENCES users,
    country text REFERENCES countries,
    total numeric(8,2) CHECK (total >= 0),
    twice numeric GENERATED ALWAYS AS (total * 2) STORED,
    note text
  );
  CREATE TABLE events (at date, what jsonb) PARTITION BY RANGE (at);
  CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.name := upper(new.name); RETURN new; END $$;
  CREATE TRIGGER loud BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION shout();
`

/** The rows of the files of `writeExport`, as SQL. */
const ROWS = `
  SET session_replication_role = replica;
  INSERT INTO users VALUES (1, 'Ann, "the first"', '{a,"b c"}', '2024-03-10 10:00+00', 'bad'), (2, E'two\\nlines', NULL, NULL, 'ok');
  INSERT INTO sales.orders OVERRIDING SYSTEM VALUE VALUES (7, 2, NULL, 12.50, DEFAULT, ''), (9, 1, 'NO', 0, DEFAULT, NULL);
  INSERT INTO events VALUES ('2024-05-01', '{"n": 12345678901234567890.10}');
  SELECT setval('users_id_seq', 2);
  SELECT setval('sales.orders_id_seq', 9);
`

async function writeExport(place: Workplace, directory: string): Promise<void> {
  const path = (name: string) => join(place.directory, directory, name)
  await mkdir(join(place.directory, directory))
  await writeFile(path('README.txt'), 'no rows')
  await writeFile(
    path('Users.csv'),
    'id,name,tags,seen,mood\n1,"Ann, ""the first""","{a,""b c""}",2024-03-10 06:00:00,bad\n2,"two\nlines",,,ok\n',
  )
  await writeFile(
    path('sales.orders.tsv.gz'),
    gzipSync('id\tuser_id\tcountry\ttotal\tnote\n7\t2\t\\N\t12.5\t""\n9\t1\tNO\t0\t\n'),
  )
  await writeFile(
    path('events.jsonl'),
    '{"at": "2024-05-01", "what": {"n": 12345678901234567890.10}}\n',
  )
  for (const name of ['Users.csv', 'sales.orders.tsv.gz', 'events.jsonl']) {
    await utimes(path(name), 1e9, name === 'events.jsonl' ? 1_600_000_000 : 1e9)
  }
}

async function newPlace(): Promise<Workplace> {
  const place = await newWorkplace(newest, TABLES)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'tables alone'])
  await writeExport(place, 'export')
  return place
}

test('a directory of exports is the commit of these tables that SQL with the same rows gives', async () => {
  const place = await newPlace()
  const zone = ['--time-zone', 'America/New_York']
  const { imported } = await place.json(['import', 'export', ...zone])
  equal(imported.length, 1)
  const [{ commitId, createdAt, tables, uncheckedForeignKeys }] = imported
  equal(createdAt, '2020-09-13T12:26:40.000Z')
  deepEqual(
    tables.map(({ file, namespace, name, rowCount }: Record<string, unknown>) => [
      file,
      `${namespace}.${name}`,
      rowCount,
    ]),
    [
      ['export/Users.csv', 'public.users', 2],
      ['export/events.jsonl', 'public.events', 1],
      ['export/sales.orders.tsv.gz', 'sales.orders', 2],
    ],
  )
  deepEqual(uncheckedForeignKeys, ['orders_country_fkey of sales.orders, into countries'])

  await place.database.query(ROWS)
  const patterns = ['public.users', 'sales.orders', 'public.events', 'public.events_2024']
  const { commitId: madeBySql } = await place.json([
    'commit',
    '-m',
    'as SQL',
    ...patterns.flatMap((pattern) => ['--table', pattern]),
  ])
  const expected = await contentsOf(place.directory, madeBySql)
  const found = await contentsOf(place.directory, commitId)
  deepEqual(found.tables, expected.tables)
  deepEqual(found.sequences, expected.sequences)
  deepEqual(found.schemaEntries, expected.schemaEntries)
  match(await place.succeed(['show', commitId]), /Selection: {2}only tables "public"\."events"/)

  // What no file is for stays when the commit is checked out.
  await place.database.query("INSERT INTO countries VALUES ('NO'); UPDATE users SET name = 'x'")
  await place.succeed(['checkout', commitId, '--yes'])
  deepEqual(
    await place.database.query(
      'SELECT (SELECT count(*)::int FROM countries), (SELECT min(name) FROM users) AS name',
    ),
    [{ count: 1, name: 'Ann, "the first"' }],
  )
})

test('rows that do not fit are listed of all files, and no commit is made unless they are left out', async () => {
  const place = await newPlace()
  const path = (name: string) => join(place.directory, name)
  await writeFile(path('u.csv'), 'id,name,mood\n1,a,ok\n1,b,ok\n3,c,glad\n4,,ok\n5,e\n6,f,ok\n')
  await writeFile(
    path('o.json'),
    '[{"id": 1, "user_id": 6, "total": 1}, {"id": 2, "user_id": 3, "total": 1}, {"id": 3, "user_id": 6, "total": -1}]',
  )
  const argv = ['import', 'u.csv', 'o.json', '--table', 'u.csv=users', '--table', 'o.json=orders']
  const wanted = [
    ['u.csv', 2, 'has the same key as row 1'],
    ['u.csv', 3, 'invalid input value for enum mood: "glad"'],
    ['u.csv', 4, 'null value in column "name" of relation "users" violates not-null constraint'],
    ['u.csv', 5, 'has 2 fields, and the header 3'],
    ['o.json', 3, 'new row for relation "orders" violates check constraint "orders_total_check"'],
    ['o.json', null, 'refers to a row that is not in users (orders_user_id_fkey)'],
  ]
  const listed = (rejected: { file: string; rowNumber: number | null; reason: string }[]) =>
    rejected.map(({ file, rowNumber, reason }) => [file, rowNumber, reason])

  const refused = await place.snap(['--json', ...argv, '--branch', 'bad'])
  equal(refused.exitCode, 7, refused.stderr)
  const { code, data } = JSON.parse(refused.stderr.trim().split('\n').at(-1)!)
  equal(code, 'LOAD_REJECTED')
  deepEqual(listed(data.rejected), wanted)
  match((await place.snap(['log', 'bad'])).stderr, /unknown revision/)

  const { exitCode, stdout } = await place.snap([
    '--json',
    ...argv,
    ...['--branch', 'bad', '--reject', 'rejected.csv', '--at', '2024-02-29'],
  ])
  equal(exitCode, 1)
  const { imported } = JSON.parse(stdout)
  deepEqual(listed(imported[0].rejected), wanted)
  equal(imported[0].createdAt, '2024-02-29T00:00:00.000Z')
  match(await place.succeed(['cat', 'bad:users', '--format', 'csv']), /^1,a,.*\n6,f,/m)
  equal(
    (await place.succeed(['cat', 'bad:sales.orders', '--format', 'csv'])).trim().split('\n').length,
    2,
  )
  const lines = (await readFile(path('rejected.csv'), 'utf8')).trim().split('\n')
  equal(lines.length, 7)
  match(lines[6]!, /^o\.json,,,refers to a row .*""user_id"": ?""3""/)
})

test('however many rows of how many files do not fit, all are in the file of rejected rows, or nothing is imported', async () => {
  const place = await newPlace()
  const path = (name: string) => join(place.directory, name)
  // Every third row is good; the others are found by their width, some by the server. A separator of
  // lines within a value is one that JSON does not take for an end.
  const users = Array.from({ length: 1_800 }, (_, i) => {
    if (i % 3 === 2) return `${i + 1},good,ok`
    return i % 30 === 0 ? `${i + 1},"a\u2028${'b'.repeat(999)}",sad` : `${i + 1}`
  })
  await writeFile(path('users.csv'), ['id,name,mood', ...users].join('\n'))
  const orders = Array.from({ length: 1_500 }, (_, i) => ({ id: i + 1, user_id: i < 2 ? 3 : 1 }))
  await writeFile(path('orders.json'), JSON.stringify(orders))
  const argv = [
    ...['import', 'users.csv', 'orders.json', 'countries.json'],
    ...['--table', 'orders.json=sales.orders'],
  ]
  const scratch = ['--scratch', place.database.url, '--branch', 'many']
  // No rows are nothing wrong, though nothing names the columns that a row would need.
  await writeFile(path('countries.json'), '[]')

  const refused = await place.snap([...argv, ...scratch])
  equal(refused.exitCode, 7)
  match(refused.stderr, /^fatal: nothing was imported: more than 1000 rows of 'users\.csv' do not/m)
  const onlyOrders = ['import', 'orders.json', 'few.csv', '--table', 'orders.json=sales.orders']
  await writeFile(path('few.csv'), 'id,name\n3,c\n')
  const broken = await place.snap([...onlyOrders, '--table', 'few.csv=users', ...scratch])
  match(broken.stderr, /^fatal: nothing was imported: 1498 rows do not fit/m)
  // That a name is too long shows when the file is written: the rows are in, the branch is not.
  await writeFile(path('few.csv'), 'id,name\n3,c\n4\n')
  const few = ['import', 'few.csv', '--table', 'few.csv=users', ...scratch]
  const unwritable = await place.snap([...few, '--reject', 'r'.repeat(300)])
  equal(unwritable.exitCode, 8, unwritable.stderr)
  match(unwritable.stderr, /ENAMETOOLONG/)
  match((await place.snap(['log', 'many'])).stderr, /unknown revision/)

  const { exitCode, stdout, stderr } = await place.snap([
    '--json',
    ...argv,
    ...scratch,
    ...['--reject', 'r.csv'],
  ])
  equal(exitCode, 1, stderr)
  const [{ tables, rejected, rejectedCount }] = JSON.parse(stdout).imported
  deepEqual(
    tables.map(({ rowCount }: { rowCount: number }) => rowCount),
    [600, 2, 0],
  )
  deepEqual([rejectedCount, rejected.length], [1_200 + 1_498, 1_000])
  const lines = (await readFile(path('r.csv'), 'utf8')).trimEnd().split('\n')
  deepEqual(
    lines.slice(1, 1_201).map((line) => line.split(',', 3)),
    users.flatMap((row, i) => (/ok$/.test(row) ? [] : [['users.csv', `${i + 1}`, `${i + 2}`]])),
  )
  equal(lines[1]!.includes(`a\u2028${'b'.repeat(999)}`), true)
  deepEqual(
    lines
      .slice(1_201)
      .map((line) => /""id"": ?""(\d+)""/.exec(line)?.[1])
      .sort(),
    orders
      .slice(2)
      .map(({ id }) => `${id}`)
      .sort(),
  )
  const rowsOf = async (table: string) =>
    (await place.succeed(['cat', `many:${table}`, '--format', 'csv'])).trim().split('\n').length - 1
  deepEqual([await rowsOf('users'), await rowsOf('sales.orders')], [600, 2])
})

test('what is wrong with files as a whole is told before a row is read, and nothing is imported', async () => {
  const place = await newPlace()
  const path = (name: string) => join(place.directory, name)
  await writeFile(path('users.csv'), 'id,name,colour\n1,a,red\n')
  await writeFile(path('countries.csv'), 'land\nNO\n')
  await writeFile(path('nowhere.csv'), 'id\n1\n')
  await writeFile(path('users.json'), '[{"id": 1, "name": "a"}, {"id": 2, "na')
  await writeFile(path('events.csv'), 'at,what\n2024-05-01,"{""n"": 1')
  await writeFile(
    path('cut.csv.gz'),
    gzipSync(Buffer.alloc(5000, 'id,name\n1,a\n')).subarray(0, 30),
  )
  await mkdir(path('empty'))
  // A folder with the name of a file is left alone, a name that is not UTF-8 cannot be.
  await mkdir(path('latin1'))
  await mkdir(path('latin1/users.csv'))
  await writeFile(Buffer.from(path('latin1/caf\xe9.csv'), 'latin1'), 'id,name\n1,a\n')
  await writeFile(path('semicolons.csv'), 'id;name\n1;a\n')
  const cases: [argv: string[], exitCode: number, says: RegExp][] = [
    [
      ['users.csv', 'countries.csv'],
      2,
      /users\.csv: column 'colour' of the file is none of the table[\s\S]*countries\.csv: column 'land'/,
    ],
    [['nowhere.csv'], 2, /no table, or several, called 'nowhere' \(nowhere\.csv\)/],
    [['users.json'], 2, /users\.json.*after row 1/],
    [['events.csv'], 2, /events\.csv.*ends within a quoted field/],
    [['cut.csv.gz', '--table', 'cut.csv.gz=users'], 2, /cut\.csv\.gz.*damaged/],
    [['gone.csv'], 2, /gone\.csv.*ENOENT/],
    [[''], 2, /the name of a file is empty/],
    [['latin1'], 2, /cannot import 'latin1\/caf.\.csv': its name is not UTF-8/],
    [
      ['semicolons.csv', '--table', 'semicolons.csv=users'],
      2,
      /column 'id;name'[\s\S]*\nhint: fields seem to be separated by ';'/,
    ],
    [['empty'], 2, /directory without toc\.dat/],
    [['users.csv', 'users.json'], 2, /are both of table "public"\."users"/],
    [['export', 'users.csv', '--at', '2024-01-01'], 2, /--at is of one commit/],
    [['users.csv', '--table', 'user.csv=users'], 2, /is of none of the files/],
    [['users.csv', '--schema-from', 'v9'], 2, /unknown revision/],
  ]
  // A user of its own: others import on this server meanwhile.
  await place.database.query(
    'DO $$ BEGIN CREATE ROLE import_tables LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN END $$',
  )
  const own = databaseUrl(serverOf(newest), place.database.name, 'import_tables')
  for (const [argv, exitCode, says] of cases) {
    const outcome = await place.snap(['import', ...argv, '--branch', 'never', '--scratch', own])
    match(outcome.stderr, says)
    equal(outcome.exitCode, exitCode, outcome.stderr)
  }
  await place.database.query(
    `DO $$ BEGIN CREATE ROLE import_plain LOGIN CREATEDB; EXCEPTION WHEN duplicate_object THEN END $$`,
  )
  const scratch = databaseUrl(serverOf(newest), place.database.name, 'import_plain')
  const plain = await place.snap(['import', 'export', '--branch', 'never', '--scratch', scratch])
  equal(plain.exitCode, 2, plain.stderr)
  match(plain.stderr, /triggers cannot be kept from running.*\nhint: leave out --scratch/)
  match((await place.snap(['log', 'never'])).stderr, /unknown revision/)
  deepEqual(
    await place.database.query(
      "SELECT FROM pg_database WHERE datdba IN ('import_tables'::regrole, 'import_plain'::regrole)",
    ),
    [],
  )
})

test('a dump that says no name is named after its file where the project names no database, or several', async () => {
  const place = await newWorkplace(newest)
  await writeFile(join(place.directory, 'nameless.sql'), '-- By hand\nCREATE TABLE t (a int);\n')
  const options = { environment: environment() }
  await place.succeed(['init'], options)
  const nameOf = async (branch: string) => {
    const scratch = ['--scratch', place.database.url, '--branch', branch]
    const { imported } = await place.json(['import', 'nameless.sql', ...scratch], options)
    const { commit } = await place.json(['show', imported[0].commitId], options)
    return commit.database.name
  }
  equal(await nameOf('missing'), 'nameless')
  const service = (name: string, port: number) =>
    `  ${name}:\n    image: postgres:16\n    ports: ["${port}:5432"]\n    environment: { POSTGRES_PASSWORD: x, POSTGRES_DB: ${name} }\n`
  await writeFile(
    join(place.directory, 'compose.yaml'),
    `services:\n${service('one', 5555)}${service('two', 5556)}`,
  )
  match((await place.snap(['commit', '-m', 'x'], options)).stderr, /this project name 2 databases/)
  equal(await nameOf('several'), 'nameless')
})

test('a scratch database that a killed import left is dropped by the next, one in use is not', async () => {
  const place = await newPlace()
  const [abandoned, used] = ['snap_import_000000000abc', 'snap_import_0f00000000de']
  await place.database.query(`CREATE DATABASE ${abandoned}`)
  await place.database.query(`CREATE DATABASE ${used}`)
  const left = () =>
    place.database.query(
      "SELECT datname FROM pg_database WHERE datname IN ('snap_import_000000000abc', 'snap_import_0f00000000de')",
    )
  const argv = ['import', 'export', '--scratch', place.database.url]
  await place.database.withClient(async (client) => {
    await client.query(`SELECT pg_advisory_lock(${0x0f00000000de})`)
    await place.succeed(argv)
    deepEqual(await left(), [{ datname: used }])
  })
  await place.succeed(argv)
  deepEqual(await left(), [])
})
