/**
 * Opens the byte stream to a server, with TLS where it is asked for.
 *
 * pg negotiates TLS by itself, but not as libpq's `sslmode` says: it cannot
 * fall back, and it checks certificates where libpq does not. So the stream is
 * made here and pg is handed one that is ready for its startup packet.
 */
import { readFile } from 'node:fs/promises'
import { createConnection, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { DatabaseAddress } from '../address/database-address.ts'

/** The server answered that it does not speak TLS. */
export class TlsNotOffered extends Error {
  override readonly name = 'TlsNotOffered'
  readonly code = 'TLS_NOT_OFFERED'
}

export interface OpenedSocket {
  socket: Socket
  isEncrypted: boolean
}

/**
 * Connects, and encrypts before anything else is said if `encrypt` is set.
 *
 * @throws TlsNotOffered  `encrypt` is set and the server refuses TLS
 * @throws Error          as node:net and node:tls report it, or the signal's reason
 */
export async function openSocket(
  address: DatabaseAddress,
  encrypt: boolean,
  signal?: AbortSignal,
): Promise<OpenedSocket> {
  const { host, port } = address.parts
  const plain = address.isLocalSocket
    ? createConnection({ path: `${host}/.s.PGSQL.${port}` })
    : createConnection({ host, port, noDelay: true, keepAlive: true })
  const stop = () => plain.destroy(new Error('the attempt was interrupted'))
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await untilEvent(plain, 'connect')
    if (!encrypt) return { socket: plain, isEncrypted: false }
    await requestTls(plain)
    const secure = connectTls({ socket: plain, ...(await tlsOptions(address)) })
    await untilEvent(secure, 'secureConnect')
    return { socket: secure, isEncrypted: true }
  } catch (error) {
    plain.destroy()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function untilEvent(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => settle(() => reject(error))
    const closed = () => fail(new Error('the server closed the connection'))
    const settle = (act: () => void) => {
      socket.off('error', fail).off('close', closed).off(event, done)
      act()
    }
    const done = () => settle(resolve)
    socket.once('error', fail).once('close', closed).once(event, done)
  })
}

/** @see https://www.postgresql.org/docs/current/protocol-message-formats.html "SSLRequest" */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

async function requestTls(socket: Socket): Promise<void> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const closed = () => reject(new Error('the server closed the connection'))
    socket.once('error', reject).once('close', closed)
    socket.once('data', (bytes) => {
      socket.off('error', reject).off('close', closed)
      socket.pause()
      resolve(bytes)
    })
    socket.write(SSL_REQUEST)
  })
  // Bytes after the answer came unencrypted, from whoever sits in between (CVE-2021-23222).
  if (answer.length !== 1) throw new Error('the server sent data before encryption began')
  if (answer[0] !== 'S'.charCodeAt(0)) throw new TlsNotOffered('the server does not support TLS')
}

async function tlsOptions(address: DatabaseAddress): Promise<ConnectionOptions> {
  const { host, sslMode, sslRootCertificatePath, sslCertificatePath, sslKeyPath } = address.parts
  const options: ConnectionOptions = { minVersion: 'TLSv1.2', host }
  // RFC 6066 §3 allows no IP addresses as server names.
  if (isIP(host) === 0) options.servername = host

  // libpq: with a root certificate at hand, `require` checks the chain like `verify-ca`.
  const checksChain =
    sslMode === 'verify-ca' ||
    sslMode === 'verify-full' ||
    (sslMode === 'require' && sslRootCertificatePath !== null)
  options.rejectUnauthorized = checksChain
  if (checksChain && sslRootCertificatePath !== 'system') {
    if (sslRootCertificatePath === null) {
      throw new Error(`sslmode=${sslMode} needs a root certificate: set sslrootcert`)
    }
    options.ca = await readFile(sslRootCertificatePath)
  }
  if (sslMode !== 'verify-full') options.checkServerIdentity = () => undefined

  if (sslCertificatePath !== null) options.cert = await readFile(sslCertificatePath)
  if (sslKeyPath !== null) options.key = await readFile(sslKeyPath)
  const { sslKeyPassphrase } = address.revealSecrets()
  if (sslKeyPassphrase !== null) options.passphrase = sslKeyPassphrase
  return options
}
