/**
 * What `compareTypes` says of every pair of types, against what the server does.
 *
 * Each edge value of a type is put into a column whose type is then changed, on its own. What
 * `keeps` must neither fail nor change it; what `refuses` may fail but not change it; and of what
 * is said to `lose`, some value must really come back as another.
 */
import { deepEqual } from 'node:assert/strict'
import type pg from 'pg'
import { test } from 'vitest'
import { asKind, loadSqlParser, SyntaxProblem } from '../../src/migrations/sql-parser.ts'
import {
  compareTypes,
  type SqlType,
  type TypeChange,
  toSqlType,
} from '../../src/migrations/type-change.ts'
import { allMajors, createDatabase } from '../support/postgres.ts'

/** Types with values at their edges. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  smallint: ['0', '32767', '-32768'],
  integer: ['7', '2147483647', '-2147483648', '16777217'],
  bigint: ['7', '9223372036854775807', '-9223372036854775808', '9007199254740993'],
  numeric: ['0', '123456789012345678901234567890', '0.123456789012345678901', '1.5'],
  'numeric(10,2)': ['99999999.99', '-99999999.99', '0.05'],
  'numeric(5,0)': ['99999', '-1'],
  'numeric(12,2)': ['9999999999.99', '0.01'],
  'numeric(10,1)': ['999999999.9', '1.5'],
  'numeric(20,0)': ['99999999999999999999'],
  real: ['1.5', '3.4e38', '0.1', '1.2345679'],
  'double precision': ['1.5', '1.7e308', '0.1', '1e-300', '1.2345678901234567'],
  text: ['', 'a', 'a rather long text that goes on', '12'],
  'varchar(5)': ['', 'abcde'],
  'varchar(30)': ['abcdefghij', 'a'],
  varchar: ['abcdefghijklmnopqrstuvwxyz0123456789'],
  'char(5)': ['ab', 'abcde'],
  'bit(3)': ['101'],
  'bit(5)': ['10101'],
  'varbit(3)': ['101', '1'],
  varbit: ['1', '1010101010'],
  date: ['2024-02-29', '1900-01-01'],
  time: ['12:34:56.789012', '00:00:00'],
  'time(0)': ['12:34:56'],
  timetz: ['12:34:56+05'],
  timestamp: ['2024-02-29 12:34:56.789012', '2024-10-27 02:30:00'],
  'timestamp(0)': ['2024-02-29 12:34:56'],
  timestamptz: [
    '2024-02-29 12:34:56.789012+00',
    '2024-10-27 00:30:00+00',
    '2024-10-27 01:30:00+00',
  ],
  'timestamptz(3)': ['2024-02-29 12:34:56.789+00', '2024-10-27 00:30:00+00'],
  interval: ['1 year 2 months 3 days 04:05:06.789', '-1 day'],
  json: ['{"a": 1}'],
  jsonb: ['{"a": 1}'],
  inet: ['192.168.1.5/24', '::1'],
  cidr: ['192.168.1.0/24'],
  boolean: ['true', 'false'],
  uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  'integer[]': ['{1,2147483647}'],
  'bigint[]': ['{1,9223372036854775807}'],
}

test('what is said of a change of type is what the server does', async () => {
  // Casts between these types have not changed since PostgreSQL 14.
  const database = await createDatabase(allMajors.at(-1)!)
  const types = await parseTypes(Object.keys(TYPES))
  const wrong: string[] = []
  await database.withClient(async (client) => {
    await client.query("SET TimeZone = 'Europe/Berlin'; SET extra_float_digits = 1")
    for (const [from, values] of Object.entries(TYPES)) {
      for (const to of Object.keys(TYPES)) {
        const said = compareTypes(types.get(from), types.get(to)!)
        if (said === 'unknown') continue
        const done = await changeEach(client, { from, to, values })
        const contradiction = contradictionOf(said, done)
        if (contradiction !== undefined)
          wrong.push(`${from} to ${to}: ${said}, but ${contradiction}`)
      }
    }
  })
  deepEqual(wrong, [])
})

type Outcome = 'kept' | 'changed' | 'refused' | 'impossible'

function contradictionOf(
  said: Exclude<TypeChange, 'unknown'>,
  done: Outcome[],
): string | undefined {
  // The server wants USING, so no value is changed by the statement as it stands.
  if (done.includes('impossible')) return undefined
  switch (said) {
    case 'keeps':
      return done.every((each) => each === 'kept') ? undefined : done.join(', ')
    case 'refuses':
      return done.includes('changed') ? done.join(', ') : undefined
    case 'loses':
      return done.includes('changed') ? undefined : done.join(', ')
  }
}

async function changeEach(
  client: pg.Client,
  { from, to, values }: { from: string; to: string; values: readonly string[] },
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const value of values) {
    await client.query(`BEGIN; CREATE TEMP TABLE t (v ${from})`)
    await client.query('INSERT INTO t VALUES ($1)', [value])
    outcomes.push(await change(client, { from, to, value }))
    await client.query('ROLLBACK')
  }
  return outcomes
}

const DATATYPE_MISMATCH = '42804'

async function change(
  client: pg.Client,
  { from, to, value }: { from: string; to: string; value: string },
): Promise<Outcome> {
  try {
    await client.query(`ALTER TABLE t ALTER v TYPE ${to}`)
  } catch (error) {
    return (error as { code?: string }).code === DATATYPE_MISMATCH ? 'impossible' : 'refused'
  }
  await client.query('SAVEPOINT back')
  // There may be no cast back but by text.
  for (const expression of [`v::${from}`, `v::text::${from}`]) {
    try {
      const { rows } = await client.query(
        `SELECT (${expression})::text = ($1::text::${from})::text AS same FROM t`,
        [value],
      )
      return rows[0].same ? 'kept' : 'changed'
    } catch {
      await client.query('ROLLBACK TO back')
    }
  }
  return 'changed'
}

async function parseTypes(names: readonly string[]): Promise<Map<string, SqlType>> {
  const parser = await loadSqlParser()
  return new Map(
    names.map((name) => {
      const nodes = parser.parse(`CREATE TABLE t (v ${name})`)
      if (nodes instanceof SyntaxProblem) throw new Error(nodes.message)
      const element = asKind(nodes[0], 'CreateStmt')?.tableElts?.[0]
      return [name, toSqlType(asKind(element, 'ColumnDef')?.typeName)!]
    }),
  )
}
