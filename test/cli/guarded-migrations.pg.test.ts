/**
 * Migrations behind `snap run`, by the real program, with tools that behave as
 * alembic, Prisma and psql do. pg_dump says whether the database is back, or is
 * what the migration alone would have made of it.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, test } from 'vitest'
import { createDatabase, oldestAndNewestMajor } from '../support/postgres.ts'
import { describeDifference, dumpWith } from '../support/witness.ts'
import {
  type InstalledProgram,
  installProgram,
  outcomeOf,
  type ProcessOutcome,
} from './installed-program.ts'
import { environment, temporaryDirectory } from './run-snap.ts'
import { SMALL_SHOP } from './workplace.ts'

let program: InstalledProgram
beforeAll(async () => {
  program = await installProgram()
})
afterAll(() => program.remove())

interface Case {
  name: string
  tool: 'alembic-like' | 'prisma-like' | 'plain-sql'
  /** By the name of the revision. */
  steps: Record<string, string>
  flags: string[]
  exitCode: number
  /** `rolledBack`: as before. `kept`: as the tool alone leaves it. */
  outcome: 'rolledBack' | 'kept'
  says: RegExp
}

const CASES: Case[] = [
  {
    name: 'alembic: the second revision fails after the first is committed',
    tool: 'alembic-like',
    steps: {
      b1: 'ALTER TABLE customers ADD COLUMN phone text; UPDATE customers SET phone = id::text;',
      b2: 'DELETE FROM orders WHERE id > 250; ALTER TABLE nowhere ADD COLUMN x int;',
    },
    flags: ['--rollback-on-failure'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /^Migration: {2}alembic ae1027a6acf -> b1$/m,
  },
  {
    name: 'alembic: the same without a flag stays, for somebody to look at',
    tool: 'alembic-like',
    steps: {
      b1: 'ALTER TABLE customers ADD COLUMN phone text;',
      b2: 'DELETE FROM orders; ALTER TABLE nowhere ADD COLUMN x int;',
    },
    flags: [],
    exitCode: 1,
    outcome: 'kept',
    says: /^To return to the state before: snap rollback 1$/m,
  },
  {
    name: 'alembic: a good migration passes every guard',
    tool: 'alembic-like',
    steps: {
      b1: 'ALTER TABLE customers ADD COLUMN phone text; CREATE INDEX ON orders (customer_id);',
      b2: 'CREATE TABLE tags AS SELECT n FROM generate_series(1, 50) AS n; UPDATE orders SET total = total + 1;',
    },
    flags: [
      '--rollback-on-failure',
      '--rollback-on-alarm',
      '--rollback-if=any.deleted > 10',
      '--rollback-if=orders.rows < before or customers.columns < before',
    ],
    exitCode: 0,
    outcome: 'kept',
    says: /^Migration: {2}alembic ae1027a6acf -> b2$/m,
  },
  {
    name: 'alembic: rows are deleted, as many as are inserted: the count alone does not tell',
    tool: 'alembic-like',
    steps: {
      b1: 'DELETE FROM orders WHERE id <= 20; INSERT INTO orders (customer_id, total) SELECT 1, 0 FROM generate_series(1, 20);',
    },
    flags: ['--rollback-if=orders.rows < before'],
    exitCode: 0,
    outcome: 'kept',
    says: /^public\.orders +20 +20 +0$/m,
  },
  {
    name: '… and a condition on deletions does',
    tool: 'alembic-like',
    steps: {
      b1: 'DELETE FROM orders WHERE id <= 20; INSERT INTO orders (customer_id, total) SELECT 1, 0 FROM generate_series(1, 20);',
    },
    flags: ['--rollback-if=orders.deleted > 0'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /'orders\.deleted > 0' has come true \(orders\.deleted > 0: 20 against 0\)/,
  },
  {
    name: 'Prisma: a migration fails half-way, and half of it is there',
    tool: 'prisma-like',
    steps: {
      '20260101_drop':
        'DROP VIEW spending;\nALTER TABLE customers DROP COLUMN email;\nDROP TABLE nowhere;\n',
    },
    flags: ['--rollback-on-failure'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /^alarm: column email of public\.customers is gone$/m,
  },
  {
    name: 'Prisma: the first migration applied is news',
    tool: 'prisma-like',
    steps: { '20260101_init': 'CREATE TABLE tags (id int PRIMARY KEY);\n' },
    flags: ['--rollback-on-failure', '--rollback-on-alarm'],
    exitCode: 0,
    outcome: 'kept',
    says: /^Migration: {2}prisma no table -> 20260101_init$/m,
  },
  {
    name: 'plain SQL: errors are passed over and the exit code is 0, so only conditions help',
    tool: 'plain-sql',
    steps: {
      fix: 'ALTER TABLE nowhere ADD COLUMN x int;\nDELETE FROM orders WHERE total > 10;\n',
    },
    flags: ['--rollback-on-failure', '--rollback-if=any.deleted > before * 10%'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /^Rolling back, because 'any\.deleted > before \* 10%' has come true/m,
  },
  {
    name: 'plain SQL: a column is dropped, and a rule does not allow it',
    tool: 'plain-sql',
    steps: { fix: 'ALTER TABLE customers DROP COLUMN email;\n' },
    flags: ['--rollback-on-alarm'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /^Rolling back, because there is an alarm$/m,
  },
  {
    name: 'plain SQL: a table is gone, which is fewer rows than before',
    tool: 'plain-sql',
    steps: { fix: 'DROP TABLE orders CASCADE;\n' },
    flags: ['--rollback-if=orders.rows < before'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /orders\.rows < before: 0 against 500/,
  },
  {
    name: 'plain SQL: everything is emptied and filled by hand again, identities restarted',
    tool: 'plain-sql',
    steps: {
      fix: "TRUNCATE customers, orders RESTART IDENTITY;\nINSERT INTO customers VALUES (1, 'x', 'y');\n",
    },
    flags: ['--rollback-if=customers.rows < before * 0.9 and orders.rows = 0'],
    exitCode: 1,
    outcome: 'rolledBack',
    says: /^Rolled back in /m,
  },
]

oldestAndNewestMajor((major) => {
  test.each(CASES)('$name', async ({ tool, steps, flags, exitCode, outcome, says }) => {
    const place = await newPlace(major, steps)
    const before = await dumpWith(major, place.url)

    const ended = await place.snap(['run', ...flags, '--', ...place.command(tool)])

    equal(ended.exitCode, exitCode, ended.stderr)
    match(ended.stderr, says)
    if (outcome === 'rolledBack') {
      equal(describeDifference(before, await dumpWith(major, place.url)), undefined)
    } else {
      const alone = await newPlace(major, steps)
      await alone.run(alone.command(tool))
      // The times in the books of Prisma differ, and nothing else.
      const [expected, found] = [alone, place].map(async ({ url }) =>
        (await dumpWith(major, url)).replaceAll(
          /^(?:INSERT INTO public\._prisma_migrations .*|[0-9a-f-]{36}\t.*)$/gm,
          '',
        ),
      )
      equal(describeDifference(await expected!, await found!), undefined)
    }
    await place.expectSoundLog(
      outcome === 'rolledBack' ? 'rolledBack' : exitCode === 0 ? 'done' : 'failed',
    )
  })

  test('the command line that is printed brings the database back, pasted as it stands', async () => {
    const place = await newPlace(major, { b1: 'DELETE FROM orders;', b2: 'DROP TABLE nowhere;' })
    const before = await dumpWith(major, place.url)
    const store = join(place.directory, 'a store')
    await place.succeed(['init', '--store', store])

    const { stderr, exitCode } = await place.snap([
      'run',
      '--store',
      store,
      '--',
      ...place.command('alembic-like'),
    ])
    equal(exitCode, 1)
    const [, printed] = /^To return to the state before: snap (.*)$/m.exec(stderr)!
    const ended = await place.shell(`$SNAP ${printed} -y`)

    equal(ended.exitCode, 0, ended.stderr)
    equal(describeDifference(before, await dumpWith(major, place.url)), undefined)
  })

  test('what was taken back can be had again, and taken back again', async () => {
    const place = await newPlace(major, { b1: 'DELETE FROM orders WHERE id > 9;' })
    const before = await dumpWith(major, place.url)
    await place.succeed(['run', '--', ...place.command('alembic-like')])
    const after = await dumpWith(major, place.url)
    for (const expected of [before, after, before]) {
      await place.succeed(['rollback', '-y'])
      equal(describeDifference(expected, await dumpWith(major, place.url)), undefined)
    }
    await place.succeed(['rollback', '1', '-y'])
    equal(describeDifference(before, await dumpWith(major, place.url)), undefined)
  })
})

/** A database with the small shop, a store, and a directory of migrations. */
async function newPlace(major: number, steps: Record<string, string>) {
  const directory = await temporaryDirectory()
  const database = await createDatabase(major)
  await database.query(SMALL_SHOP)
  const migrations = join(directory, 'migrations')
  await mkdir(migrations)
  for (const [name, sql] of Object.entries(steps)) {
    await writeFile(join(migrations, `${name}.sql`), sql)
  }
  const options = {
    workingDirectory: directory,
    environment: environment({ DATABASE_URL: database.url }),
  }
  const snap = (argv: readonly string[]) => program.run(argv, options)
  const succeed = async (argv: readonly string[]): Promise<ProcessOutcome> => {
    const ended = await snap(argv)
    equal(ended.exitCode, 0, ended.stderr)
    return ended
  }
  await succeed(['init'])
  return {
    directory,
    url: database.url,
    snap,
    succeed,
    shell: (commandLine: string) => program.runShell(commandLine, options),
    command: (tool: Case['tool']) => [
      process.execPath,
      fileURLToPath(new URL(`../../fixtures/migrations/${tool}.js`, import.meta.url)),
      migrations,
    ],
    run: async ([file, ...argv]: string[]) => {
      const { spawn } = await import('node:child_process')
      return outcomeOf(
        spawn(file!, argv, { cwd: directory, env: options.environment, stdio: 'pipe' }),
      )
    },
    /** The last operation ended as it should, and the store is whole. */
    expectSoundLog: async (expected: string) => {
      const { stdout } = await succeed(['ops', '--json', '-n', '1'])
      const { state, end } = JSON.parse(stdout)
      deepEqual([state, end.outcome], [expected, expected])
      match((await succeed(['fsck'])).stdout, /^No problems found/)
    },
  }
}
