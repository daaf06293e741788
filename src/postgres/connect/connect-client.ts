/**
 * Authenticates a pg client over a stream of ours, with libpq's fallbacks between TLS and plain text.
 */
import type { Socket } from 'node:net'
import pg from 'pg'
import { SnapError } from '../../errors.ts'
import { type DatabaseAddress, describeAddress } from '../address/database-address.ts'
import { isServerError, translateConnectError } from '../sql-state.ts'
import { openSocket, TlsNotOffered } from './open-socket.ts'

export interface ConnectedClient {
  client: pg.Client
  isEncrypted: boolean
}

/**
 * Opens and authenticates one connection.
 *
 * @throws POSTGRES_UNREACHABLE            nobody answers, or not with the encryption asked for
 * @throws POSTGRES_AUTHENTICATION_FAILED  the server does not accept this user or password
 * @throws POSTGRES_REFUSED                the server answers, and says no (no such database, too many connections)
 * @throws ABORTED                         `signal` was aborted meanwhile
 */
export async function connectClient(
  address: DatabaseAddress,
  options: { applicationName: string; signal?: AbortSignal },
): Promise<ConnectedClient> {
  const deadline = new Deadline(address.parts.connectTimeoutMs, options.signal)
  const attempts = encryptionAttempts(address)
  try {
    for (const [position, encrypt] of attempts.entries()) {
      try {
        return await attempt(address, encrypt, options.applicationName, deadline.signal)
      } catch (error) {
        const isLast = position === attempts.length - 1
        if (isLast || deadline.signal.aborted || !mayFallBack(error)) throw error
      }
    }
    throw new TypeError('there is always at least one attempt')
  } catch (error) {
    if (options.signal?.aborted) {
      throw new SnapError('ABORTED', 'connecting was interrupted', { operation: 'connect' })
    }
    if (deadline.signal.aborted) throw timedOut(address)
    throw translateConnectError(error instanceof AttemptFailed ? error.cause : error, address)
  } finally {
    deadline.clear()
  }
}

/** Which encryption to try, in order: the table in libpq's chapter "SSL Support". */
function encryptionAttempts(address: DatabaseAddress): boolean[] {
  if (address.isLocalSocket) return [false]
  switch (address.parts.sslMode) {
    case 'disable':
      return [false]
    case 'allow':
      return [false, true]
    case 'prefer':
      return [true, false]
    default:
      return [true]
  }
}

/** The server turned us away; `isBeforeAuthentication` tells whether another encryption may help. */
class AttemptFailed extends Error {
  readonly isBeforeAuthentication: boolean

  constructor(cause: unknown, isBeforeAuthentication: boolean) {
    super('the server turned the connection away', { cause })
    this.isBeforeAuthentication = isBeforeAuthentication
  }
}

/** A missing server is as missing without TLS, so only TLS itself and pg_hba.conf's answer are reasons. */
function mayFallBack(error: unknown): boolean {
  if (error instanceof TlsNotOffered) return true
  if (error instanceof AttemptFailed) return error.isBeforeAuthentication
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO'
}

async function attempt(
  address: DatabaseAddress,
  encrypt: boolean,
  applicationName: string,
  signal: AbortSignal,
): Promise<ConnectedClient> {
  const { socket, isEncrypted } = await openSocket(address, encrypt, signal)
  const client = new pg.Client({
    host: address.parts.host,
    port: address.parts.port,
    user: address.user,
    database: address.databaseName,
    // As a function: pg would replace an empty string by PGPASSWORD of the process.
    password: () => {
      negotiation.assertAcceptable()
      return passwordFor(address)
    },
    // A blank is "no options", and keeps pg from reading PGOPTIONS of the process.
    options: address.parts.options ?? ' ',
    application_name: address.parts.applicationName ?? applicationName,
    stream: () => alreadyConnected(socket),
    ssl: false,
    enableChannelBinding: isEncrypted && address.parts.channelBinding === 'require',
  })
  const negotiation = watchNegotiation(client, address)
  const stop = () => socket.destroy(new Error('the attempt was interrupted'))
  signal.addEventListener('abort', stop, { once: true })
  // pg reports on the client what happens between two statements; `Session` listens once it has the client.
  client.on('error', ignore)
  try {
    await client.connect()
    negotiation.assertAcceptable()
    return { client, isEncrypted }
  } catch (error) {
    socket.destroy()
    throw isServerError(error) ? new AttemptFailed(error, !negotiation.hasBegun) : error
  } finally {
    client.off('error', ignore)
    signal.removeEventListener('abort', stop)
  }
}

function ignore(): void {}

function passwordFor(address: DatabaseAddress): string {
  const { password } = address.revealSecrets()
  if (password !== null && password !== '') return password
  throw new SnapError(
    'POSTGRES_AUTHENTICATION_FAILED',
    `cannot connect to '${describeAddress(address)}': the server asks for a password and none is known`,
    { address: describeAddress(address), user: address.user },
    { hint: 'set PGPASSWORD, add a line to ~/.pgpass, or put the password into the URL' },
  )
}

/** pg calls `connect` and waits for the event; this stream has all that behind it. */
function alreadyConnected(socket: Socket): Socket {
  return Object.assign(socket, {
    connect: () => {
      process.nextTick(() => socket.emit('connect'))
      return socket
    },
  })
}

/**
 * Follows which authentication the server asks for; our listeners run before pg's.
 *
 * pg takes plain SCRAM when the server does not offer channel binding, which is
 * just what `channel_binding=require` forbids.
 */
function watchNegotiation(client: pg.Client, address: DatabaseAddress) {
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  const state = { hasBegun: false, isBound: false }
  for (const request of ['Ok', 'CleartextPassword', 'MD5Password', 'SASL']) {
    connection.once(`authentication${request}`, (message: { mechanisms?: string[] }) => {
      state.hasBegun = true
      if (message.mechanisms?.includes('SCRAM-SHA-256-PLUS')) state.isBound = true
    })
  }
  return {
    get hasBegun() {
      return state.hasBegun
    },
    assertAcceptable(): void {
      if (address.parts.channelBinding === 'require' && !state.isBound) {
        throw new Error('channel binding is required and the server did not offer it')
      }
    },
  }
}

function timedOut(address: DatabaseAddress): SnapError {
  const where = describeAddress(address)
  return new SnapError(
    'POSTGRES_UNREACHABLE',
    `cannot connect to '${where}': no answer within ${address.parts.connectTimeoutMs / 1000} s`,
    { address: where },
    { hint: 'check host, port and firewall, or raise connect_timeout', retryable: true },
  )
}

/** Aborts after a time or when the caller does; `clear` lets the process end. */
class Deadline {
  readonly signal: AbortSignal
  readonly #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    const controller = new AbortController()
    this.signal =
      outer === undefined ? controller.signal : AbortSignal.any([outer, controller.signal])
    if (timeoutMs > 0) this.#timer = setTimeout(() => controller.abort(), timeoutMs)
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}
