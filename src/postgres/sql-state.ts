/**
 * Turns what goes wrong between us and a server into the library's own codes.
 *
 * This is the only place that looks at SQLSTATEs, operating system error codes
 * and server messages; no layer above does. What the server says is passed on
 * whole in `data`; its detail (which may quote a row) never enters a message.
 */
import { type Blocker, type PostgresErrorData, SnapError } from '../errors.ts'
import { type DatabaseAddress, describeAddress } from './address/database-address.ts'

/** An ErrorResponse of the server, as pg hands it over or as we decoded it ourselves. */
export interface ServerError {
  severity: string | undefined
  code: string
  message: string
  detail?: string | undefined
  hint?: string | undefined
  schema?: string | undefined
  table?: string | undefined
  constraint?: string | undefined
  /** Name of the C function that raised it: the same in every language of the server's messages. */
  routine?: string | undefined
  /** Where in the statement the fault is: characters, 1-based, as text. */
  position?: string | undefined
}

/** Returns where in its statement the server found the fault, in characters from 0; undefined where it does not say. */
export function faultOffsetOf(error: SnapError): number | undefined {
  const { cause } = error
  const position = isServerError(cause) ? Number(cause.position) : Number.NaN
  return position >= 1 ? position - 1 : undefined
}

export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Object &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code) &&
    'severity' in error
  )
}

/** Translates a failure to open a connection. */
export function translateConnectError(error: unknown, address: DatabaseAddress): SnapError {
  if (error instanceof SnapError) return error
  const where = describeAddress(address)
  if (!isServerError(error)) return unreachable(error, address)

  const data = toData(error)
  const options = { cause: error }
  const sentence = `cannot connect to '${where}': ${error.message}`
  if (error.code.startsWith('28')) {
    return new SnapError(
      'POSTGRES_AUTHENTICATION_FAILED',
      sentence,
      { address: where, user: address.user },
      { ...options, hint: 'check user and password, and the rules in pg_hba.conf' },
    )
  }
  if (error.code === '57P03' || error.code.startsWith('08')) {
    return new SnapError(
      'POSTGRES_UNREACHABLE',
      sentence,
      { address: where },
      { ...options, retryable: true },
    )
  }
  if (error.code === '3D000') {
    const hint = `create it (CREATE DATABASE) or name another database in ${address.parts.source}`
    return new SnapError('POSTGRES_REFUSED', sentence, data, { ...options, hint })
  }
  if (error.code === '53300') {
    const hint = 'close other connections, use fewer jobs, or raise max_connections'
    return new SnapError('POSTGRES_REFUSED', sentence, data, { ...options, hint, retryable: true })
  }
  if (error.code === '42501') {
    return new SnapError('POSTGRES_PERMISSION_DENIED', sentence, data, {
      ...options,
      ...grantHint(error.message, address.user),
    })
  }
  return new SnapError('POSTGRES_REFUSED', sentence, data, options)
}

/** Translates a failure of a statement on an open connection. */
export function translateStatementError(
  error: unknown,
  context: { address: DatabaseAddress; isAborted: boolean; blockers?: Blocker[] },
): SnapError {
  if (error instanceof SnapError) return error
  if (!isServerError(error)) return connectionLost(context.address, error)

  const options = { cause: error }
  if (error.code === '57014' && context.isAborted) {
    return new SnapError(
      'ABORTED',
      'the statement was interrupted',
      { operation: 'statement' },
      options,
    )
  }
  if (/^57P0[123]|^08/.test(error.code)) return connectionLost(context.address, error)

  const data = toData(error)
  switch (error.code) {
    case '42501':
      // check_enable_rls is the function that finds row security active with row_security off.
      if (error.routine === 'check_enable_rls') return rowsHidden(error)
      return new SnapError('POSTGRES_PERMISSION_DENIED', error.message, data, {
        ...options,
        ...grantHint(error.message, context.address.user),
      })
    case '55P03':
      return new SnapError(
        'POSTGRES_LOCK_TIMEOUT',
        `cannot get a lock in time: ${error.message}`,
        { ...data, blockers: context.blockers ?? [] },
        {
          ...options,
          hint: 'end or wait for the transaction that holds it, then try again',
          retryable: true,
        },
      )
    case '53200':
      return new SnapError('POSTGRES_REFUSED', error.message, data, {
        ...options,
        ...(error.hint?.includes('max_locks_per_transaction')
          ? { hint: LOCK_TABLE_FULL_HINT }
          : {}),
      })
    default:
      // Class 40: the server rolled the transaction back and says that a repetition may succeed.
      return new SnapError('POSTGRES_REFUSED', error.message, data, {
        ...options,
        retryable: error.code.startsWith('40'),
      })
  }
}

const LOCK_TABLE_FULL_HINT =
  'one transaction locks every object it reads or makes: raise max_locks_per_transaction and restart the server'

export function connectionLost(address: DatabaseAddress, cause: unknown): SnapError {
  const where = describeAddress(address)
  const reason = cause instanceof Error || isServerError(cause) ? `: ${cause.message}` : ''
  return new SnapError(
    'POSTGRES_CONNECTION_LOST',
    `connection to '${where}' was lost${reason}`,
    { address: where },
    { cause },
  )
}

const HINT_BY_SYSTEM_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'start the server, or check host and port',
  ENOENT: 'no socket is there: start the server, or check the socket directory and port',
  ENOTFOUND: 'check the host name',
  EAI_AGAIN: 'the host name could not be looked up now: check the network',
  EACCES: 'the socket exists, but this user may not open it',
  ETIMEDOUT: 'check host, port and firewall',
  EHOSTUNREACH: 'check the network route to the host',
  ENETUNREACH: 'check the network route to the host',
  TLS_NOT_OFFERED: 'turn TLS on in the server, or allow plain text with sslmode=prefer',
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another host: check the host's name",
  SELF_SIGNED_CERT_IN_CHAIN: 'name the authority that signed the certificate with sslrootcert',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'name the certificate itself with sslrootcert',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'name the authority that signed the certificate with sslrootcert',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'name the authority that signed the certificate with sslrootcert',
}

function unreachable(error: unknown, address: DatabaseAddress): SnapError {
  const where = describeAddress(address)
  const systemCode = systemCodeOf(error)
  const hint = systemCode === undefined ? undefined : HINT_BY_SYSTEM_CODE[systemCode]
  const reason = error instanceof Error ? error.message || systemCode || error.name : String(error)
  return new SnapError(
    'POSTGRES_UNREACHABLE',
    `cannot connect to '${where}': ${reason}`,
    { address: where },
    { cause: error, retryable: true, ...(hint === undefined ? {} : { hint }) },
  )
}

/** Node reports an AggregateError with an empty message when it tried several addresses of one host. */
function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}

function toData(error: ServerError): PostgresErrorData {
  const data: PostgresErrorData = { sqlState: error.code, serverMessage: error.message }
  if (error.detail !== undefined) data.detail = error.detail
  if (error.hint !== undefined) data.serverHint = error.hint
  if (error.table !== undefined) {
    data.table = error.schema === undefined ? error.table : `${error.schema}.${error.table}`
  }
  if (error.constraint !== undefined) data.constraint = error.constraint
  return data
}

function rowsHidden(error: ServerError): SnapError {
  const table = /["«»„“](.+)["«»“”]/.exec(error.message)?.[1] ?? ''
  return new SnapError(
    'ROWS_HIDDEN',
    `cannot read all rows: ${error.message}`,
    { table },
    {
      cause: error,
      hint: "connect as the table's owner, or as a role with BYPASSRLS",
    },
  )
}

const PRIVILEGE_BY_OBJECT: ReadonlyArray<readonly [words: string, grant: string]> = [
  ['table', 'SELECT ON TABLE'],
  ['view', 'SELECT ON TABLE'],
  ['materialized view', 'SELECT ON TABLE'],
  ['foreign table', 'SELECT ON TABLE'],
  ['sequence', 'SELECT ON SEQUENCE'],
  ['large object', 'SELECT ON LARGE OBJECT'],
  ['schema', 'USAGE ON SCHEMA'],
  ['database', 'CONNECT ON DATABASE'],
  ['function', 'EXECUTE ON FUNCTION'],
  ['foreign server', 'USAGE ON FOREIGN SERVER'],
  ['foreign-data wrapper', 'USAGE ON FOREIGN DATA WRAPPER'],
  ['language', 'USAGE ON LANGUAGE'],
  ['type', 'USAGE ON TYPE'],
]

/** Best effort: a server that speaks another language than English gets no hint. */
function grantHint(serverMessage: string, user: string): { hint?: string } {
  const denied = /permission denied (?:for|to access) (.+)$/.exec(serverMessage)?.[1]
  if (denied !== undefined) {
    const match = PRIVILEGE_BY_OBJECT.find(([words]) => denied.startsWith(`${words} `))
    if (match !== undefined) {
      const [words, grant] = match
      const name = denied.slice(words.length + 1).replace(/^"(.*)"$/, '$1')
      return { hint: `ask the owner for: GRANT ${grant} ${name} TO ${user}` }
    }
  }
  const owned = /must be (?:the )?owner of (.+)$/.exec(serverMessage)?.[1]
  return owned === undefined ? {} : { hint: `connect as the owner of ${owned}` }
}
