/**
 * `snap migrate` on directories of SQL files. pg_dump says what is left of a run that failed.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { oldestAndNewestMajor } from '../support/postgres.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'
import type { RunOptions } from './run-snap.ts'
import { newWorkplace, type Workplace } from './workplace.ts'

const PHONE = 'ALTER TABLE customers ADD COLUMN phone text;\n'
const TAGS =
  "CREATE TABLE tags (id serial PRIMARY KEY, name text);\nINSERT INTO tags (name) VALUES ('a'), ('b');\n"

interface Place extends Workplace {
  write(files: Record<string, string | null>): Promise<void>
  /** Names in the history, in the order in which they were applied. */
  applied(table?: string): Promise<string[]>
}

async function newPlace(major: number, files: Record<string, string>): Promise<Place> {
  const place = await newWorkplace(major)
  const directory = join(place.directory, 'migrations')
  await mkdir(directory)
  const write: Place['write'] = async (changes) => {
    for (const [name, sql] of Object.entries(changes)) {
      if (sql === null) await rm(join(directory, name))
      else await writeFile(join(directory, name), sql)
    }
  }
  await write(files)
  await place.succeed(['init'])
  return {
    ...place,
    write,
    applied: async (table = 'public.snap_migrations') =>
      (await place.database.query(`SELECT name FROM ${table} ORDER BY position`)).map(
        ({ name }) => name,
      ),
  }
}

const statesOf = (files: { name: string; state: string }[]) =>
  Object.fromEntries(files.map(({ name, state }) => [name, state]))

oldestAndNewestMajor((major) => {
  const dump = ({ database }: Place) => dumpWith(major, database.url)

  test('pending files are applied in order, once; the way back is printed and works', async () => {
    const place = await newPlace(major, { '2_tags.sql': TAGS, '10_more.sql': 'DROP TABLE tags;' })
    await place.write({ '1_phone.sql': `\uFEFFBEGIN;\n${PHONE}COMMIT;\n` })
    const before = await dump(place)

    const first = await place.snap(['migrate'])
    equal(first.exitCode, 0, first.stderr)
    match(first.stderr, /^Guard commit [0-9a-f]{12} \(operation \d+, /m)
    match(first.stderr, /^Migration: {2}snap no table -> 10_more\.sql$/m)
    match(first.stderr, /^To return to the state before: snap rollback \d+$/m)
    equal(first.stdout, '3 migrations applied\n')
    deepEqual(await place.applied(), ['1_phone.sql', '2_tags.sql', '10_more.sql'])
    equal(await place.succeed(['migrate']), 'Nothing to migrate: 3 migrations applied\n')

    await place.succeed(['commit', '-m', 'now'])
    match(await place.succeed(['log', '-n', '1']), /^Migration: {2}snap 10_more\.sql$/m)
    match(await place.succeed(['ops']), /snap migrate/)
    await place.succeed(['rollback', /snap rollback (\d+)/.exec(first.stderr)![1]!, '-y'])
    equal(describeDifference(before, await dump(place)), undefined)
    deepEqual(statesOf((await place.json(['migrate', '--no-report'])).files), {
      '1_phone.sql': 'pending',
      '2_tags.sql': 'pending',
      '10_more.sql': 'pending',
    })
  })

  test('other datastores are in the guard commit, and the report knows them as they are', async () => {
    const place = await newPlace(major, { '1_tags.sql': TAGS })
    const settings = { sources: { uploads: { files: { root: 'uploads' } } } }
    await writeFile(join(place.directory, 'snap.config.json'), JSON.stringify(settings))
    await mkdir(join(place.directory, 'uploads'))
    await writeFile(join(place.directory, 'uploads', 'a'), 'a')

    const { guardCommitId, report } = await place.json(['migrate'])
    const { commit } = await place.json(['show', guardCommitId])
    deepEqual(
      commit.sources.map(({ name }: { name: string }) => name),
      ['uploads'],
    )
    deepEqual(report.diff.sources, [])
  })

  test('a statement that fails takes its file back, and is named by file, line and what the server says', async () => {
    const place = await newPlace(major, {
      '1_tags.sql': TAGS,
      '2_bad.sql':
        "-- é\nINSERT INTO tags (name) VALUES ('c');\nUPDATE customers\n   SET nowhere = 1;\n",
      '3_phone.sql': PHONE,
    })
    const { exitCode, stderr } = await place.snap(['migrate'])
    equal(exitCode, 6)
    match(stderr, /^fatal: cannot apply 'migrations\/2_bad\.sql': line 4: column "nowhere" of/m)
    match(stderr, /^ {2}migrations\/2_bad\.sql:4:8$/m)
    match(stderr, /^ {2}> UPDATE customers$/m)
    match(stderr, /^ {2}SQLSTATE: 42703$/m)
    match(
      stderr,
      /its transaction was rolled back; 1 file before it applied; to return to the state before: snap rollback \d+$/m,
    )
    deepEqual(await place.applied(), ['1_tags.sql'])
    equal((await place.database.query('SELECT count(*)::int AS n FROM tags'))[0]!.n, 2)

    await place.write({ '2_bad.sql': "INSERT INTO tags (name) VALUES ('c');" })
    equal(await place.succeed(['migrate']), '2 migrations applied\n')
  })

  test('when the first file fails nothing is changed, not even the history table made', async () => {
    const place = await newPlace(major, { '1.sql': `${PHONE}SELECT 1/0;` })
    const before = await dump(place)
    const { exitCode, stderr } = await place.snap(['migrate', '--json'])
    equal(exitCode, 6)
    const error = JSON.parse(
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .at(-1)!,
    )
    expect(error).toMatchObject({
      code: 'MIGRATION_FAILED',
      hint: 'its transaction was rolled back; nothing was changed',
      data: { file: 'migrations/1.sql', line: 2, sqlState: '22012', outcome: 'rolledBack' },
    })
    equal(describeDifference(before, await dump(place)), undefined)
  })

  test('constraints that are checked at COMMIT fail the file that breaks them', async () => {
    const place = await newPlace(major, {
      '1.sql':
        'ALTER TABLE orders ADD CONSTRAINT late FOREIGN KEY (customer_id) REFERENCES customers DEFERRABLE INITIALLY DEFERRED;',
      '2.sql': 'INSERT INTO orders (customer_id, total) VALUES (999, 1);\nSELECT 1;\n',
    })
    await place.database.query('ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey')
    for (const flags of [['--dry-run'], []]) {
      const { exitCode, stderr } = await place.snap(['migrate', ...flags])
      equal(exitCode, 6)
      match(stderr, /cannot apply 'migrations\/2\.sql'.*violates foreign key constraint "late"/)
    }
    deepEqual(await place.applied(), ['1.sql'])
  })

  test('a file that was edited, or is gone, stops everything before anything is run', async () => {
    const place = await newPlace(major, { '1_phone.sql': PHONE, '2_tags.sql': TAGS })
    await place.succeed(['migrate'])
    await place.write({
      '1_phone.sql': `${PHONE}-- new\n`,
      '2_tags.sql': null,
      '3.sql': 'SELECT 1;',
    })
    const before = await dump(place)

    const refused = await place.snap(['migrate'])
    equal(refused.exitCode, 7)
    match(
      refused.stderr,
      /^fatal: cannot migrate: '1_phone\.sql' was edited after it was applied, as 1 more/m,
    )
    equal(describeDifference(before, await dump(place)), undefined)
    const status = await place.snap(['migrate', '--status', '--json'])
    equal(status.exitCode, 1)
    deepEqual(statesOf(JSON.parse(status.stdout).files), {
      '1_phone.sql': 'changed',
      '2_tags.sql': 'missing',
      '3.sql': 'pending',
    })

    await place.succeed(['migrate', '--accept-drift'])
    deepEqual(await place.applied(), ['1_phone.sql', '3.sql'])
    match(await place.succeed(['migrate', '--status']), /2 migrations applied, 0 pending/)
  })

  test('a file that belongs before one that is applied is refused, unless that is wished', async () => {
    const place = await newPlace(major, { '2_tags.sql': TAGS })
    await place.succeed(['migrate'])
    await place.write({ '1_phone.sql': PHONE, '3.sql': 'SELECT 1;' })
    const refused = await place.snap(['migrate'])
    equal(refused.exitCode, 7)
    match(refused.stderr, /'1_phone\.sql' belongs before '2_tags\.sql', which is applied/)
    await place.succeed(['migrate', '--allow-out-of-order'])
    deepEqual(await place.applied(), ['2_tags.sql', '1_phone.sql', '3.sql'])
  })

  test('a dry run tries everything and leaves nothing', async () => {
    const place = await newPlace(major, {
      '1.sql': `${PHONE}SET search_path = pg_catalog; SET ROLE pg_monitor;`,
      '2.sql': "UPDATE customers SET phone = 'x'; CREATE TABLE gone AS SELECT 1 AS n;",
      '3.sql': 'CREATE INDEX CONCURRENTLY ON customers (phone);',
    })
    const before = await dump(place)
    equal(
      await place.succeed(['migrate', '--dry-run']),
      [
        'Would apply 1.sql: it ran, and was rolled back',
        'Would apply 2.sql: it ran, and was rolled back',
        'Would apply 3.sql outside a transaction: it could not be tried',
        '',
      ].join('\n'),
    )
    equal(describeDifference(before, await dump(place)), undefined)
    equal(await place.succeed(['log', '--oneline']).catch(() => ''), '')
    await place.write({ '2.sql': 'SELECT nowhere;' })
    equal((await place.snap(['migrate', '--dry-run'])).exitCode, 6)
    equal(describeDifference(before, await dump(place)), undefined)
  })

  test('--fake notes what the database has already, up to a file', async () => {
    const place = await newPlace(major, {
      '1.sql': 'SELECT 1/0;',
      '2.sql': 'SELECT 1/0;',
      '3.sql': PHONE,
    })
    equal(
      await place.succeed(['migrate', '--fake', '--to', '2']),
      '2 migrations noted as applied, not run\n',
    )
    equal(await place.succeed(['migrate']), '1 migration applied\n')
    deepEqual(
      (await place.json(['migrate', '--status'])).files.map(
        ({ name, isFaked }: { name: string; isFaked: boolean }) => [name, isFaked],
      ),
      [
        ['1.sql', true],
        ['2.sql', true],
        ['3.sql', false],
      ],
    )
  })

  test('CREATE INDEX CONCURRENTLY runs outside a transaction', async () => {
    const place = await newPlace(major, {
      '1.sql': 'CREATE INDEX CONCURRENTLY customers_email ON customers (email);',
      '2.sql':
        "-- snap: no-transaction\nBEGIN; INSERT INTO customers VALUES (900, 'x'); COMMIT; VACUUM customers;",
    })
    await place.succeed(['migrate'])
    const [row] = await place.database.query(
      "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'customers_email'::regclass",
    )
    equal(row!.valid, true)
    match(await place.succeed(['migrate', '--status']), /runs outside a transaction/)
  })

  test('a file without a transaction that fails half-way stops later runs until it is dealt with', async () => {
    const place = await newPlace(major, {
      '1.sql': "-- snap: no-transaction\nINSERT INTO customers VALUES (900, 'x');\nSELECT 1/0;\n",
      '2.sql': PHONE,
    })
    const before = await dump(place)
    const failed = await place.snap(['migrate'])
    equal(failed.exitCode, 6)
    match(
      failed.stderr,
      /what ran of it stays, for it has no transaction; to return to the state before: snap rollback \d+$/m,
    )
    match(await place.succeed(['log', '-n', '1', '--all']), /before: snap migrate/)
    const again = await place.snap(['migrate'])
    equal(again.exitCode, 7)
    match(again.stderr, /'1\.sql' was begun without a transaction/)

    await place.succeed(['migrate', '--fake', '--to', '1'])
    equal(await place.succeed(['migrate']), '1 migration applied\n')
    await place.succeed(['rollback', /snap rollback (\d+)/.exec(failed.stderr)![1]!, '-y'])
    equal(describeDifference(before, await dump(place)), undefined)
  })

  test('of two runs at once one waits for the other, CREATE INDEX CONCURRENTLY or not', async () => {
    const place = await newPlace(major, {
      '1.sql': `${TAGS}SELECT pg_sleep(1);`,
      '2.sql': 'CREATE INDEX CONCURRENTLY ON tags (name);',
    })
    const runs = [0, 200].map(async (delayMs) => {
      await setTimeout(delayMs)
      return place.snap(['migrate', '--no-report'])
    })
    const outcomes = await Promise.all(runs)
    deepEqual(
      outcomes.map(({ exitCode, stdout }) => [exitCode, stdout]).sort(),
      [
        [0, '2 migrations applied\n'],
        [0, 'Nothing to migrate: 2 migrations applied\n'],
      ],
      outcomes.map(({ stderr }) => stderr).join('\n'),
    )
    match(outcomes.map(({ stderr }) => stderr).join(), /waiting for a lock that pid \d+/)
    equal((await place.database.query('SELECT count(*)::int AS n FROM tags'))[0]!.n, 2)
  })

  test('a run that may not wait for long says for whom it waited', async () => {
    const place = await newPlace(major, { '1.sql': 'SELECT pg_sleep(3);' })
    const long = place.snap(['migrate', '--no-report'])
    await setTimeout(1_500)
    const short = await place.snap(['migrate', '--lock-timeout', '300ms'])
    equal(short.exitCode, 6, short.stderr)
    match(short.stderr, /another run of migrations goes on still/)
    equal((await long).exitCode, 0)
  })

  test('the directory and the history table are where the configuration says', async () => {
    const place = await newPlace(major, {})
    await mkdir(join(place.directory, 'db/sql'), { recursive: true })
    await writeFile(
      join(place.directory, 'db/sql/1.sql'),
      'COPY customers FROM stdin;\n900\tx\t\\N\n\\.\n',
    )
    await writeFile(
      join(place.directory, 'snap.config.json'),
      '{ "migrate": { "directory": "db/sql", "schema": "My Books", "table": "done" } }',
    )
    await place.succeed(['migrate'])
    deepEqual(await place.applied('"My Books".done'), ['1.sql'])
    await place.succeed(['commit', '-m', 'x'])
    match(await place.succeed(['show']), /^Migration: {2}snap 1\.sql$/m)
    match(await place.succeed(['show', 'migration:snap:1.sql']), /^ {4}x$/m)
  })

  const interrupt = async (place: Place) => {
    const controller = new AbortController()
    const running = place.snap(['migrate'], { signal: controller.signal } as RunOptions)
    for (;;) {
      const [busy] = await place.database.query(
        "SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database()",
      )
      if (busy !== undefined) break
      await setTimeout(50)
    }
    controller.abort()
    return running
  }

  test('a migration that is interrupted is rolled back', async () => {
    const place = await newPlace(major, { '1.sql': `${PHONE}SELECT pg_sleep(30);` })
    const before = await dump(place)
    equal((await interrupt(place)).exitCode, 130)
    equal(describeDifference(before, await dump(place)), undefined)
  })

  test('one that is interrupted outside a transaction ends so too, and says what is left of it', async () => {
    const place = await newPlace(major, {
      '1.sql': `-- snap: no-transaction\n${PHONE}SELECT pg_sleep(30);`,
    })
    const { exitCode, stderr } = await interrupt(place)
    equal(exitCode, 130)
    match(stderr, /^fatal: cannot apply 'migrations\/1\.sql': line 3: /m)
    match(stderr, /^hint: what ran of it stays, for it has no transaction; .*: snap rollback \d+$/m)
    const { stdout } = await place.snap(['--json', 'migrate', '--status'])
    deepEqual(statesOf(JSON.parse(stdout).files), { '1.sql': 'unfinished' })
    equal((await place.snap(['migrate'])).exitCode, 7)
    await place.succeed(['rollback', '-y'])
    deepEqual(
      await place.database.query(
        "SELECT FROM information_schema.columns WHERE column_name = 'phone'",
      ),
      [],
    )
  })
})
