import { deepEqual, equal } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'vitest'
import { findPendingMigrations } from '../../../src/migrations/pending-migrations.ts'

const head = (tool: string, ...heads: string[]) => ({ tool, table: 't', heads })
const statusesOf = (files: string[], heads: ReturnType<typeof head>[]) =>
  findPendingMigrations(
    files.map((file) => ({ file, source: `-- ${file}` })),
    heads,
  ).map(({ migration, status }) => [migration.file, status])

describe('what a tool has applied is told by its names', () => {
  test.each<[string, ReturnType<typeof head>, [string, string][]]>([
    [
      'prisma',
      head('prisma', '20240201_two'),
      [
        ['p/20240101_one/migration.sql', 'applied'],
        ['p/20240201_two/migration.sql', 'applied'],
        ['p/20240301_three/migration.sql', 'pending'],
        ['p/seed.sql', 'unknown'],
      ],
    ],
    [
      'flyway',
      head('flyway', '2.10'),
      [
        ['U2__back.sql', 'wayBack'],
        ['V1__a.sql', 'applied'],
        ['V2.9__b.sql', 'applied'],
        ['V2.10__c.sql', 'applied'],
        ['V2_11__d.sql', 'pending'],
        ['V10__e.sql', 'pending'],
        ['R__views.sql', 'pending'],
      ],
    ],
    [
      'golang-migrate',
      head('golang-migrate', '9'),
      [
        ['000008_a.up.sql', 'applied'],
        ['000009_b.down.sql', 'wayBack'],
        ['000009_b.up.sql', 'applied'],
        ['000010_c.up.sql', 'pending'],
        ['notes.sql', 'unknown'],
      ],
    ],
    [
      'golang-migrate, dirty',
      head('golang-migrate', '9 (dirty)'),
      [
        ['8_a.up.sql', 'applied'],
        ['9_b.up.sql', 'pending'],
        ['10_c.up.sql', 'pending'],
      ],
    ],
    [
      'rails, dbmate and their like',
      head('schema_migrations', '20240201000000'),
      [
        ['20240101000000_a.sql', 'applied'],
        ['20240201000000_b.sql', 'applied'],
        ['20240201000001_c.sql', 'pending'],
      ],
    ],
    [
      'knex',
      head('knex', '20240201_two.js'),
      [
        ['20240101_one.sql', 'applied'],
        ['20240201_two.sql', 'applied'],
        ['20240301_three.sql', 'pending'],
      ],
    ],
    [
      'a tool that has applied nothing yet',
      head('prisma'),
      [['p/20240101_one/migration.sql', 'pending']],
    ],
    [
      'tools whose order is not in the names',
      head('sqitch', 'shop:users'),
      [
        ['deploy/orders.sql', 'unknown'],
        ['revert/orders.sql', 'wayBack'],
      ],
    ],
    [
      'files that are no SQL',
      head('alembic', 'ae1027a6acf'),
      [
        ['versions/ae1027a6acf_x.py', 'notSql'],
        ['versions/raw.sql', 'unknown'],
      ],
    ],
  ])('%s', (_, tool, expected) => {
    const files = expected.map(([file]) => file)
    deepEqual(statusesOf(files.toReversed(), [tool]), expected)
  })
})

test('drizzle names the newest migration by what is in it', () => {
  const sources = ['create table a ()', 'drop table a', 'create table b ()']
  const files = sources.map((source, i) => ({ file: `000${i}_x.sql`, source }))
  const hash = createHash('sha256').update(sources[1]!).digest('hex')
  const statuses = (at: string) =>
    findPendingMigrations(files, [head('drizzle', at)]).map(({ status }) => status)
  deepEqual(statuses(hash), ['applied', 'applied', 'pending'])
  deepEqual(statuses('0'.repeat(64)), ['unknown', 'unknown', 'unknown'])
})

test('without a trace of any tool every file may be pending', () => {
  const [only] = findPendingMigrations([{ file: '1.sql', source: '' }], [])
  equal(only?.status, 'unknown')
  equal(only?.reason, 'no migration tool has left a trace in the database')
})

test('of two tools that can tell, one that has not applied a file is enough', () => {
  const heads = [head('schema_migrations', '5'), head('ecto', '3')]
  deepEqual(statusesOf(['3_a.sql', '4_b.sql'], heads), [
    ['3_a.sql', 'applied'],
    ['4_b.sql', 'pending'],
  ])
})
