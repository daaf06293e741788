import { deepEqual, equal, match } from 'node:assert/strict'
import { lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { newLocalPlace } from './local-store.ts'

const fileOf = (directory: string) => join(directory, 'snap.config.json')

async function newPlace(text?: string) {
  const place = await newLocalPlace()
  if (text !== undefined) await writeFile(fileOf(place.directory), text)
  return { ...place, read: () => readFile(fileOf(place.directory), 'utf8') }
}

test('what is set is read again, and the file is made for it', async () => {
  const { snap, read } = await newPlace()
  deepEqual(await snap(['config', 'set', 'rules.default.maxLossPercent', '10']), {
    exitCode: 0,
    stdout: '',
    stderr: 'rules.default.maxLossPercent = 10\n',
  })
  equal(
    await read(),
    '{\n  "rules": {\n    "default": {\n      "maxLossPercent": 10\n    }\n  }\n}\n',
  )
  equal((await snap(['config', 'get', 'rules.default.maxLossPercent'])).stdout, '10\n')
  equal((await snap(['config'])).stdout, 'rules.default.maxLossPercent = 10\n')
})

test('get says what holds where the file says nothing, and ends with 1 where nothing does', async () => {
  const { snap } = await newPlace()
  deepEqual(await snap(['config', 'get', 'migrate.table']), {
    exitCode: 0,
    stdout: 'snap_migrations\n',
    stderr: '',
  })
  deepEqual(await snap(['config', 'get', 'alias.last']), { exitCode: 1, stdout: '', stderr: '' })
})

test('unset takes a key and all below it away, and nothing else', async () => {
  const { snap, read } = await newPlace(
    '{\n  // ours\n  "migrations": ["a"], // these\n  "alias": {\n    "l": "log"\n  }\n}\n',
  )
  equal((await snap(['config', 'unset', 'alias'])).stderr, 'alias is not set any more\n')
  equal(await read(), '{\n  // ours\n  "migrations": ["a"] // these\n}\n')
  const { exitCode, stderr } = await snap(['config', 'unset', 'alias.l'])
  deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: 'alias.l was not set\n' })
})

describe('what cannot be set is refused by name, and nothing is written', () => {
  test.each([
    [
      ['set', 'rule.default', '1'],
      "fatal: there is no key 'rule'; here snap knows $schema, database, rules, migrations, migrate, protected, unprotected, sources, hints, alias\nhint: did you mean rules?\n",
    ],
    [
      ['set', 'rules.default.maygo', 'true'],
      "fatal: there is no key 'rules.default.maygo'; in rules.default snap knows maxLossPercent, mayShrink, mayDelete, mayUpdate, mayGo, mayLoseColumns\nhint: did you mean rules.default.mayGo?\n",
    ],
    [
      ['set', 'alias.log', 'log --oneline'],
      "fatal: 'log' is a command, and an alias of that name would never be heard\nhint: choose another name\n",
    ],
    [
      ['set', 'rules..x', '1'],
      'fatal: cannot read \'rules..x\' as a key\nhint: write it as rules.default.mayGo, rules.tables."public.users".mayGo or protected[0].host\n',
    ],
    [
      ['set', 'migrate.table'],
      "fatal: the value is missing\nhint: write it as 'snap config set KEY VALUE'\n",
    ],
    [['get'], "fatal: the key is missing\nhint: write it as 'snap config get KEY'\n"],
    [['get', 'a', 'b'], "fatal: too many arguments\nhint: write it as 'snap config get KEY'\n"],
  ])('%j', async (argv, stderr) => {
    const { snap, read } = await newPlace('{}')
    deepEqual(await snap(['config', ...argv]), { exitCode: 2, stdout: '', stderr })
    equal(await read(), '{}')
  })
})

test('a file that is wrong is named by line and key, and left as it is', async () => {
  const { snap, read } = await newPlace('{\n  "rule": 1\n}')
  const { exitCode, stderr } = await snap(['config', 'set', 'migrate.table', 'done'])
  equal(exitCode, 2)
  match(
    stderr,
    /^fatal: snap\.config\.json:2:3: rule is not a key that snap knows; did you mean rules\?\n/,
  )
  equal(await read(), '{\n  "rule": 1\n}')
})

test('of many who set at once none is forgotten, and readers see whole files', async () => {
  const { snap, read } = await newPlace('{}\n')
  const names = Array.from({ length: 12 }, (_, n) => `a${n}`)
  const readings: string[] = []
  const outcomes = await Promise.all(
    names.map(async (name) => {
      const outcome = await snap(['config', 'set', `alias.${name}`, `log -n ${name.slice(1)}0`])
      readings.push(await read())
      return outcome
    }),
  )
  deepEqual(
    outcomes.filter(({ exitCode }) => exitCode !== 0),
    [],
  )
  for (const text of readings) JSON.parse(text)
  deepEqual(Object.keys(JSON.parse(await read()).alias).sort(), names.sort())
})

test('a symbolic link stays one, and the file keeps its mode', async () => {
  const { directory, snap } = await newPlace()
  const target = join(directory, 'shared.json')
  await writeFile(target, '{}', { mode: 0o640 })
  await symlink('shared.json', fileOf(directory))
  equal((await snap(['config', 'set', 'migrate.table', 'done'])).exitCode, 0)
  equal((await lstat(fileOf(directory))).isSymbolicLink(), true)
  equal((await stat(target)).mode & 0o777, 0o640)
  deepEqual(JSON.parse(await readFile(target, 'utf8')), { migrate: { table: 'done' } })
})
