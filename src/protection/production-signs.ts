/**
 * What makes an address look like production. Pure.
 *
 * A sign that is wrong costs typing a name; one that is missed costs a database.
 * Even so a sign must be one a person would call one: whole words of a name, not
 * letters inside of others (`product_catalog`, `reproduction`), and nothing on the
 * machine itself.
 */
import type { DatabaseAddress } from '../postgres/address/database-address.ts'

/** Why a database is taken for production. */
export type ProductionSign =
  | { kind: 'managedHost'; host: string; provider: string }
  /** `word` is what was found in the name of the database or in a part of the host's. */
  | { kind: 'databaseName' | 'hostName'; name: string; word: string }
  | { kind: 'environment'; variable: string; value: string }

/** Returns every sign, the strongest first; none for a database on this machine. */
export function findProductionSigns(
  address: DatabaseAddress,
  environment: Readonly<Record<string, string | undefined>>,
): ProductionSign[] {
  const { host } = address.parts
  if (isOnThisMachine(host)) return []
  const signs: ProductionSign[] = []
  const provider = providerOf(host)
  if (provider !== undefined) signs.push({ kind: 'managedHost', host, provider })
  const databaseName = address.databaseName
  const word = productionWordIn(databaseName)
  if (word !== undefined) signs.push({ kind: 'databaseName', name: databaseName, word })
  for (const label of isAddressOfNumbers(host) ? [] : host.split('.')) {
    const hostWord = productionWordIn(label)
    if (hostWord === undefined) continue
    signs.push({ kind: 'hostName', name: host, word: hostWord })
    break
  }
  for (const variable of ENVIRONMENT_VARIABLES) {
    const value = environment[variable]
    if (value !== undefined && /^(prod|production|live)$/i.test(value)) {
      signs.push({ kind: 'environment', variable, value })
    }
  }
  return signs
}

/** A socket directory or a loopback address; the socket of Google's proxy leads elsewhere. */
function isOnThisMachine(host: string): boolean {
  if (host.startsWith(CLOUD_SQL_SOCKETS)) return false
  return (
    host.startsWith('/') ||
    host === '' ||
    host === '::1' ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    /^(.+\.)?localhost$/i.test(host)
  )
}

const CLOUD_SQL_SOCKETS = '/cloudsql/'

const isAddressOfNumbers = (host: string) => /^[\d.]+$/.test(host) || host.includes(':')

function providerOf(host: string): string | undefined {
  if (host.startsWith(CLOUD_SQL_SOCKETS)) return 'Google Cloud SQL'
  const name = host.toLowerCase().replace(/\.$/, '')
  return MANAGED_HOSTS.find(([suffix]) => name.endsWith(suffix))?.[1]
}

/** Domains below which providers put the databases of their customers. */
const MANAGED_HOSTS: readonly (readonly [suffix: string, provider: string])[] = [
  ['.rds.amazonaws.com', 'Amazon RDS'],
  ['.rds.amazonaws.com.cn', 'Amazon RDS'],
  ['.dsql.amazonaws.com', 'Amazon Aurora DSQL'],
  ['.compute-1.amazonaws.com', 'Heroku Postgres or Amazon EC2'],
  ['.postgres.database.azure.com', 'Azure Database for PostgreSQL'],
  ['.postgres.cosmos.azure.com', 'Azure Cosmos DB for PostgreSQL'],
  ['.sql.goog', 'Google Cloud SQL'],
  ['.alloydb.goog', 'Google AlloyDB'],
  ['.supabase.co', 'Supabase'],
  ['.supabase.com', 'Supabase'],
  ['.neon.tech', 'Neon'],
  ['.neon.build', 'Neon'],
  ['.db.ondigitalocean.com', 'DigitalOcean'],
  ['.aivencloud.com', 'Aiven'],
  ['-postgres.render.com', 'Render'],
  ['.rlwy.net', 'Railway'],
  ['.railway.app', 'Railway'],
  ['.railway.internal', 'Railway'],
  ['.flympg.net', 'Fly.io'],
  ['.flycast', 'Fly.io'],
  ['.postgresbridge.com', 'Crunchy Bridge'],
  ['.tsdb.cloud.timescale.com', 'Timescale'],
  ['.db.elephantsql.com', 'ElephantSQL'],
  ['.tembo.io', 'Tembo'],
  ['.prisma.io', 'Prisma Postgres'],
  ['.psdb.cloud', 'PlanetScale'],
  ['.koyeb.app', 'Koyeb'],
  ['.scw.cloud', 'Scaleway'],
  ['.database.cloud.ovh.net', 'OVHcloud'],
  ['.mdb.yandexcloud.net', 'Yandex Cloud'],
  ['.rds.aliyuncs.com', 'Alibaba Cloud'],
  ['.databases.appdomain.cloud', 'IBM Cloud'],
]

const ENVIRONMENT_VARIABLES = [
  'NODE_ENV',
  'RAILS_ENV',
  'RACK_ENV',
  'APP_ENV',
  'DJANGO_ENV',
  'FLASK_ENV',
  'MIX_ENV',
  'GO_ENV',
  'ENVIRONMENT',
  'ASPNETCORE_ENVIRONMENT',
  'DOTNET_ENVIRONMENT',
  'SPRING_PROFILES_ACTIVE',
  'VERCEL_ENV',
]

/** Finds the word of a name that says production, unless another word says that it is not. */
function productionWordIn(name: string): string | undefined {
  const words = wordsOf(name)
  if (words.some((word) => SAYS_OTHERWISE.has(word))) return undefined
  // `live` counts alone, or at the end: `shop_live`, not `live_chat`.
  const last = words.length - 1
  return words.find(
    (word, position) => SAYS_PRODUCTION.has(word) || (word === 'live' && position === last),
  )
}

const SAYS_PRODUCTION = new Set(['prod', 'production'])

const SAYS_OTHERWISE = new Set([
  'backup',
  'ci',
  'clone',
  'copy',
  'demo',
  'dev',
  'development',
  'local',
  'mirror',
  'no',
  'non',
  'nonprod',
  'not',
  'pre',
  'preprod',
  'sandbox',
  'stage',
  'staging',
  'test',
  'testing',
  'uat',
])

/** Words in lower case, cut at other characters and at humps, without numbers at their end: `shopProd2` → shop, prod. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => word.replace(/\d+$/, ''))
    .filter((word) => word !== '')
}
