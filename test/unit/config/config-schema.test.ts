import { deepEqual, equal } from 'node:assert/strict'
import { Ajv } from 'ajv'
import { describe, test } from 'vitest'
import { DEFAULT_CONFIG } from '../../../src/config/config.ts'
import { CONFIG_SCHEMA, parseConfig } from '../../../src/config/parse-config.ts'
import type { ValueSchema } from '../../../src/config/value-schema.ts'
import { isSnapError } from '../../../src/errors.ts'

const validate = new Ajv({ keywords: ['keyName'] }).compile(CONFIG_SCHEMA)

function isAccepted(config: unknown): boolean {
  try {
    parseConfig(JSON.stringify(config), 'c.json')
    return true
  } catch (error) {
    if (!isSnapError(error, 'CONFIG_INVALID')) throw error
    return false
  }
}

/** The file is read by readers, and editors are given the schema: both must say the same. */
describe('a validator says of a configuration what snap says', () => {
  test.each([
    [true, {}],
    [true, { $schema: 'x', migrations: ['a'], migrate: { table: 't' } }],
    [true, { rules: { default: { maxLossPercent: false }, tables: { 'a.*': { mayGo: true } } } }],
    [true, { rules: { default: { maxLossPercent: 0 }, alarmIf: ['a.rows = 0'] } }],
    [true, { protected: [{ host: 'h' }], unprotected: [{ database: 'd', address: 'a@b:1/c' }] }],
    [true, { sources: { a: { files: { root: '.', patterns: ['**'], exclude: [] } } } }],
    [true, { sources: { 'a.b': { command: { dump: ['x'], restore: 'y', timeoutSeconds: 0.5 } } } }],
    [true, { sources: { a: { command: { dump: 'x', environment: { A: '' }, directory: 'd' } } } }],
    [true, { alias: { l: 'log --oneline' } }],
    [false, []],
    [false, { rule: {} }],
    [false, { migrations: 'a' }],
    [false, { migrations: [''] }],
    [false, { migrate: { table: '' } }],
    [false, { migrate: { tables: 't' } }],
    [false, { rules: { default: { maxLossPercent: 101 } } }],
    [false, { rules: { default: { maxLossPercent: true } } }],
    [false, { rules: { default: { mayGo: 1 } } }],
    [false, { rules: { tables: { a: { mayGoo: true } } } }],
    [false, { rules: { alarmIf: [''] } }],
    [false, { protected: [{}] }],
    [false, { protected: {} }],
    [false, { sources: { a: {} } }],
    [false, { sources: { a: { files: {} } } }],
    [false, { sources: { a: { files: { root: '.', patterns: [] } } } }],
    [false, { sources: { a: { files: { root: '.' }, command: { dump: 'x' } } } }],
    [false, { sources: { a: { command: { dump: [] } } } }],
    [false, { sources: { a: { command: { dump: 'x', timeoutSeconds: 0 } } } }],
    [false, { sources: { '-a': { files: { root: '.' } } } }],
    [false, { alias: { l: '!ls' } }],
    [false, { alias: { l: ' ' } }],
    [false, { alias: { L: 'log' } }],
  ])('%s: %j', (isValid, config) => {
    deepEqual(
      { snap: isAccepted(config), schema: validate(config) },
      { snap: isValid, schema: isValid },
    )
  })
})

test('defaults that the schema tells are those that hold', () => {
  const { rules, migrations, migrate, protected: marked, unprotected, hints } = DEFAULT_CONFIG
  deepEqual(defaultsOf(CONFIG_SCHEMA), {
    rules: { default: rules.default, alarmIf: rules.alarmIf },
    migrations,
    migrate,
    protected: marked,
    unprotected,
    hints,
  })
})

test('every value is described', () => {
  deepEqual(undescribed(CONFIG_SCHEMA, ''), [])
})

test('the defaults of sources are those of a source that says nothing of them', () => {
  const source = { files: { root: '.' } }
  const [files] = parseConfig(JSON.stringify({ sources: { source } }), 'c.json').sources
  equal(files?.kind, 'files')
})

/** The defaults, as an object of the form of the file. */
function defaultsOf({ default: own, properties }: ValueSchema): unknown {
  if (own !== undefined || properties === undefined) return own
  const inner = Object.entries(properties)
    .map(([name, schema]) => [name, defaultsOf(schema)] as const)
    .filter(([, value]) => value !== undefined)
  return inner.length === 0 ? undefined : Object.fromEntries(inner)
}

function undescribed(schema: ValueSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
    ...(inner.description === undefined ? [`${path}${name}`] : []),
    ...undescribed(inner, `${path}${name}.`),
  ])
}
