/**
 * What commands print under --json, held against the published schemas: each command of the program
 * once, as far as it prints something else once more.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { ALL_COMMANDS } from '../../cli/commands/all-commands.ts'
import { allMajors, createDatabase } from '../support/postgres.ts'
import { schemaProblems } from './json-schema-problems.ts'
import { environment, type RunOptions } from './run-snap.ts'
import { newWorkplace, type Workplace, WRECKAGE } from './workplace.ts'

const newest = allMajors.at(-1)!

/** A dump as pg_dump writes it, of a table with two rows. */
const DUMP = `--
-- PostgreSQL database dump
--

-- Dumped from database version ${newest}.0
-- Dumped by pg_dump version ${newest}.0

CREATE TABLE public.items (
    id integer,
    name text
);

COPY public.items (id, name) FROM stdin;
1\tone
2\t\\N
\\.

--
-- PostgreSQL database dump complete
--
`

/** Runs commands in a workplace, and keeps what they print that is not as their schemas say. */
function validating({ snap }: Workplace) {
  const validated = new Set<string>()
  const problems: string[] = []
  const validate = async (
    argv: readonly string[],
    { stream = 'stdout', ...options }: RunOptions & { stream?: 'stdout' | 'stderr' } = {},
  ) => {
    const outcome = await snap(['--json', ...argv], options)
    const lines = outcome[stream].trimEnd().split('\n').filter(Boolean)
    if (lines.length === 0) {
      problems.push(`snap ${argv.join(' ')} printed nothing: ${outcome.exitCode} ${outcome.stderr}`)
    }
    const name = argv[0]!
    validated.add(name)
    for (const line of lines) {
      const found = schemaProblems(name, JSON.parse(line))
      problems.push(...found.map((problem) => `snap ${argv.join(' ')}: ${problem}`))
    }
    return lines.map((line) => JSON.parse(line))
  }
  return { validated, problems, validate }
}

test('every command prints what its published schema says', async () => {
  const place = await newWorkplace(newest)
  const { directory, database, snap } = place
  const { validated, problems, validate } = validating(place)
  await mkdir(join(directory, 'migrations'))
  await mkdir(join(directory, 'uploads'))
  await writeFile(join(directory, 'uploads', 'a.txt'), 'a')
  await writeFile(
    join(directory, 'migrations', '1_phone.sql'),
    'ALTER TABLE customers ADD phone text',
  )
  await writeFile(join(directory, 'drop.sql'), 'DROP TABLE orders')
  await writeFile(join(directory, 'new.csv'), 'id,name\n1000,new\n')
  await writeFile(join(directory, 'bad.csv'), 'id,name\nx,bad\n')
  await writeFile(join(directory, 'old.sql'), DUMP)

  await validate(['init'])
  await validate(['config', 'set', 'sources.uploads.files.root', 'uploads'])
  await validate(['config', 'get', 'migrate.table'])
  await validate(['config', 'get', 'alias.none'])
  await validate(['config', 'unset', 'migrate.table'])
  await validate(['config'])
  await validate(['completion', 'bash'])
  await validate(['commit', '-m', 'one'])
  await validate(['show'])
  await validate(['show', 'HEAD:schema'])
  await validate(['log'])
  await validate(['cat', 'HEAD:customers'])
  await validate(['cat', 'HEAD:source:uploads'])
  await validate(['tag', 'v1'])
  await validate(['tag'])
  await validate(['tag', '-d', 'v1'])
  await validate(['branch', 'topic'])
  await validate(['branch'])
  await validate(['rev-parse', 'HEAD', 'topic'])
  await validate(['cat-object', 'HEAD'])
  await validate(['cat-object', 'HEAD^{tree}'])
  await validate(['fsck'])
  await validate(['stats'])
  await validate(['pin', 'HEAD'])
  await validate(['pin'])
  await validate(['unpin', 'HEAD'])
  await validate(['status'])
  await validate(['check', 'drop.sql', '--rules', '--max-age', '1d'])
  await validate(['check'])
  await validate(['diff'])
  await validate(['export', '--output', 'shop.sql'])
  await validate(['protect', '--show'])
  await validate(['doctor'])

  await validate(['load', 'new.csv', '--table', 'customers', '--dry-run'])
  await validate(['load', 'new.csv', '--table', 'customers'])
  await validate(['load', 'bad.csv', '--table', 'customers', '--dry-run'])
  await validate(['migrate', '--status'])
  await validate(['migrate', '--dry-run'])
  await validate(['migrate'])
  await validate(['ops'])
  await validate(['ops', '1'])
  const exits = (exitCode: number): RunOptions => ({
    runChild: async () => {
      await database.query('DELETE FROM orders WHERE id = 1')
      return { kind: 'exited', exitCode }
    },
  })
  await validate(['run', '--', 'true'], { ...exits(0), stream: 'stderr' })
  await validate(['run', '--rollback-on-failure', '--', 'true'], { ...exits(3), stream: 'stderr' })
  await validate(['rollback', '--dry-run', '--sql'])
  await validate(['rollback', '-y'])

  await writeFile(join(directory, 'uploads', 'a.txt'), 'changed')
  await database.query("UPDATE customers SET name = 'x' WHERE id < 3")
  await validate(['status'])
  await validate(['diff', '--rows'])
  await database.query(WRECKAGE)
  await validate(['status'])
  await validate(['check'])
  await validate(['diff'])
  await validate(['diff', '--schema'])
  await validate(['checkout', 'HEAD', '--dry-run', '--sql'])
  await validate(['checkout', 'HEAD', '--table', 'orders', '--dry-run'])
  await validate(['checkout', 'HEAD', '-y'])
  await validate(['undo', '-y'])
  await validate(['wipe', '--dry-run'])
  await validate(['wipe', '--data-only', '--confirm-database', database.name])
  await validate(['reflog'])
  const scratch = await createDatabase(newest)
  await validate(['import', 'old.sql', '--scratch', scratch.url])

  await validate(['schedule', 'list'], { environment: environment({ HOME: directory }) })
  await validate(['schedule', 'run', '--keep-last', '1'])
  await validate(['prune', '--keep-last', '1', '--dry-run'])
  await validate(['prune', '--keep-last', '1', '-y'])
  await validate(['gc', '--dry-run'])
  await validate(['gc'])
  await validate(['demo'])

  // There is no --json of what is drawn on a terminal.
  equal((await snap(['--json', 'ui'])).stdout, '')
  validated.add('ui')

  deepEqual(problems, [])
  const missing = ALL_COMMANDS.map(({ name }) => name).filter((name) => !validated.has(name))
  deepEqual(missing, [], `run them here with --json, so that their schema is known to be true`)
})

describe('errors', () => {
  test('what stderr says under --json is what the published schema says', async () => {
    const place = await newWorkplace(newest)
    const { snap, succeed, database } = place
    await succeed(['init'])
    await succeed(['commit', '-m', 'one'])
    await database.query('DELETE FROM orders WHERE id > 200')
    const closed = environment({ DATABASE_URL: 'postgres://ada@127.0.0.1:1/shop' })
    for (const [argv, options, code] of [
      [['log', '--frob'], {}, 'USAGE'],
      [['show', 'main~9'], {}, 'REVISION_UNKNOWN'],
      [['init'], {}, 'STORE_EXISTS'],
      [['diff', '--table', 'ordres'], {}, 'PATTERN_UNMATCHED'],
      [['config', 'set', 'rules.default.mayGo', 'yes'], {}, 'USAGE'],
      [['checkout', 'HEAD'], {}, 'CONFIRMATION_NEEDED'],
      [['status'], { environment: closed }, 'POSTGRES_UNREACHABLE'],
      [['log', '--store', 'nowhere'], {}, 'STORE_NOT_FOUND'],
    ] as const) {
      const { stdout, stderr } = await snap(['--json', ...argv], options)
      const error = JSON.parse(stderr)
      deepEqual([stdout, error.code, schemaProblems('error', error)], ['', code, []])
    }
  })
})

/** A shop with one commit, and fewer orders since. */
async function changedPlace(): Promise<Workplace> {
  const place = await newWorkplace(newest)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'one'])
  await place.database.query('DELETE FROM orders WHERE id > 200')
  return place
}

test('a dry run tells the change of each table', async () => {
  const { json } = await changedPlace()
  const { plan, result } = await json(['checkout', 'HEAD', '--dry-run'])
  equal(result, null)
  equal(plan.isNoOp, false)
  const orders = plan.tables.find(({ name }: { name: string }) => name === 'orders')
  const { change, rowsBefore, rowsAfter } = orders
  deepEqual(
    { change, rowsBefore, rowsAfter },
    { change: 'changed', rowsBefore: 200, rowsAfter: 500 },
  )
})

test('log is one line a commit, newest first', async () => {
  const { succeed } = await changedPlace()
  await succeed(['commit', '-m', 'two'])
  const lines = (await succeed(['--json', 'log'])).trimEnd().split('\n')
  const entries = lines.map((line) => JSON.parse(line))
  deepEqual(
    entries.map(({ names, commit, totals }) => [names, commit.message, totals.rowCount]),
    [
      [['HEAD -> main'], 'two', 301],
      [[], 'one', 601],
    ],
  )
})

test('stderr is silent while all goes well', async () => {
  const { snap } = await changedPlace()
  const { exitCode, stderr } = await snap(['--json', 'checkout', 'HEAD', '-y'])
  deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' })
})
