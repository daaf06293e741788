import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, test } from 'vitest'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { initStore } from '../../src/store.ts'
import { ada, commitToMain, noon } from '../support/store.ts'
import { NOW, runSnap, temporaryDirectory } from './run-snap.ts'

/** Runs `snap check` in a directory with some files; no database can be reached. */
async function checkIn(files: Record<string, string>, argv: string[], stdin?: string) {
  const workingDirectory = await temporaryDirectory()
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(workingDirectory, path, '..'), { recursive: true })
    await writeFile(join(workingDirectory, path), text)
  }
  const input = new PassThrough()
  input.end(stdin)
  return runSnap(['check', ...argv], { workingDirectory, stdin: input })
}

describe('files are checked without a store and without a database', () => {
  test('a file that takes data away is shown with place and statement, and the exit code is 1', async () => {
    const source = '-- clean up\nDELETE FROM users WHERE id = 1;\nDELETE FROM\n  users;\n'
    deepEqual(await checkIn({ 'up.sql': source }, ['up.sql']), {
      exitCode: 1,
      stdout: [
        '1 alarm',
        '',
        'SQL: what 1 file would take away',
        '  up.sql:3:1: DELETE_ALL all rows of users are deleted',
        '      DELETE FROM users',
        '',
      ].join('\n'),
      stderr: '',
    })
  })

  test('a file that takes nothing away is said to, and notes are no alarm', async () => {
    const { exitCode, stdout } = await checkIn({ 'up.sql': 'ALTER TABLE t DROP CONSTRAINT c;' }, [
      'up.sql',
    ])
    equal(exitCode, 0)
    match(
      stdout,
      /^No alarm\n\nSQL: nothing in 1 file takes data away\n {2}up\.sql:1:1: DROP_CONSTRAINT/,
    )
  })

  test('what cannot be read as SQL is an alarm', async () => {
    const { exitCode, stdout } = await checkIn({ 'up.sql': 'DROPP TABLE x;' }, ['up.sql'])
    equal(exitCode, 1)
    match(
      stdout,
      /up\.sql:1:1: SQL_UNREADABLE cannot be read as SQL: syntax error at or near "DROPP"/,
    )
  })

  test('directories, patterns and stdin name files too, each once', async () => {
    const files = {
      'db/2.sql': 'SELECT 1',
      'db/10.sql': 'SELECT 1',
      'db/x.py': '',
      'other.sql': 'SELECT 1',
    }
    const filesOf = async (argv: string[]) => {
      const { stdout } = await checkIn(files, ['--json', ...argv], 'TRUNCATE t')
      return JSON.parse(stdout).sql.files.map(({ file }: { file: string }) => file)
    }
    deepEqual(await filesOf(['db']), ['db/2.sql', 'db/10.sql'])
    deepEqual(await filesOf(['db/*', 'other.sql', 'db/2.sql']), [
      'db/2.sql',
      'db/10.sql',
      'db/x.py',
      'other.sql',
    ])
    deepEqual(await filesOf(['-']), ['<stdin>'])
  })

  test('a migration in another language is left out, and said to be', async () => {
    const { exitCode, stdout } = await checkIn({ '0001.py': 'op.drop_table("x")' }, ['0001.py'])
    equal(exitCode, 0)
    match(
      stdout,
      /SQL: no file to look into\n {2}not looked into: 0001\.py \(it is Python: .*alembic upgrade --sql/,
    )
  })

  test('a file that is not there is an error, not a clean bill', async () => {
    for (const argument of ['nope.sql', 'nope/*.sql', 'db']) {
      const { exitCode, stdout, stderr } = await checkIn({ 'db/x.py': '' }, [argument])
      deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' })
      match(
        stderr,
        new RegExp(`^fatal: cannot read '${argument.replace('*', '\\*')}': there is no `),
      )
    }
  })

  test('names and statements cannot steer the terminal', async () => {
    const { stdout } = await checkIn({ 'up.sql': 'DROP TABLE "\u001b[2J"' }, ['up.sql'])
    equal(stdout.includes('\u001b'), false)
  })

  test('everything else needs a store', async () => {
    for (const argv of [
      [],
      ['--rules'],
      ['--pending'],
      ['--max-age', '1h'],
      ['up.sql', '--rules'],
    ]) {
      equal((await checkIn({ 'up.sql': '' }, argv)).exitCode, 3)
    }
  })
})

describe('snap check --max-age', () => {
  /** A store whose newest commit is so many hours old; none when it is undefined. */
  async function storeOfAge(hours: number | undefined): Promise<string> {
    const workingDirectory = await temporaryDirectory()
    const backend = await LocalBackend.create(join(workingDirectory, '.snap'))
    const store = await initStore(backend, { author: ada, at: noon })
    if (hours !== undefined) {
      const createdAt = new Date(NOW.getTime() - hours * 3_600_000)
      await commitToMain(store, { t: ['1\n'] }, { message: 'nightly', createdAt })
    }
    await store.close()
    return workingDirectory
  }

  test.each([
    [
      25,
      '26h',
      0,
      /^Recent: the newest commit was made 1 day ago \(26 h at most\): [0-9a-f]{12} nightly\n$/,
    ],
    [
      27,
      '26h',
      1,
      /^Too old: the newest commit was made 1 day ago \(26 h at most\): [0-9a-f]{12} nightly\n$/,
    ],
    [1, '90min', 0, /^Recent: the newest commit was made 1 hour ago \(90 min at most\)/],
    [24 * 8, '1w', 1, /^Too old: the newest commit was made 8 days ago \(7 d at most\)/],
    [-3, '1h', 0, /^Recent: the newest commit was made just now/],
    [undefined, '26h', 1, /^Too old: there is no commit \(26 h at most\)\n$/],
  ])('%s hours against %s', async (hours, limit, exitCode, stdout) => {
    const outcome = await runSnap(['check', '--max-age', limit], {
      workingDirectory: await storeOfAge(hours),
    })
    deepEqual({ exitCode: outcome.exitCode, stderr: outcome.stderr }, { exitCode, stderr: '' })
    match(outcome.stdout, stdout)
  })

  test('as JSON it has the age in milliseconds', async () => {
    const workingDirectory = await storeOfAge(27)
    const { exitCode, stdout } = await runSnap(['--json', 'check', '--max-age', '26h'], {
      workingDirectory,
    })
    const { isHealthy, configFile, age, rules, sql } = JSON.parse(stdout)
    const { commitId, ...rest } = age
    match(commitId, /^[0-9a-f]{64}$/)
    deepEqual(
      { exitCode, isHealthy, configFile, rules, sql, rest },
      {
        exitCode: 1,
        isHealthy: false,
        configFile: null,
        rules: null,
        sql: null,
        rest: {
          message: 'nightly',
          createdAt: '2026-02-28T09:00:00.000Z',
          ageMs: 27 * 3_600_000,
          maxAgeMs: 26 * 3_600_000,
          isTooOld: true,
        },
      },
    )
  })

  test('a mistyped configuration does not stop the probe, but everything that needs it', async () => {
    const workingDirectory = await storeOfAge(1)
    await writeFile(join(workingDirectory, 'snap.config.json'), '{\n  "rulez": {}\n}')
    equal((await runSnap(['check', '--max-age', '26h'], { workingDirectory })).exitCode, 0)
    for (const argv of [
      ['check'],
      ['check', '--rules', '--max-age', '26h'],
      ['check', '--pending'],
    ]) {
      deepEqual(await runSnap(argv, { workingDirectory }), {
        exitCode: 2,
        stdout: '',
        stderr:
          'fatal: snap.config.json:2:3: rulez is not a key that snap knows; did you mean rules?\n' +
          "hint: 'snap help config' says what may stand in it\n",
      })
    }
  })

  test('pending migrations cannot be asked for where none are configured', async () => {
    const { exitCode, stderr } = await runSnap(['check', '--pending'], {
      workingDirectory: await storeOfAge(1),
    })
    equal(exitCode, 2)
    match(stderr, /^fatal: no migration files are configured\nhint: name them as "migrations"/)
  })
})
