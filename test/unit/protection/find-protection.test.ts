import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { resolveDatabaseAddress } from '../../../src/postgres/address/resolve-database-address.ts'
import { findProtection } from '../../../src/protection/find-protection.ts'

/** The kinds of the reasons for which a database is protected. */
async function reasonsFor(url: string, config: object): Promise<string[]> {
  const address = await resolveDatabaseAddress({
    url,
    environment: {},
    workingDirectory: '/nonexistent',
    homeDirectory: '/nonexistent',
    userName: 'ada',
  })
  const parsed = parseConfig(JSON.stringify(config), 'snap.config.json')
  return findProtection(address, parsed, {}).map(({ kind }) => kind)
}

const LOCAL = 'postgresql:///shop?host=/run/postgresql'
const REMOTE = 'postgresql://ada@db.internal:5433/shop'

describe('a mark protects what all of it matches', () => {
  test.each([
    [LOCAL, { database: 'shop' }, true],
    [LOCAL, { database: 'Shop' }, false],
    [LOCAL, { database: 'sho' }, false],
    [LOCAL, { database: 'sh*' }, true],
    [LOCAL, { database: '*' }, true],
    [REMOTE, { host: '*.internal' }, true],
    [REMOTE, { host: 'DB.internal' }, true],
    [REMOTE, { host: 'dbxinternal' }, false],
    [REMOTE, { host: 'db.internal', database: 'other' }, false],
    [REMOTE, { host: 'db.internal', database: 'shop' }, true],
    [REMOTE, { address: 'ada@db.internal:5433/shop' }, true],
    [REMOTE, { address: '*@db.internal:*/shop' }, true],
    [REMOTE, { address: 'db.internal:5433/shop' }, false],
  ])('%s by %j: %s', async (url, pattern, isProtected) => {
    deepEqual(await reasonsFor(url, { protected: [pattern] }), isProtected ? ['marked'] : [])
  })
})

test('what looks like production is not, where the configuration says so', async () => {
  const url = 'postgresql://ada@db.neon.tech/shop_prod'
  deepEqual(await reasonsFor(url, {}), ['managedHost', 'databaseName'])
  deepEqual(await reasonsFor(url, { unprotected: [{ database: 'shop_prod' }] }), [])
})

test('a mark counts although the configuration says that it is no production', async () => {
  const all = [{ database: 'shop' }]
  deepEqual(await reasonsFor(LOCAL, { protected: all, unprotected: all }), ['marked'])
})
