import { expect, test } from 'vitest'
import { DatabaseAddress } from '../../../src/postgres/address/database-address.ts'
import { translateConnectError, translateStatementError } from '../../../src/postgres/sql-state.ts'

const address = new DatabaseAddress({
  host: 'h',
  port: 5432,
  databaseName: 'd',
  user: 'ann',
  password: 'hunter2',
  sslMode: 'prefer',
  sslRootCertificatePath: null,
  sslCertificatePath: null,
  sslKeyPath: null,
  sslKeyPassphrase: null,
  channelBinding: 'prefer',
  applicationName: null,
  options: null,
  connectTimeoutMs: 1000,
  source: 'DATABASE_URL',
  warnings: [],
})

const server = (code: string, message: string, more = {}) =>
  Object.assign(new Error(message), { severity: 'ERROR', code, ...more })
const system = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

test.each([
  ['28P01', 'POSTGRES_AUTHENTICATION_FAILED', false],
  ['28000', 'POSTGRES_AUTHENTICATION_FAILED', false],
  ['3D000', 'POSTGRES_REFUSED', false],
  ['42501', 'POSTGRES_PERMISSION_DENIED', false],
  ['53300', 'POSTGRES_REFUSED', true],
  ['57P03', 'POSTGRES_UNREACHABLE', true],
  ['08P01', 'POSTGRES_UNREACHABLE', true],
])('SQLSTATE %s while connecting is %s', (sqlState, code, retryable) => {
  const error = translateConnectError(server(sqlState, 'no'), address)
  expect([error.code, error.retryable, error.message]).toEqual([
    code,
    retryable,
    "cannot connect to 'ann@h:5432/d': no",
  ])
})

test.each(['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EACCES'])(
  'the system error %s while connecting is unreachable, with a hint',
  (code) => {
    const error = translateConnectError(system(code), address)
    expect(error).toMatchObject({ code: 'POSTGRES_UNREACHABLE', retryable: true })
    expect(error.hint).toBeTypeOf('string')
  },
)

test.each([
  ['42501', 'POSTGRES_PERMISSION_DENIED'],
  ['55P03', 'POSTGRES_LOCK_TIMEOUT'],
  ['57P01', 'POSTGRES_CONNECTION_LOST'],
  ['57P02', 'POSTGRES_CONNECTION_LOST'],
  ['08006', 'POSTGRES_CONNECTION_LOST'],
  ['57014', 'POSTGRES_REFUSED'],
  ['23505', 'POSTGRES_REFUSED'],
])('SQLSTATE %s of a statement is %s', (sqlState, code) => {
  const error = translateStatementError(server(sqlState, 'no'), { address, isAborted: false })
  expect(error.code).toBe(code)
})

test('a statement cancelled because the caller aborted is ABORTED', () => {
  const error = translateStatementError(server('57014', 'no'), { address, isAborted: true })
  expect(error.code).toBe('ABORTED')
})

test('a serialization failure may be retried', () => {
  const error = translateStatementError(server('40001', 'no'), { address, isAborted: false })
  expect(error.retryable).toBe(true)
})

test.each([
  ['permission denied for table users', 'ask the owner for: GRANT SELECT ON TABLE users TO ann'],
  ['permission denied for schema app', 'ask the owner for: GRANT USAGE ON SCHEMA app TO ann'],
  ['permission denied for sequence s', 'ask the owner for: GRANT SELECT ON SEQUENCE s TO ann'],
  ['must be owner of table users', 'connect as the owner of table users'],
  ['keine Berechtigung für Tabelle users', undefined],
])('"%s" hints at what would help', (message, hint) => {
  const error = translateStatementError(server('42501', message), { address, isAborted: false })
  expect(error.hint).toBe(hint)
})

test('hidden rows are told from a missing privilege in any language of the server', () => {
  const error = translateStatementError(
    server('42501', 'Anfrage würde von Policy für Tabelle »app geheim« beeinflusst werden', {
      routine: 'check_enable_rls',
    }),
    { address, isAborted: false },
  )
  expect([error.code, error.data]).toEqual(['ROWS_HIDDEN', { table: 'app geheim' }])
})

test("the server's whole answer is kept in data, and only its message in the message", () => {
  const error = translateStatementError(
    server('23505', 'duplicate key', {
      detail: 'Key (email)=(ann@example.org) already exists.',
      hint: 'h',
      schema: 'app',
      table: 'users',
      constraint: 'users_key',
    }),
    { address, isAborted: false },
  )
  expect([error.message, error.data]).toEqual([
    'duplicate key',
    {
      sqlState: '23505',
      serverMessage: 'duplicate key',
      detail: 'Key (email)=(ann@example.org) already exists.',
      serverHint: 'h',
      table: 'app.users',
      constraint: 'users_key',
    },
  ])
})
