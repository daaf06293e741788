/**
 * `sslmode` against servers that demand TLS, and against one that has none.
 *
 * The certificate is for `localhost` alone, so that 127.0.0.1 is the same server
 * under a name the certificate does not have.
 */
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../cli/demo/embedded-postgres.ts'
import { isSnapError } from '../../../src/errors.ts'
import { dumpSchema } from '../../../src/postgres/pg-dump/dump-schema.ts'
import { addressOf, untilSleeping, withSession } from './sessions.ts'

const fixture = (name: string) => new URL(`../../../fixtures/tls/${name}`, import.meta.url).pathname
const trusted = fixture('authority.crt')
const untrusted = fixture('other-authority.crt')
const ROLE = 'tls_user'
const PASSWORD = 'hunter2'

async function outcome(url: string): Promise<string> {
  try {
    return await withSession(url, async (session) => (session.isEncrypted ? 'encrypted' : 'plain'))
  } catch (error) {
    expect(inspect(error, { depth: null })).not.toContain(PASSWORD)
    return isSnapError(error) ? error.code : String(error)
  }
}

function urlOf(server: EmbeddedPostgres, host: string, parameters: Record<string, string>): string {
  const query = new URLSearchParams(parameters)
  return `postgresql://${ROLE}:${PASSWORD}@${host}:${server.port}/postgres?${query}`
}

describe('a server that demands TLS', () => {
  let server: EmbeddedPostgres
  beforeAll(async () => {
    const tls = { keyFile: fixture('server.key'), certificateFile: fixture('server.crt') }
    server = await startEmbeddedPostgres({ tcp: { role: ROLE, password: PASSWORD, tls } })
  })
  afterAll(() => server.stop())

  const at = (host: string) => (sslmode: string, sslrootcert?: string) =>
    outcome(urlOf(server, host, { sslmode, ...(sslrootcert === undefined ? {} : { sslrootcert }) }))

  test.each([
    ['disable', undefined, 'POSTGRES_AUTHENTICATION_FAILED'],
    ['allow', undefined, 'encrypted'],
    ['prefer', undefined, 'encrypted'],
    ['prefer', untrusted, 'encrypted'],
    ['require', undefined, 'encrypted'],
    ['require', trusted, 'encrypted'],
    ['require', untrusted, 'POSTGRES_UNREACHABLE'],
    ['verify-ca', undefined, 'POSTGRES_UNREACHABLE'],
    ['verify-ca', trusted, 'encrypted'],
    ['verify-ca', untrusted, 'POSTGRES_UNREACHABLE'],
    ['verify-ca', '/nonexistent', 'POSTGRES_UNREACHABLE'],
    ['verify-full', trusted, 'encrypted'],
    ['verify-full', 'system', 'POSTGRES_UNREACHABLE'],
  ])('sslmode=%s with the root certificate %s: %s', async (sslmode, root, expected) => {
    expect(await at('localhost')(sslmode, root)).toBe(expected)
  })

  test('only verify-full minds a host name that the certificate does not have', async () => {
    expect(await at('127.0.0.1')('verify-ca', trusted)).toBe('encrypted')
    expect(await at('127.0.0.1')('verify-full', trusted)).toBe('POSTGRES_UNREACHABLE')
  })

  test('channel binding can be required', async () => {
    const url = urlOf(server, 'localhost', { sslmode: 'require', channel_binding: 'require' })
    expect(await outcome(url)).toBe('encrypted')
  })

  test('a wrong and a missing password are authentication failures', async () => {
    const url = urlOf(server, 'localhost', { sslmode: 'require' })
    expect(await outcome(url.replace(PASSWORD, 'wrong'))).toBe('POSTGRES_AUTHENTICATION_FAILED')
    expect(await outcome(url.replace(`:${PASSWORD}@`, '@'))).toBe('POSTGRES_AUTHENTICATION_FAILED')
  })

  test('the schema is dumped, and a statement cancelled, over the encrypted connection', async () => {
    const url = urlOf(server, 'localhost', { sslmode: 'require' })
    await withSession(url, async (session) => {
      await session.execute('BEGIN; CREATE TEMP TABLE t (a integer)')
      expect((await dumpSchema(session)).archive.length).toBeGreaterThan(0)
      const sleeping = session.query('SELECT pg_sleep(100)').catch((error) => error.data.sqlState)
      await withSession(url, (watcher) => untilSleeping(watcher, session.processId))
      await session.cancel()
      expect(await sleeping).toBe('57014')
    })
  })

  test('a session shows no secret, however it is looked at', async () => {
    await withSession(urlOf(server, 'localhost', { sslmode: 'require' }), async (session) => {
      expect(inspect(session, { depth: 5, showHidden: true })).not.toContain(PASSWORD)
    })
    const address = await addressOf(urlOf(server, 'localhost', {}))
    expect(String(address)).toBe(`${ROLE}@localhost:${server.port}/postgres`)
  })
})

describe('a server without TLS', () => {
  let server: EmbeddedPostgres
  beforeAll(async () => {
    server = await startEmbeddedPostgres({ tcp: { role: ROLE, password: PASSWORD } })
  })
  afterAll(() => server.stop())

  test.each([
    ['disable', 'plain'],
    ['allow', 'plain'],
    ['prefer', 'plain'],
    ['require', 'POSTGRES_UNREACHABLE'],
    ['verify-full', 'POSTGRES_UNREACHABLE'],
  ])('sslmode=%s: %s', async (sslmode, expected) => {
    const url = urlOf(server, '127.0.0.1', { sslmode, sslrootcert: trusted })
    expect(await outcome(url)).toBe(expected)
  })

  test('required channel binding refuses before the password is sent', async () => {
    const url = urlOf(server, '127.0.0.1', { channel_binding: 'require' })
    expect(await outcome(url)).toBe('POSTGRES_UNREACHABLE')
  })
})
