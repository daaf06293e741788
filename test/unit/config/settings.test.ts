import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { formatConfigKey, parseConfigKey } from '../../../src/config/config-key.ts'
import {
  findSetting,
  getSettingSchema,
  listSettings,
  removeSetting,
  setSetting,
} from '../../../src/config/settings.ts'

const set = (source: string, key: string, typed: string) =>
  setSetting(source, { path: parseConfigKey(key), typed }, 'c.json')

describe('a key is a path, and the path is that key', () => {
  test.each([
    ['rules.default.mayGo', ['rules', 'default', 'mayGo']],
    ['rules.tables."public.users".mayGo', ['rules', 'tables', 'public.users', 'mayGo']],
    ['protected[0].host', ['protected', 0, 'host']],
    ['migrations[12]', ['migrations', 12]],
    [String.raw`rules.tables."a\"b\\c"`, ['rules', 'tables', 'a"b\\c']],
    ['rules.tables.audit*', ['rules', 'tables', 'audit*']],
    ['$schema', ['$schema']],
  ])('%s', (key, path) => {
    deepEqual(parseConfigKey(key), path)
    equal(formatConfigKey(path), key)
  })

  test.each(['', '.', 'rules.', '.rules', 'rules..default', 'a[x]', 'a"b', '[0]', 'a.[0]', 'a b"'])(
    '%j is none',
    (key) => {
      throws(() => parseConfigKey(key), { code: 'USAGE' })
    },
  )
})

test('a key that snap does not know is refused with what was meant', () => {
  throws(() => getSettingSchema(['rules', 'default', 'maxLosPercent']), {
    code: 'USAGE',
    hint: 'did you mean rules.default.maxLossPercent?',
  })
  throws(() => getSettingSchema(['migrate', 'table', 'name']), {
    message: "there is no key 'migrate.table.name': migrate.table is one value",
  })
})

test('what is typed becomes what may stand there', () => {
  const valueSet = (key: string, typed: string) => set('', key, typed).value
  deepEqual(valueSet('rules.default.mayGo', 'true'), true)
  deepEqual(valueSet('rules.default.maxLossPercent', '12.5'), 12.5)
  deepEqual(valueSet('rules.default.maxLossPercent', 'false'), false)
  deepEqual(valueSet('migrate.table', '42'), '42')
  deepEqual(valueSet('migrations', '["db/*.sql"]'), ['db/*.sql'])
  deepEqual(valueSet('alias.last', 'log -n 1'), 'log -n 1')
  deepEqual(valueSet('sources.redis.command', '{"dump": ["a", "b"]}'), { dump: ['a', 'b'] })
})

test.each([
  ['rules.default.mayGo', 'yes', 'rules.default.mayGo must be true or false, found "yes"'],
  [
    'rules.default.maxLossPercent',
    '150',
    'rules.default.maxLossPercent must be a number from 0 to 100, or false, found 150',
  ],
  [
    'alias.x',
    '!rm -rf',
    'alias.x must be a command line of snap: commands of a shell are not run from this file',
  ],
  [
    'alias.x',
    'log --database postgres://a:b@c/d',
    'alias.x must not hold a password: this file is shared',
  ],
  [
    'alias.Up',
    'log',
    'alias.Up is no name for an alias: lower-case letters, digits and dashes, a letter first',
  ],
])('%s = %s is refused by name', (key, typed, message) => {
  throws(() => set('{}', key, typed), { code: 'USAGE', message })
})

test('what is wrong elsewhere in the file is told as that', () => {
  throws(() => set('{ "rule": 1 }', 'migrate.table', 'x'), {
    code: 'CONFIG_INVALID',
    message: 'c.json:1:3: rule is not a key that snap knows; did you mean rules?',
  })
})

const WRITTEN = `{
\t// who may go
\t"rules": {
\t\t"default": { "mayGo": false }, // nobody
\t},
\t"migrations": ["a", "b"]
}
`

test('comments, indentation and order of all else stay', () => {
  equal(
    set(WRITTEN, 'rules.default.mayGo', 'true').text,
    WRITTEN.replace('"mayGo": false', '"mayGo": true'),
  )
  equal(
    set(WRITTEN, 'migrate.table', 'done').text,
    WRITTEN.replace('["a", "b"]\n', '["a", "b"],\n\t"migrate": {\n\t\t"table": "done"\n\t}\n'),
  )
})

describe('a new setting stands as its neighbours do', () => {
  test.each([
    ['', '{\n  "migrate": {\n    "table": "t"\n  }\n}\n'],
    ['{}', '{\n  "migrate": {\n    "table": "t"\n  }\n}'],
    ['{\n}\n', '{\n  "migrate": {\n    "table": "t"\n  }\n}\n'],
    ['{ "migrate": {} }', '{ "migrate": {\n  "table": "t"\n} }'],
    ['{ "migrate": { "schema": "s" } }', '{ "migrate": { "schema": "s", "table": "t" } }'],
    [
      '{\n  "migrate": {\n    "schema": "s" // ours\n  }\n}',
      '{\n  "migrate": {\n    "schema": "s", // ours\n    "table": "t"\n  }\n}',
    ],
    [
      '{\n  "migrate": {\n    "schema": "s", // ours\n  },\n}',
      '{\n  "migrate": {\n    "schema": "s", // ours\n    "table": "t",\n  },\n}',
    ],
    [
      '{\n    "rules": {\n        "alarmIf": []\n    }\n}',
      '{\n    "rules": {\n        "alarmIf": []\n    },\n    "migrate": {\n        "table": "t"\n    }\n}',
    ],
  ])('%j', (source, expected) => {
    equal(set(source, 'migrate.table', 't').text, expected)
  })
})

test('line ends and a byte order mark stay', () => {
  const { text } = set('\uFEFF{\r\n  "migrations": []\r\n}\r\n', 'migrate.table', 'done')
  equal(
    text,
    '\uFEFF{\r\n  "migrations": [],\r\n  "migrate": {\r\n    "table": "done"\r\n  }\r\n}\r\n',
  )
})

test('a setting that is removed is gone, with what is below it', () => {
  const without = removeSetting(WRITTEN, ['rules'], 'c.json')
  deepEqual(listSettings(without), [{ path: ['migrations'], value: ['a', 'b'] }])
  equal(removeSetting(WRITTEN, ['migrate', 'table'], 'c.json'), WRITTEN)
})

describe('what is removed takes its commas, its line and its comment with it, and no others', () => {
  test.each([
    ['{ "migrate": { "table": "t" } }', '{ "migrate": { } }'],
    ['{ "migrate": { "table": "t", "schema": "s" } }', '{ "migrate": { "schema": "s" } }'],
    ['{ "migrate": { "schema": "s", "table": "t" } }', '{ "migrate": { "schema": "s" } }'],
    [
      '{\n  "migrate": {\n    "schema": "s", // a\n    "table": "t" // b\n  } // c\n}',
      '{\n  "migrate": {\n    "schema": "s" // a\n  } // c\n}',
    ],
    [
      '{\n  "migrate": {\n    "table": "t", // a\n    // b\n    "schema": "s"\n  }\n}',
      '{\n  "migrate": {\n    // b\n    "schema": "s"\n  }\n}',
    ],
    [
      '{\r\n  "migrate": {\r\n    "schema": "s",\r\n    "table": "t",\r\n  },\r\n}',
      '{\r\n  "migrate": {\r\n    "schema": "s",\r\n  },\r\n}',
    ],
  ])('%j', (source, expected) => {
    equal(removeSetting(source, ['migrate', 'table'], 'c.json'), expected)
  })

  test('of a list', () => {
    equal(
      removeSetting('{ "migrations": ["a", "b"] }', ['migrations', 0], 'c'),
      '{ "migrations": ["b"] }',
    )
    equal(
      removeSetting('{ "migrations": ["a", "b"] }', ['migrations', 1], 'c'),
      '{ "migrations": ["a"] }',
    )
  })
})

test('a setting that others need cannot be removed', () => {
  const source = '{ "sources": { "a": { "files": { "root": "x" } } } }'
  throws(() => removeSetting(source, ['sources', 'a', 'files', 'root'], 'c.json'), {
    code: 'CONFIG_INVALID',
  })
})

test('settings are listed leaf by leaf, and found by their paths', () => {
  deepEqual(listSettings(WRITTEN), [
    { path: ['rules', 'default', 'mayGo'], value: false },
    { path: ['migrations'], value: ['a', 'b'] },
  ])
  deepEqual(findSetting(WRITTEN, ['migrations', 1]), 'b')
  equal(findSetting(WRITTEN, ['migrate']), undefined)
})
