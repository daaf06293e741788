import { deepEqual, equal } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { formatCondition } from '../../../src/alarms/condition.ts'
import { DEFAULT_CONFIG } from '../../../src/config/config.ts'
import { formatConfigProblem, parseConfig } from '../../../src/config/parse-config.ts'
import { isSnapError } from '../../../src/errors.ts'

/** The lines that say what is wrong with a configuration. */
function problemsOf(source: string): string[] {
  try {
    parseConfig(source, 'c.json')
  } catch (error) {
    if (!isSnapError(error, 'CONFIG_INVALID')) throw error
    return error.data.problems.map((problem) => formatConfigProblem(error.data.file, problem))
  }
  return []
}

test('an empty object leaves everything as it is without a file', () => {
  deepEqual(parseConfig('{}', 'c.json'), DEFAULT_CONFIG)
})

test('comments, trailing commas and a byte order mark do no harm', () => {
  const source = `\uFEFF// rules of the shop
  {
    "migrations": ["db/*.sql",], /* all of them */
  }`
  deepEqual(parseConfig(source, 'c.json').migrations, ['db/*.sql'])
})

test('what a file says of some things leaves the defaults of all others', () => {
  const { rules, protected: patterns } = parseConfig(
    `{
      "$schema": "https://example.org/schema.json",
      "rules": {
        "default": { "maxLossPercent": 10 },
        "tables": {
          "public.users": { "maxLossPercent": false, "mayDelete": false },
          "audit.*": { "mayUpdate": false }
        },
        "alarmIf": ["any.rows = 0", "orders.deleted > before * 10%"]
      },
      "protected": [{ "host": "*.example.org", "database": "shop" }]
    }`,
    'c.json',
  )
  deepEqual(rules.default, {
    maxLossPercent: 10,
    mayShrink: true,
    mayDelete: true,
    mayUpdate: true,
    mayGo: false,
    mayLoseColumns: false,
  })
  deepEqual(rules.tables, [
    { pattern: 'public.users', rules: { maxLossPercent: null, mayDelete: false } },
    { pattern: 'audit.*', rules: { mayUpdate: false } },
  ])
  deepEqual(rules.alarmIf.map(formatCondition), ['any.rows = 0', 'orders.deleted > before * 10%'])
  deepEqual(patterns, [{ host: '*.example.org', database: 'shop', address: null }])
})

test('every problem is told at once, each at its place', () => {
  const source = `{
  "rules": {
    "default": { "mayshrink": false, "maxLossPercent": 150 },
    "tables": {
      "public.users": { "maxLossPercent": "ten" },
      "public.users": {}
    },
    "alarmIf": ["users.rows <", 3]
  },
  "migrations": "db/*.sql",
  "protected": [{}, { "address": "postgres://ada:secret@db/shop" }, { "hots": "x" }],
  "webhook": null
}`
  deepEqual(problemsOf(source), [
    'c.json:3:18: rules.default.mayshrink is not a key that snap knows; did you mean mayShrink?',
    'c.json:3:56: rules.default.maxLossPercent must be a number from 0 to 100, or false, found 150',
    'c.json:5:43: rules.tables.public.users.maxLossPercent must be a number from 0 to 100, or false, found "ten"',
    'c.json:6:7: rules.tables.public.users is there twice',
    "c.json:8:17: rules.alarmIf[0] cannot be read at character 13 of 'users.rows <': expected a table's measure ('users.rows'), 'before' or a number, found the end",
    "c.json:8:33: rules.alarmIf[1] must be a condition ('orders.deleted > 100'), found 3",
    'c.json:10:17: migrations must be a list of file patterns, found "db/*.sql"',
    'c.json:11:17: protected[0] must have a host, a database or an address: as it is, it means no database',
    "c.json:11:21: protected[1].address must be written as 'user@host:port/database', without a scheme or a password",
    'c.json:11:69: protected[2] must have a host, a database or an address: as it is, it means no database',
    'c.json:11:71: protected[2].hots is not a key that snap knows; did you mean host?',
    'c.json:12:3: webhook is not a key that snap knows; here it knows $schema, rules, migrations, migrate, protected, unprotected, sources, pager, hints',
  ])
})

describe('what is no JSON is refused where it stops being it', () => {
  test.each([
    ['', ['c.json:1:1: a value is expected here']],
    ['// nothing', ['c.json:1:11: a value is expected here']],
    ['[]', ['c.json:1:1: must be an object, found a list']],
    ['{\n  "rules": {}\n  "migrations": []\n}', ['c.json:3:3: a comma is expected here']],
    [
      '{\n  "rules": nope\n}',
      ['c.json:2:12: a value must be in quotes, a number, true, false or null'],
    ],
    ['{ "größe": {}', ['c.json:1:14: a closing brace is expected here']],
  ])('%j', (source, problems) => {
    deepEqual(problemsOf(source).slice(0, 1), problems)
  })
})

test('one problem is the message, and so are several counted', () => {
  const messageOf = (source: string) => {
    try {
      parseConfig(source, 'c.json')
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
  equal(messageOf('{ "rules": 1 }'), 'c.json:1:12: rules must be an object, found 1')
  equal(messageOf('{ "rules": 1, "migrations": 2 }'), "'c.json' has 2 problems")
})

test('where migrations and their history are may be said in part; the rest has its default', () => {
  deepEqual(parseConfig('{ "migrate": { "table": "done" } }', 'c.json').migrate, {
    ...DEFAULT_CONFIG.migrate,
    table: 'done',
  })
  const long = 'é'.repeat(32)
  deepEqual(problemsOf(`{\n"migrate": { "schema": "${long}", "table": 7, "dir": "x" } }`), [
    `c.json:2:24: migrate.schema must be a name of 1 to 63 bytes, found "${long}"`,
    'c.json:2:69: migrate.table must be a name of 1 to 63 bytes, found 7',
    'c.json:2:72: migrate.dir is not a key that snap knows; here it knows directory, schema, table',
  ])
})
