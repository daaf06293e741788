import { deepEqual, equal, match } from 'node:assert/strict'
import { expect, test } from 'vitest'
import { EXIT_CODE_MEANINGS, EXIT_CODE_OF_ERROR } from '../../cli/exit-codes.ts'
import { exitCodeOf, formatError, formatErrorAsJson } from '../../cli/output/error-text.ts'
import { type ErrorCode, InvariantError, SnapError } from '../../src/index.ts'
import { schemaProblems } from './json-schema-problems.ts'

const id = 'ab'.repeat(32)
const server = {
  sqlState: '42501',
  serverMessage: 'permission denied for table salaries',
  detail: 'Row contains x.',
  table: 'public.salaries',
}

/** One of every code, with the richest data it can carry. */
const EXAMPLES: { [C in ErrorCode]: SnapError<C> } = {
  STORE_NOT_FOUND: new SnapError(
    'STORE_NOT_FOUND',
    "no store in '/srv/shop' or any directory above",
    { startDirectory: '/srv/shop' },
    { hint: "run 'snap init' to make one" },
  ),
  STORE_EXISTS: new SnapError('STORE_EXISTS', "there is a store in '/srv/shop/.snap' already", {
    location: '/srv/shop/.snap',
  }),
  STORE_LOCKED: new SnapError('STORE_LOCKED', "the store is locked by 'gc' of process 12", {
    operation: 'gc',
    pid: 12,
    host: 'engine',
    startedAt: '2026-03-01T12:00:00.000Z',
  }),
  FORMAT_UNSUPPORTED: new SnapError(
    'FORMAT_UNSUPPORTED',
    'cannot read a store of version 9',
    { expected: 'store 1', found: 'store 9' },
    { hint: 'update snap' },
  ),
  STORE_CORRUPT: new SnapError('STORE_CORRUPT', "'format' is damaged", { key: 'format' }),
  OBJECT_MISSING: new SnapError('OBJECT_MISSING', "object 'abab' is missing", { objectId: id }),
  OBJECT_CORRUPT: new SnapError('OBJECT_CORRUPT', "object 'abab' is corrupt", {
    objectId: id,
    expected: id,
    found: 'cd'.repeat(32),
  }),
  OBJECT_KIND_UNEXPECTED: new SnapError(
    'OBJECT_KIND_UNEXPECTED',
    'expected a tree, found a commit',
    {
      objectId: id,
      expected: 'tree',
      found: 'commit',
    },
  ),
  PACK_CORRUPT: new SnapError('PACK_CORRUPT', "pack 'ab' is truncated", { packKey: 'packs/ab' }),
  REF_CONFLICT: new SnapError('REF_CONFLICT', "cannot move 'refs/heads/main'", {
    refName: 'refs/heads/main',
    expected: id,
    found: null,
  }),
  REF_MISSING: new SnapError('REF_MISSING', "there is no ref 'x'", { refName: 'x' }),
  REF_EXISTS: new SnapError('REF_EXISTS', "cannot create 'x': it exists", { refName: 'x' }),
  REF_NAME_INVALID: new SnapError('REF_NAME_INVALID', "'..' is not a valid ref name", {
    refName: '..',
  }),
  REVISION_UNKNOWN: new SnapError('REVISION_UNKNOWN', "unknown revision 'x'", { revision: 'x' }),
  REVISION_AMBIGUOUS: new SnapError(
    'REVISION_AMBIGUOUS',
    "'abab' is the beginning of 2 commits",
    { revision: 'abab', candidates: [id, `abab${'c'.repeat(60)}`] },
    { hint: 'write more digits' },
  ),
  OPERATION_UNKNOWN: new SnapError(
    'OPERATION_UNKNOWN',
    'there is no operation 17',
    { number: 17 },
    { hint: "run 'snap ops' to list them" },
  ),
  OPERATION_RUNNING: new SnapError(
    'OPERATION_RUNNING',
    "operation 17, 'snap run -- alembic upgrade head', goes on still: process 4242 on engine",
    { number: 17, pid: 4242, host: 'engine', startedAt: '2026-03-01T12:00:00.000Z' },
    { hint: 'wait for it to end, or end it' },
  ),
  COMMIT_PRUNED: new SnapError(
    'COMMIT_PRUNED',
    "commit 'abababababab' is gone: it was pruned on 2026-03-01",
    { commitId: id, prunedAt: '2026-03-01T12:00:00.000Z' },
    { hint: "run 'snap log --all' for the commits there are" },
  ),
  BACKEND_UNAVAILABLE: new SnapError('BACKEND_UNAVAILABLE', "cannot open '/srv'", {
    location: '/srv',
  }),
  BACKEND_READ_ONLY: new SnapError('BACKEND_READ_ONLY', "cannot write 'format'", {
    location: '/srv',
  }),
  BACKEND_FULL: new SnapError('BACKEND_FULL', 'no space left', { location: '/srv' }),
  BACKEND_KEY_MISSING: new SnapError('BACKEND_KEY_MISSING', "there is no 'x'", { key: 'x' }),
  DATABASE_ADDRESS_MISSING: new SnapError(
    'DATABASE_ADDRESS_MISSING',
    'no database is named',
    { looked: ['--database', 'DATABASE_URL'] },
    { hint: 'name it with --database URL' },
  ),
  DATABASE_ADDRESS_AMBIGUOUS: new SnapError(
    'DATABASE_ADDRESS_AMBIGUOUS',
    'the files of this project name 2 databases',
    { candidates: [{ place: '.env.local#POSTGRES_URL', address: 'ada@db:5432/shop' }] },
    { hint: 'say which: --database URL' },
  ),
  DATABASE_ADDRESS_INVALID: new SnapError('DATABASE_ADDRESS_INVALID', 'cannot read DATABASE_URL', {
    source: 'DATABASE_URL',
  }),
  POSTGRES_UNREACHABLE: new SnapError('POSTGRES_UNREACHABLE', "cannot reach 'ada@db:5432/shop'", {
    address: 'ada@db:5432/shop',
  }),
  POSTGRES_AUTHENTICATION_FAILED: new SnapError(
    'POSTGRES_AUTHENTICATION_FAILED',
    "cannot log in to 'ada@db:5432/shop'",
    { address: 'ada@db:5432/shop', user: 'ada' },
  ),
  POSTGRES_REFUSED: new SnapError('POSTGRES_REFUSED', 'syntax error at or near "x"', {
    ...server,
    sqlState: '42601',
    serverHint: 'Try y.',
    constraint: 'shop_pkey',
  }),
  POSTGRES_PERMISSION_DENIED: new SnapError(
    'POSTGRES_PERMISSION_DENIED',
    'permission denied for table salaries',
    server,
    { hint: 'GRANT SELECT, or leave the table out with -T' },
  ),
  POSTGRES_LOCK_TIMEOUT: new SnapError(
    'POSTGRES_LOCK_TIMEOUT',
    "cannot lock 'public.orders': others hold it",
    {
      sqlState: '55P03',
      serverMessage: 'canceling statement due to lock timeout',
      blockers: [
        {
          pid: 4711,
          user: 'app',
          application: 'worker',
          query: `UPDATE orders\n   SET note = '${'x'.repeat(80)}'`,
          since: '2026-03-01T11:59:00.000Z',
          preparedTransaction: null,
        },
        {
          pid: 12,
          user: 'ada',
          application: '',
          query: 'BEGIN',
          since: '2026-03-01T08:00:00.000Z',
          preparedTransaction: null,
        },
      ],
    },
    { hint: 'wait for them, or raise --lock-timeout' },
  ),
  POSTGRES_CONNECTION_LOST: new SnapError('POSTGRES_CONNECTION_LOST', 'the connection was lost', {
    address: 'ada@db:5432/shop',
  }),
  POSTGRES_UNSUPPORTED: new SnapError('POSTGRES_UNSUPPORTED', 'it runs PostgreSQL 13', {
    expected: 'PostgreSQL 14 or newer',
    found: 'PostgreSQL 13',
  }),
  PATTERN_UNMATCHED: new SnapError(
    'PATTERN_UNMATCHED',
    "no table matches 'ordres'",
    { patterns: ['ordres'], candidates: ['orders'] },
    { hint: 'did you mean orders?' },
  ),
  SCHEMA_DUMP_FAILED: new SnapError('SCHEMA_DUMP_FAILED', 'cannot read the schema: one', {
    stderr: 'noise\npg_dump: error: one\npg_dump: detail: two\n',
  }),
  ROWS_HIDDEN: new SnapError('ROWS_HIDDEN', "row security hides rows of 'public.t'", {
    table: 'public.t',
  }),
  SCHEMA_CHANGED_DURING_CAPTURE: new SnapError(
    'SCHEMA_CHANGED_DURING_CAPTURE',
    'the schema changed meanwhile',
    { tables: ['public.a', 'public.b'] },
  ),
  TARGET_MISMATCH: new SnapError('TARGET_MISMATCH', 'this is another database', {
    expected: 'shop',
    found: 'prod',
  }),
  TARGET_EXISTS: new SnapError('TARGET_EXISTS', "a database 'copy' exists", {
    databaseName: 'copy',
  }),
  TARGET_CHANGED: new SnapError('TARGET_CHANGED', 'somebody is changing the schema', {
    expected: 'the schema to stand still',
    found: 'TABLE public.t is missing',
  }),
  DATA_WOULD_BE_LOST: new SnapError('DATA_WOULD_BE_LOST', 'rows cannot be kept', {
    tables: ['public.log'],
  }),
  DATABASE_PROTECTED: new SnapError(
    'DATABASE_PROTECTED',
    "database 'shop' is protected, and there is no terminal to type its name on: snap.config.json protects database shop",
    { databaseName: 'shop', reasons: ['snap.config.json protects database shop'] },
    { hint: 'pass --confirm-database shop if it is to be overwritten' },
  ),
  DEPENDENCIES_MISSING: new SnapError(
    'DEPENDENCIES_MISSING',
    'cannot restore this part alone: TABLE public.users needs TYPE public.mood, which is not in the database',
    {
      needs: [
        {
          state: 'missing',
          entry: 'TYPE public.mood',
          neededBy: 'TABLE public.users',
          add: '--with-dependencies',
        },
      ],
    },
    { hint: 'add --with-dependencies to restore these too' },
  ),
  DEPENDENTS_BROKEN: new SnapError(
    'DEPENDENTS_BROKEN',
    'cannot restore this part alone: VIEW public.v needs column b of TABLE public.t, which would go',
    { dependents: [{ entry: 'VIEW public.v', needs: 'column b of TABLE public.t' }] },
  ),
  ROWS_DO_NOT_FIT: new SnapError('ROWS_DO_NOT_FIT', "cannot load the rows of 'public.t'", {
    tables: [
      { table: 'public.t', columns: ['b'], reason: 'the database has no such column' },
      { table: 'public.u', columns: [], reason: 'the database has no such table' },
    ],
  }),
  FOREIGN_KEY_VIOLATED: new SnapError(
    'FOREIGN_KEY_VIOLATED',
    "rows of 'public.o' refer to nothing",
    {
      violations: [
        { constraint: 'o_fk', table: 'public.o', referencedTable: 'public.c', rowCount: 12 },
      ],
    },
  ),
  CONFIRMATION_NEEDED: new SnapError(
    'CONFIRMATION_NEEDED',
    'cannot ask for a confirmation: no terminal',
    { question: 'Really?' },
    { hint: 'pass -y to confirm' },
  ),
  NOTHING_TO_UNDO: new SnapError('NOTHING_TO_UNDO', 'there is no checkout to undo', {
    refName: 'HEAD',
  }),
  RESTORE_FAILED: new SnapError(
    'RESTORE_FAILED',
    "cannot restore 'VIEW public.v'",
    { step: 'VIEW public.v' },
    {
      cause: new SnapError('POSTGRES_REFUSED', 'relation "t" does not exist', {
        sqlState: '42P01',
        serverMessage: 'relation "t" does not exist',
      }),
    },
  ),
  RESTORE_NOT_PROVEN: new SnapError('RESTORE_NOT_PROVEN', 'the restore is not equal', {
    differences: Array.from({ length: 25 }, (_, index) => `TABLE public.t${index} is missing`),
  }),
  RESTORE_IN_DOUBT: new SnapError('RESTORE_IN_DOUBT', 'the connection was lost at COMMIT', {
    databaseName: 'shop',
  }),
  SOURCE_UNREADABLE: new SnapError(
    'SOURCE_UNREADABLE',
    "cannot read 'private' of source 'uploads': permission denied",
    { source: 'uploads', path: 'private', reason: 'permission denied' },
    { hint: 'make it readable, or leave it out with exclude in snap.config.json' },
  ),
  SOURCE_CHANGED: new SnapError(
    'SOURCE_CHANGED',
    "cannot read 'app.log' of source 'uploads': it was written each time it was read",
    { source: 'uploads', paths: ['app.log', 'other.log'] },
  ),
  SOURCE_UNFINISHED: new SnapError(
    'SOURCE_UNFINISHED',
    "cannot read source 'uploads': a checkout was cut off while it replaced its files",
    { source: 'uploads', stagingPath: '/srv/.uploads.snap-restore-0f0f0f0f0f0f' },
    { hint: "run 'snap checkout' or 'snap undo': both put the files back as they were first" },
  ),
  SOURCE_COMMAND_FAILED: new SnapError(
    'SOURCE_COMMAND_FAILED',
    "the dump command of source 'redis' ended with 3",
    {
      source: 'redis',
      role: 'dump',
      isStarted: true,
      exitCode: 3,
      signal: null,
      stderr: 'connecting\nno such socket',
    },
  ),
  SOURCES_NOT_RESTORED: new SnapError(
    'SOURCES_NOT_RESTORED',
    "database 'shop' is restored, 1 of 2 other datastores are not: redis: the restore command of source 'redis' ended with 3",
    {
      sources: [
        { name: 'shop', state: 'restored', reason: null },
        { name: 'uploads', state: 'unchanged', reason: null },
        { name: 'redis', state: 'unknown', reason: 'the restore command ended with 3' },
      ],
    },
    { hint: "put that right and run 'snap checkout HEAD~1' again" },
  ),
  CONFIG_INVALID: new SnapError(
    'CONFIG_INVALID',
    "'snap.config.json' has 2 problems",
    {
      file: 'snap.config.json',
      problems: [
        { line: 3, column: 5, key: '', message: 'a comma is expected here' },
        {
          line: 7,
          column: 5,
          key: 'rules.default.mayGo',
          message: 'must be true or false, found 1',
        },
      ],
    },
    { hint: "'snap help config' says what may stand in it" },
  ),
  INPUT_UNREADABLE: new SnapError('INPUT_UNREADABLE', "cannot read 'up.sql': ENOENT", {
    path: 'up.sql',
  }),
  CONDITION_INVALID: new SnapError(
    'CONDITION_INVALID',
    "cannot read the condition 'users.rows <': expected a number, found the end",
    { condition: 'users.rows <', offset: 12, reason: 'expected a number, found the end' },
    { hint: "write it as 'users.rows < before * 0.9'" },
  ),
  MIGRATION_INVALID: new SnapError('MIGRATION_INVALID', 'cannot migrate: 2 problems in the files', {
    problems: [
      { file: 'm/1.sql', line: 1, column: 2, message: '\\set is a command of psql' },
      { file: 'm/2.sql', line: 3, column: 4, message: 'COMMIT would end a transaction' },
    ],
  }),
  MIGRATION_DRIFT: new SnapError(
    'MIGRATION_DRIFT',
    "cannot migrate: '1.sql' was edited after it was applied",
    {
      files: [
        { file: '1.sql', expected: id, found: 'cd'.repeat(32) },
        { file: '2.sql', expected: id, found: null },
      ],
    },
  ),
  MIGRATION_OUT_OF_ORDER: new SnapError(
    'MIGRATION_OUT_OF_ORDER',
    "cannot migrate: '1.sql' belongs before '2.sql', which is applied",
    { files: ['m/1.sql'], newestApplied: '2.sql' },
  ),
  MIGRATION_UNFINISHED: new SnapError('MIGRATION_UNFINISHED', "cannot migrate: '1.sql' was begun", {
    file: 'm/1.sql',
  }),
  MIGRATION_FAILED: new SnapError(
    'MIGRATION_FAILED',
    "cannot apply 'm/1.sql': line 3: permission denied for table salaries",
    {
      file: 'm/1.sql',
      line: 3,
      column: 8,
      statement: 'UPDATE salaries\n   SET amount = 0',
      sqlState: '42501',
      reason: 'permission denied for table salaries',
      outcome: 'rolledBack',
    },
    { cause: new SnapError('POSTGRES_PERMISSION_DENIED', server.serverMessage, server) },
  ),
  LOAD_COLUMNS_WRONG: new SnapError(
    'LOAD_COLUMNS_WRONG',
    "cannot load into 'public.orders': the columns do not fit",
    {
      problems: ["column 'ID' of the file is none of the table"],
      fileColumns: ['ID'],
      tableColumns: ['id', 'total'],
    },
  ),
  LOAD_REJECTED: new SnapError('LOAD_REJECTED', 'nothing was loaded: 2 rows do not fit', {
    rejected: [
      {
        rowNumber: 17,
        lineNumber: 19,
        column: 'total',
        value: 'x',
        reason: 'invalid input syntax: "x"',
      },
      {
        rowNumber: 18,
        lineNumber: null,
        column: null,
        value: null,
        reason: 'has 2 fields, and the header 3',
      },
    ],
  }),
  DUMP_UNREADABLE: new SnapError(
    'DUMP_UNREADABLE',
    "cannot import 'shop.dump': it ends too early",
    { path: 'shop.dump', reason: 'it ends too early' },
  ),
  OUTPUT_EXISTS: new SnapError(
    'OUTPUT_EXISTS',
    "cannot write '/tmp/v1.sql': it exists",
    { path: '/tmp/v1.sql' },
    { hint: 'name another, or remove it first' },
  ),
  OUTPUT_UNWRITABLE: new SnapError('OUTPUT_UNWRITABLE', "cannot write '/v1.sql': EACCES", {
    path: '/v1.sql',
  }),
  COMMAND_NOT_FOUND: new SnapError(
    'COMMAND_NOT_FOUND',
    "cannot run 'alembik': it was not found",
    { command: 'alembik' },
    { hint: 'nothing was run; check the name and PATH' },
  ),
  COMMAND_NOT_EXECUTABLE: new SnapError(
    'COMMAND_NOT_EXECUTABLE',
    "cannot run './migrate.sql': it is no program, or may not be executed",
    { command: './migrate.sql' },
    { hint: "nothing was run; 'chmod +x' makes a script executable" },
  ),
  ABORTED: new SnapError('ABORTED', 'commit was interrupted', { operation: 'commit' }),
  USAGE: new SnapError('USAGE', "unknown option '--foo'", { argument: '--foo' }),
  TERMINAL_UNSUITABLE: new SnapError(
    'TERMINAL_UNSUITABLE',
    'cannot draw on this terminal: stdout is not a terminal',
    { reason: 'stdout is not a terminal' },
    { hint: "'snap log' does the same without screens" },
  ),
}

test('every error is said in its own words', () => {
  const texts = Object.values(EXAMPLES).map((error) => formatError(error).join('\n'))
  expect(`${texts.join('\n\n')}\n`).toMatchSnapshot()
})

test('every error has the exit code of its kind', () => {
  const found = Object.values(EXAMPLES).map((error) => [error.code, exitCodeOf(error)])
  deepEqual(found, Object.entries(EXIT_CODE_OF_ERROR).sort(byPlaceIn(Object.keys(EXAMPLES))))
})

test('every exit code that an error can end with has a meaning', () => {
  for (const exitCode of Object.values(EXIT_CODE_OF_ERROR)) {
    equal(typeof EXIT_CODE_MEANINGS[exitCode], 'string')
  }
})

test('under --json every error is as the published schema says', () => {
  for (const error of [...Object.values(EXAMPLES), new TypeError('a bug')]) {
    deepEqual(schemaProblems('error', JSON.parse(formatErrorAsJson(error))), [])
  }
})

test('under --json every error is one line with the same five keys', () => {
  for (const error of Object.values(EXAMPLES)) {
    const line = formatErrorAsJson(error)
    equal(line.includes('\n'), false)
    deepEqual(JSON.parse(line), {
      code: error.code,
      message: error.message,
      hint: error.hint ?? null,
      data: error.data,
      exitCode: EXIT_CODE_OF_ERROR[error.code],
    })
  }
})

test('an error of snap itself shows its stack and its causes, asks for a report, and ends with 70', () => {
  const error = new InvariantError('two trees, one id', { cause: new Error('the cause') })
  const text = formatError(error).join('\n')
  match(text, /^fatal: internal error\nInvariantError: two trees, one id\n/)
  match(text, /errors\.test\.ts/)
  match(text, /caused by: Error: the cause/)
  match(text, /hint: this is a bug in snap: please report it/)
  equal(exitCodeOf(error), 70)
  const { code, exitCode } = JSON.parse(formatErrorAsJson(error))
  deepEqual({ code, exitCode }, { code: 'BUG', exitCode: 70 })
})

test('what a server or a store puts into a message cannot steer the terminal', () => {
  const error = new SnapError('REF_MISSING', "there is no ref '\u001b[2J'", { refName: '' })
  deepEqual(formatError(error), ["fatal: there is no ref '\\x1b[2J'"])
})

function byPlaceIn(order: readonly string[]) {
  return ([a]: [string, number], [b]: [string, number]) => order.indexOf(a) - order.indexOf(b)
}
