/**
 * `snap import` on what the native pg_dump writes. The witness is a commit of the database
 * that the native tools restore from the same dump: it must have the same rows in the same chunks.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, test } from 'vitest'
import { compress } from 'zstd-napi'
import { allMajors, createDatabase, databaseUrl, serverOf } from '../support/postgres.ts'
import { dumpWith } from '../support/witness.ts'
import { contentsOf } from './commit-contents.ts'
import { newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const run = promisify(execFile)
const nativeMajor = await run('pg_dump', ['--version']).then(
  ({ stdout }) => Number(/\) (\d+)/.exec(stdout)?.[1]),
  () => 0,
)
const major = allMajors.filter((each) => each <= nativeMajor).at(-1)

const TABLES = `
  CREATE TYPE mood AS ENUM ('ok', 'bad;');
  CREATE SCHEMA "Odd ""name";
  CREATE TABLE items (id serial PRIMARY KEY, name text NOT NULL, mood mood, price numeric(8,2) CHECK (price >= 0), raw bytea);
  INSERT INTO items (name, mood, price, raw) SELECT E'item\\t' || n || E'\\n;\\\\.', 'bad;', n, '\\x00ff' FROM generate_series(1, 5000) AS n;
  CREATE TABLE "Odd ""name"."order" (id int REFERENCES items, at timestamptz DEFAULT now(), note text) PARTITION BY RANGE (id);
  CREATE TABLE "Odd ""name".p1 PARTITION OF "Odd ""name"."order" FOR VALUES FROM (1) TO (100);
  INSERT INTO "Odd ""name"."order" SELECT n, '2024-01-01', NULL FROM generate_series(1, 99) AS n;
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM items;
  CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 1; SELECT 2 * n $$;
  CREATE INDEX ON items (twice(id));
  ALTER TABLE items OWNER TO import_owner;
  GRANT SELECT ON items TO import_reader;
  ALTER TABLE items ENABLE ROW LEVEL SECURITY;
  CREATE POLICY mine ON items TO import_reader USING (true);
  CREATE TABLE nothing ();
`

test.runIf(major === undefined)('no native pg_dump reads a server of this run', () => {
  equal(process.env.CI, undefined, 'CI must have one')
})

describe.runIf(major !== undefined)(`dumps of PostgreSQL ${major}`, () => {
  const newShop = async () => {
    const database = await createDatabase(major!)
    for (const role of ['import_owner', 'import_reader']) {
      await database.query(
        `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN END $$`,
      )
    }
    await database.query(TABLES)
    return database
  }
  const dump = (url: string, path: string, args: string[]) =>
    run('pg_dump', [...args, `--file=${path}`, url])

  test('every format gives the commit that the restored database gives, at the time of the dump', async () => {
    const shop = await newShop()
    const place = await newWorkplace(major!, '')
    await place.succeed(['init'])
    const path = (name: string) => join(place.directory, name)
    await dump(shop.url, path('a.sql'), [])
    await dump(shop.url, path('b.sql'), ['--create', '--inserts', '--verbose'])
    await dump(shop.url, path('c.dump'), ['-Fc'])
    await dump(shop.url, path('d.dump'), ['-Fc', '-Z0'])
    await dump(shop.url, path('e'), ['-Fd', '-j2'])
    await dump(shop.url, path('f'), ['-Fd', '-Z0'])
    await dump(shop.url, path('g.dump'), ['-Fc', '--inserts'])
    await writeFile(path('a.sql.gz'), gzipSync(await readFile(path('a.sql'))))
    await utimes(path('a.sql'), 1e9, 1e9)
    await utimes(path('a.sql.gz'), 1.1e9, 1.1e9)

    const files = ['c.dump', 'd.dump', 'e', 'f', 'g.dump', 'b.sql', 'a.sql.gz', 'a.sql']
    const { branch, imported } = await place.json(['import', ...files])
    equal(branch, 'imported')
    equal(imported[0].file, 'a.sql')
    equal(imported[0].createdAt, '2001-09-09T01:46:40.000Z')
    equal(imported[1].file, 'a.sql.gz')
    for (const { createdAt } of imported.slice(2)) {
      equal(Math.abs(Date.now() - Date.parse(createdAt)) < 600_000, true, createdAt)
    }

    // The native pg_restore, into a server of the version that the import runs on where there is one.
    const restored = await createDatabase(allMajors.at(-1)!)
    await restored.query(
      ['import_owner', 'import_reader']
        .map(
          (role) => `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN END $$;`,
        )
        .join(''),
    )
    await run('pg_restore', ['--dbname', restored.url, path('c.dump')])
    const { commitId } = await place.json(['--database', restored.url, 'commit', '-m', 'restored'])
    const expected = await contentsOf(place.directory, commitId)
    for (const one of imported) {
      const found = await contentsOf(place.directory, one.commitId)
      deepEqual(found.tables, expected.tables, one.file)
      deepEqual(found.sequences, expected.sequences, one.file)
      if (restored.majorVersion === 18) {
        deepEqual(found.schemaEntries, expected.schemaEntries, one.file)
      }
    }
    // The same facts, whatever OIDs the scratch databases had: a later dump does not store them again.
    const catalogs = await Promise.all(
      imported.map(async ({ commitId: id }: { commitId: string }) => {
        const { commit } = await place.json(['show', id])
        return commit.catalog
      }),
    )
    deepEqual(new Set(catalogs.map((catalog) => catalog.rootId)).size, 1)
    match(await place.succeed(['log', 'imported']), /^Date: {7}2001-09-09/m)
  })

  test('on a server of your own, what needs roles it has not is left out and told', async () => {
    const shop = await newShop()
    const place = await newWorkplace(allMajors.at(-1)!, '')
    await place.succeed(['init'])
    await dump(shop.url, join(place.directory, 'a.sql'), [])
    const sql = (await readFile(join(place.directory, 'a.sql'), 'utf8'))
      .replaceAll('import_owner', 'nobody_here')
      .replace(/^CREATE POLICY.*$/m, '')
    await writeFile(join(place.directory, 'a.sql'), `\\restrict abc\n${sql}\\unrestrict abc\n`)
    // A role of its own, because others import on this server at the same time.
    await place.database.query('CREATE ROLE import_left_out LOGIN SUPERUSER')
    const own = databaseUrl(serverOf(allMajors.at(-1)!), place.database.name, 'import_left_out')
    const { imported } = await place.json(['import', 'a.sql', '--scratch', own])
    equal(imported[0].leftOut.length > 0, true)
    const names = await place.database.query(
      "SELECT FROM pg_database WHERE datdba = 'import_left_out'::regrole",
    )
    deepEqual(names, [])
    await place.database.query('DROP ROLE import_left_out')
  })

  test('what is damaged, or no dump of one database, is refused by name, and no branch is made', async () => {
    const shop = await newShop()
    const place = await newWorkplace(major!, '')
    await place.succeed(['init'])
    const path = (name: string) => join(place.directory, name)
    await dump(shop.url, path('good.dump'), ['-Fc'])
    await dump(shop.url, path('good.sql'), [])
    const [archive, sql] = [await readFile(path('good.dump')), await readFile(path('good.sql'))]
    await dump(shop.url, path('good.tar'), ['-Ft'])
    const tar = await readFile(path('good.tar'))
    await writeFile(path('cut.tar'), tar.subarray(0, tar.length - 5000))
    const reordered = Buffer.from(tar)
    reordered.write('other.md', 0)
    await writeFile(path('flipped.tar'), reordered)
    await writeFile(path('older.dump'), Buffer.from(archive).fill(12, 6, 7))
    await writeFile(path('newer.dump'), Buffer.from(archive).fill(17, 6, 7))
    const encoding = archive.indexOf("'UTF8'")
    const ascii = Buffer.from(archive)
    ascii.write("'EUCX'", encoding)
    await writeFile(path('encoding.dump'), ascii)
    await writeFile(path('cut.dump'), archive.subarray(0, archive.length - 2000))
    await writeFile(path('short.dump'), archive.subarray(0, 500))
    const flipped = Buffer.from(archive)
    flipped[flipped.length - 3000]! ^= 0xff
    await writeFile(path('flipped.dump'), flipped)
    const copyAt = sql.indexOf('COPY ')
    await writeFile(path('cut.sql'), sql.subarray(0, copyAt + 2000))
    // What stands before the cut is complete in itself: whole statements, whole tables.
    await writeFile(path('between.sql'), sql.subarray(0, sql.indexOf('--\n', copyAt)))
    await writeFile(path('end.sql'), sql.subarray(0, sql.lastIndexOf('database dump complete')))
    await writeFile(path('utf16.sql'), `\ufeff${sql.toString()}`, 'utf16le')
    await writeFile(path('empty.sql'), '')
    await writeFile(
      path('future.sql'),
      '--\n-- Dumped from database version 99.1\n-- Dumped by pg_dump version 99.1\nSET new_in_99 = on;\n',
    )
    await dump(shop.url, path('dir'), ['-Fd'])
    const rows = (await readdir(path('dir'))).filter((name) => name !== 'toc.dat')
    for (const name of rows) await rm(join(path('dir'), name))
    await writeFile(path('cut.sql.gz'), gzipSync(sql).subarray(0, 3000))
    await writeFile(
      path('all.sql'),
      '--\n-- PostgreSQL database cluster dump\n--\nCREATE ROLE ada;\n',
    )
    await writeFile(path('two.sql'), '--\n\\connect a\n\\connect b\n')
    await writeFile(path('meta.sql'), '--\n\\! date\n')
    await writeFile(path('ascii.sql'), "--\nSET client_encoding = 'SQL_ASCII';\n")
    await writeFile(path('cut.sql.zst'), compress(sql).subarray(0, 3000))
    await writeFile(path('fails.sql'), '--\nCREATE EXTENSION nowhere;\n')
    await writeFile(path('photo.jpg'), Buffer.from([0xff, 0xd8, 0xff]))
    const cases: [file: string, says: RegExp][] = [
      ['cut.tar', /it ends too early/],
      ['flipped.tar', /a header in the tar file is/],
      ['older.dump', /its version is 1\.12\nhint: make a plain dump of it: pg_restore/],
      ['newer.dump', /its version is 1\.17/],
      ['encoding.dump', /its encoding is EUCX\nhint: make a plain dump/],
      ['cut.dump', /ends too early|ends before|damaged/],
      ['short.dump', /it ends too early/],
      ['flipped.dump', /damaged|ends too early|invalid/],
      ['cut.sql', /ends within the rows of \S.*\nhint: the file is cut off/],
      ['between.sql', /ends before its last comment, '-- PostgreSQL database dump complete'/],
      ['end.sql', /ends before its last comment/],
      ['utf16.sql', /it is UTF-16.*\nhint: .*--file/],
      ['empty.sql', /it is empty/],
      [
        'future.sql',
        /new_in_99.*\nhint: the dump is of PostgreSQL 99\.1, and the server .* is \d+:/,
      ],
      ['dir', /cannot import 'dir\/\d+\.dat\.gz': ENOENT/],
      ['cut.sql.gz', /damaged/],
      ['all.sql', /line 4: it is about roles or tablespaces/],
      ['two.sql', /line 3: it holds more than one database/],
      ['meta.sql', /\\! is a command of psql/],
      ['ascii.sql', /line 2: its encoding is SQL_ASCII/],
      ['cut.sql.zst', /it is damaged/],
      ['fails.sql', /line 2: .*nowhere/],
      ['photo.jpg', /it is no dump of pg_dump/],
      ['gone.dump', /ENOENT/],
    ]
    // A user of its own: others import on this server meanwhile.
    await place.database.query(
      'DO $$ BEGIN CREATE ROLE import_damaged LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN END $$',
    )
    const own = databaseUrl(serverOf(major!), place.database.name, 'import_damaged')
    for (const [file, says] of cases) {
      const argv = ['import', file, '--scratch', own]
      const { exitCode, stderr } = await place.snap(argv)
      equal(exitCode, 2, `${file}: ${stderr}`)
      match(stderr, says)
    }
    match((await place.snap(['log', 'imported'])).stderr, /unknown revision/)
    const left = await place.database.query(
      "SELECT FROM pg_database WHERE datdba = 'import_damaged'::regrole",
    )
    deepEqual(left, [])
  })
})

test('rows as INSERT from the newest server give the commit of the database that was dumped', async () => {
  const newest = allMajors.at(-1)!
  const place = await newWorkplace(newest)
  await place.succeed(['init'])
  const sql = await dumpWith(newest, place.database.url)
  await writeFile(join(place.directory, 'shop.sql'), `\\restrict abc\n${sql}\n\\unrestrict abc\n`)
  const { imported } = await place.json(['import', 'shop.sql', '--branch', 'old/backups'])
  const { commitId } = await place.json(['commit', '-m', 'now'])
  const diff = await place.json(['diff', imported[0].commitId, commitId])
  equal(diff.isEqual ?? diff.diff?.isEqual, true)
  match(await place.succeed(['show', 'old/backups']), /^ {4}import shop\.sql$/m)
  const copy = `imported_${process.pid}`
  await place.succeed(['checkout', 'old/backups', '--into', copy])
  await place.database.query(`DROP DATABASE ${copy}`)
  const again = await place.json(['import', 'shop.sql', '--branch', 'old/backups'])
  const { commit } = await place.json(['show', again.imported[0].commitId])
  deepEqual(commit.parentIds, [imported[0].commitId])
})

test('an imported commit is checked out over the database of its name, without --force', async () => {
  const newest = allMajors.at(-1)!
  const place = await newWorkplace(newest)
  await place.succeed(['init'])
  const before = await readShop(place.database)
  const sql = await dumpWith(newest, place.database.url)
  await writeFile(join(place.directory, 'backup-1.sql'), sql)
  const { imported } = await place.json(['import', 'backup-1.sql'])
  await place.database.query(WRECKAGE)

  match(await place.succeed(['show', 'imported']), /imported: on which system is not known/)
  const { stdout } = await place.snap(['checkout', 'imported', '--dry-run'])
  match(stdout, /warning: .*only the name tells that it is of this database/)
  await place.succeed(['checkout', 'imported', '--yes'])
  deepEqual(await readShop(place.database), before)

  const { commit } = await place.json(['show', imported[0].commitId])
  equal(commit.database.name, place.database.name)
  deepEqual(
    [commit.database.oid, commit.database.systemIdentifier, commit.database.lsn],
    [0, null, null],
  )
  const other = await createDatabase(newest)
  const refused = await place.snap(['--database', other.url, 'checkout', 'imported', '--yes'])
  equal(refused.exitCode, 7)
  match(refused.stderr, /the commit was made of/)
})
