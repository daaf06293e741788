import { deepEqual } from 'node:assert/strict'
import { describe, test } from 'vitest'
import { resolveDatabaseAddress } from '../../../src/postgres/address/resolve-database-address.ts'
import { findProductionSigns } from '../../../src/protection/production-signs.ts'

/** What is found: the provider, the word, or the variable. */
async function signsOf(url: string, environment: Record<string, string> = {}): Promise<string[]> {
  const address = await resolveDatabaseAddress({
    url,
    environment: {},
    workingDirectory: '/nonexistent',
    homeDirectory: '/nonexistent',
    userName: 'ada',
  })
  return findProductionSigns(address, environment).map((sign) => {
    if (sign.kind === 'managedHost') return sign.provider
    if (sign.kind === 'environment') return `${sign.variable}=${sign.value}`
    return `${sign.kind}: ${sign.word}`
  })
}

describe('the hosts of managed services are signs', () => {
  test.each([
    ['shop.abc123.eu-central-1.rds.amazonaws.com', 'Amazon RDS'],
    ['shop.cluster-abc.cn-north-1.rds.amazonaws.com.cn', 'Amazon RDS'],
    ['SHOP.ABC.US-EAST-1.RDS.AMAZONAWS.COM', 'Amazon RDS'],
    ['shop.postgres.database.azure.com', 'Azure Database for PostgreSQL'],
    ['db.abcdefgh.supabase.co', 'Supabase'],
    ['aws-0-eu-central-1.pooler.supabase.com', 'Supabase'],
    ['ep-cool-name-123.eu-central-1.aws.neon.tech', 'Neon'],
    ['ec2-1-2-3-4.compute-1.amazonaws.com', 'Heroku Postgres or Amazon EC2'],
    ['abc.1a2b.europe-west3.sql.goog', 'Google Cloud SQL'],
    ['shop-do-user-1-0.b.db.ondigitalocean.com', 'DigitalOcean'],
    ['shop-project.aivencloud.com', 'Aiven'],
    ['dpg-abc-a.frankfurt-postgres.render.com', 'Render'],
    ['monorail.proxy.rlwy.net', 'Railway'],
    ['p.abc.db.postgresbridge.com', 'Crunchy Bridge'],
  ])('%s', async (host, provider) => {
    deepEqual(await signsOf(`postgresql://ada@${host}/shop`), [provider])
  })

  test('the socket of the proxy of Google Cloud SQL', async () => {
    deepEqual(await signsOf('host=/cloudsql/project:region:shop dbname=shop'), ['Google Cloud SQL'])
  })
})

describe('a word that says production is a sign', () => {
  test.each([
    ['db.internal/shop_prod', ['databaseName: prod']],
    ['db.internal/prod', ['databaseName: prod']],
    ['db.internal/shop-production', ['databaseName: production']],
    ['db.internal/Production', ['databaseName: production']],
    ['db.internal/shopProd2', ['databaseName: prod']],
    ['db.internal/prod01_shop', ['databaseName: prod']],
    ['db.internal/shop_live', ['databaseName: live']],
    ['db.internal/live', ['databaseName: live']],
    ['prod-db-1.internal/shop', ['hostName: prod']],
    ['db.production.internal/shop', ['hostName: production']],
    ['live.example.org/shop', ['hostName: live']],
    ['prod.internal/prod', ['databaseName: prod', 'hostName: prod']],
  ])('%s', async (target, expected) => {
    deepEqual(await signsOf(`postgresql://ada@${target}`), expected)
  })
})

describe('what only sounds like it is none', () => {
  test.each([
    'db.internal/product_catalog',
    'db.internal/products',
    'db.internal/reproduction',
    'db.internal/productions_of_theatres',
    'db.internal/preprod',
    'db.internal/pre_production',
    'db.internal/non-prod',
    'db.internal/prod_copy',
    'db.internal/copy_of_production',
    'db.internal/production_test',
    'db.internal/shop_prod_staging',
    'db.internal/live_chat',
    'db.internal/delivery',
    'db.internal/olive',
    'db.internal/alive',
    'db.internal/reproducible',
    'product-db.internal/shop',
    'prod-staging.internal/shop',
    'notrds.amazonaws.com.example.org/shop',
    'myneon.tech/shop',
    'host.docker.internal/shop',
    '10.0.0.5/shop',
    '[2001:db8::1]/shop',
  ])('%s', async (target) => {
    deepEqual(await signsOf(`postgresql://ada@${target}`), [])
  })
})

describe('a database on this machine shows no sign, whatever its name and the environment', () => {
  test.each([
    'postgresql:///shop_prod?host=/run/postgresql',
    'postgresql://localhost/shop_prod',
    'postgresql://127.0.0.1:6000/production',
    'postgresql://[::1]/production',
    'postgresql://db.localhost/production',
  ])('%s', async (url) => {
    deepEqual(await signsOf(url, { NODE_ENV: 'production' }), [])
  })
})

describe('the environment says production', () => {
  test.each([
    [{ NODE_ENV: 'production' }, ['NODE_ENV=production']],
    [{ RAILS_ENV: 'production' }, ['RAILS_ENV=production']],
    [{ MIX_ENV: 'prod' }, ['MIX_ENV=prod']],
    [{ APP_ENV: 'PRODUCTION' }, ['APP_ENV=PRODUCTION']],
    [{ NODE_ENV: 'development' }, []],
    [{ NODE_ENV: 'pre-production' }, []],
    [{ NODE_ENV: '' }, []],
    [{ PRODUCTION: '1' }, []],
  ])('%j', async (environment, expected) => {
    deepEqual(await signsOf('postgresql://ada@db/shop', environment), expected)
  })
})
