import { deepEqual, equal } from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { readMigrations } from '../../../src/migrate/read-migration.ts'

const read = (files: Record<string, string>) =>
  readMigrations(
    Object.entries(files).map(([name, source]) => ({ name, file: `m/${name}`, source })),
  )
const readOne = async (source: string) => (await read({ '1.sql': source }))[0]!

describe('statements that PostgreSQL refuses in a transaction run without one', () => {
  test.each([
    'CREATE INDEX CONCURRENTLY ON t (a)',
    'CREATE UNIQUE INDEX CONCURRENTLY i ON t (a); CREATE INDEX CONCURRENTLY j ON t (b)',
    "SET lock_timeout = '2s'; DROP INDEX CONCURRENTLY i; RESET lock_timeout",
    'REINDEX TABLE CONCURRENTLY t',
    'REINDEX (CONCURRENTLY) INDEX i',
    'REINDEX DATABASE d',
    'VACUUM t',
    'VACUUM (ANALYZE)',
    'CREATE DATABASE d',
    'DROP DATABASE IF EXISTS d',
    "ALTER SYSTEM SET work_mem = '1GB'",
    'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
    'ALTER SUBSCRIPTION s REFRESH PUBLICATION',
    'ALTER DATABASE d SET TABLESPACE t',
    "CREATE TABLESPACE t LOCATION '/x'",
    'CLUSTER',
    'DISCARD ALL',
    'BEGIN; CREATE INDEX CONCURRENTLY ON t (a); COMMIT',
  ])('%s', async (sql) => equal((await readOne(sql)).isTransactional, false))
})

describe('all others run in one', () => {
  test.each([
    'CREATE INDEX ON t (a)',
    'REINDEX TABLE t',
    'ANALYZE t',
    'CLUSTER t USING i',
    'ALTER TABLE t DETACH PARTITION p',
    'REFRESH MATERIALIZED VIEW CONCURRENTLY v',
    "ALTER TYPE e ADD VALUE 'x'",
    'ALTER SUBSCRIPTION s DISABLE',
    'DISCARD TEMP',
    'SAVEPOINT s; INSERT INTO t VALUES (1); ROLLBACK TO s',
    "SELECT 'CREATE INDEX CONCURRENTLY' -- snap: not a line of its own",
    'this is not SQL that version 18 can read',
    '',
  ])('%s', async (sql) => equal((await readOne(sql)).isTransactional, true))
})

test('a file that says so runs without a transaction, whatever is in it', async () => {
  const { isTransactional, statements } = await readOne(
    'BEGIN;\n-- snap: no-transaction\nINSERT INTO t VALUES (1); COMMIT; CREATE INDEX CONCURRENTLY ON t (a);',
  )
  equal(isTransactional, false)
  equal(statements.length, 4)
})

test('BEGIN and COMMIT around a whole file are what the file is anyway', async () => {
  const { statements } = await readOne('BEGIN;\nSELECT 1;\nSELECT 2;\nCOMMIT;\n')
  deepEqual(
    statements.map(({ text, offset }) => [text, offset]),
    [
      ['SELECT 1', 7],
      ['SELECT 2', 17],
    ],
  )
})

test('the rows of a COPY belong to it', async () => {
  const { statements } = await readOne('COPY t FROM stdin;\n1\ta;b\n2\t\\N\n\\.\nSELECT 1;')
  deepEqual(
    statements.map(({ text, copyData }) => [text, copyData]),
    [
      ['COPY t FROM stdin', '1\ta;b\n2\t\\N\n'],
      ['SELECT 1', null],
    ],
  )
})

test('whatever keeps files from being run is listed, each by its line', async () => {
  const files = {
    '1_psql.sql': 'SELECT 1;\n\\set x 1\nSELECT 2;',
    '2_mixed.sql': 'ALTER TABLE t ADD a int;\nCREATE INDEX CONCURRENTLY ON t (a);',
    '3_commit.sql': 'SELECT 1;\nCOMMIT;\nSELECT 2;',
    '4_goose.sql': '-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;',
    '5_typo.sql': '-- snap: no transaction\nVACUUM;',
    '6_copy.sql': 'COPY t TO STDOUT;',
    '7_cut.sql': 'SELECT 1;\nCOPY t FROM stdin;\n1\n2',
  }
  await expect(read(files)).rejects.toMatchObject({
    code: 'MIGRATION_INVALID',
    data: {
      problems: [
        { file: 'm/1_psql.sql', line: 2, message: expect.stringMatching(/^\\set is a command/) },
        { file: 'm/2_mixed.sql', line: 2, message: expect.stringMatching(/^CREATE INDEX CONC/) },
        { file: 'm/3_commit.sql', line: 2, message: expect.stringMatching(/^COMMIT would end/) },
        { file: 'm/4_goose.sql', line: 3, message: expect.stringMatching(/only to go back/) },
        { file: 'm/5_typo.sql', line: 1, message: expect.stringMatching(/is not known/) },
        { file: 'm/6_copy.sql', line: 1, message: expect.stringMatching(/nobody to read/) },
        { file: 'm/7_cut.sql', line: 2, message: expect.stringMatching(/ends within the rows/) },
      ],
    },
  })
})

test('files are in the order of their numbers; those for the way back are not among them', async () => {
  const files = { '10_c.sql': '', '2_b.up.sql': '', '2_b.down.sql': '', '1_a.sql': '' }
  const names = (await read(files)).map(({ name }) => name)
  deepEqual(names, ['1_a.sql', '2_b.up.sql', '10_c.sql'])
})

test('other line ends and a byte order mark are no edit; anything else is', async () => {
  const checksum = async (source: string) => (await readOne(source)).checksum
  equal(await checksum('\uFEFFSELECT 1;\r\n'), await checksum('SELECT 1;\n'))
  expect(await checksum('SELECT 1; \n')).not.toBe(await checksum('SELECT 1;\n'))
})
