import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { isSnapError } from '../../../src/errors.ts'
import { describeAddress, withDatabase } from '../../../src/postgres/address/database-address.ts'
import {
  type AddressSources,
  resolveDatabaseAddress,
} from '../../../src/postgres/address/resolve-database-address.ts'

async function resolve(
  sources: Partial<AddressSources> & { dotenv?: string; passwordFile?: string },
) {
  const directory = await mkdtemp(join(tmpdir(), 'snap-address-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  if (sources.dotenv !== undefined) await writeFile(join(directory, '.env'), sources.dotenv)
  if (sources.passwordFile !== undefined) {
    await writeFile(join(directory, '.pgpass'), sources.passwordFile)
    await chmod(join(directory, '.pgpass'), 0o600)
  }
  return resolveDatabaseAddress({
    environment: {},
    workingDirectory: directory,
    homeDirectory: directory,
    userName: 'me',
    ...sources,
  })
}

const passwordOf = async (address: ReturnType<typeof resolve>) =>
  (await address).revealSecrets().password

test('each source counts only when those before it say nothing', async () => {
  const environment = {
    SNAP_DATABASE_URL: 'postgresql://second/',
    DATABASE_URL: 'postgresql://third/',
    PGHOST: 'sixth',
  }
  const dotenv = 'DATABASE_URL=postgresql://fifth/\nSNAP_DATABASE_URL=postgresql://fourth/'
  const found = [
    await resolve({ url: 'postgresql://first/', environment, dotenv }),
    await resolve({ environment, dotenv }),
    await resolve({ environment: { ...environment, SNAP_DATABASE_URL: '' }, dotenv }),
    await resolve({ environment: { PGHOST: 'sixth' }, dotenv }),
    await resolve({ environment: { PGHOST: 'sixth' }, dotenv: 'DATABASE_URL=postgresql://fifth/' }),
    await resolve({ environment: { PGHOST: 'sixth' }, dotenv: 'OTHER=x' }),
  ]
  expect(found.map(({ parts }) => [parts.source, parts.host])).toEqual([
    ['--database', 'first'],
    ['SNAP_DATABASE_URL', 'second'],
    ['DATABASE_URL', 'third'],
    ['SNAP_DATABASE_URL in .env', 'fourth'],
    ['DATABASE_URL in .env', 'fifth'],
    ['PGHOST', 'sixth'],
  ])
})

test('without any source the places looked at are listed', async () => {
  const failure = resolve({ environment: { PGPASSWORD: 'x' }, workingDirectory: '/nonexistent' })
  await expect(failure).rejects.toMatchObject({
    code: 'DATABASE_ADDRESS_MISSING',
    data: {
      looked: [
        '--database',
        'SNAP_DATABASE_URL',
        'DATABASE_URL',
        '/nonexistent/.env',
        'PGHOST',
        'PGPORT',
        'PGUSER',
        'PGDATABASE',
        'PGSERVICE',
        '/nonexistent/.env.development',
        '/nonexistent/.env.local',
        '/nonexistent/.env.development.local',
        '/nonexistent/docker-compose.yml',
        '/nonexistent/prisma/schema.prisma',
        '/nonexistent/config/database.yml',
        '/nonexistent/alembic.ini',
      ],
    },
  })
})

/** A project of these files. */
async function project(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-project-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  return directory
}

const COMPOSE = `
services:
  db:
    image: postgres:17
    environment: { POSTGRES_USER: app, POSTGRES_PASSWORD: s3cret, POSTGRES_DB: shop }
    ports: ['5433:5432']
`

test('files of the project count when nothing else says anything, and all that agree count as one', async () => {
  const workingDirectory = await project({
    'docker-compose.yml': COMPOSE,
    '.env.local': 'SHOP_URL=postgres://app:s3cret@127.0.0.1:5433/shop',
  })
  const found = [
    await resolve({ workingDirectory }),
    await resolve({ workingDirectory, environment: { PGDATABASE: 'other' } }),
  ]
  expect(found.map((address) => [address.parts.source, describeAddress(address)])).toEqual([
    ['.env.local#SHOP_URL', 'app@127.0.0.1:5433/shop'],
    ['PGDATABASE', expect.stringMatching(/^me@.*\/other$/)],
  ])
  expect(await passwordOf(resolve({ workingDirectory }))).toBe('s3cret')
})

test('files that name different databases are all named, without passwords, until one is chosen', async () => {
  const workingDirectory = await project({
    'docker-compose.yml': COMPOSE,
    'alembic.ini': '[alembic]\nsqlalchemy.url = postgresql://app:pa%%24s@localhost/blog\n',
  })
  const error = await resolve({ workingDirectory }).catch((thrown) => thrown)
  expect(error).toMatchObject({
    code: 'DATABASE_ADDRESS_AMBIGUOUS',
    data: {
      candidates: [
        { place: 'docker-compose.yml#db', address: 'app@localhost:5433/shop' },
        { place: 'alembic.ini#sqlalchemy.url', address: 'app@localhost:5432/blog' },
      ],
    },
  })
  expect(inspect(error, { depth: 9 })).not.toMatch(/s3cret|pa\$s/)
  const choose = (place: string) =>
    resolve({ workingDirectory, findChosenPlace: async () => place })
  expect(describeAddress(await choose('alembic.ini#sqlalchemy.url'))).toBe(
    'app@localhost:5432/blog',
  )
  expect(await passwordOf(choose('alembic.ini#sqlalchemy.url'))).toBe('pa$s')
  expect(describeAddress(await choose('postgresql://ada@elsewhere/shop'))).toBe(
    'ada@elsewhere:5432/shop',
  )
  await expect(choose('compose.yaml#db')).rejects.toMatchObject({
    code: 'DATABASE_ADDRESS_INVALID',
  })
})

test('a service gives what the address leaves open, before variables do', async () => {
  const homeDirectory = await project({
    '.pg_service.conf':
      '# ours\n[shop]\nhost=db.example.org\nport=6543\nuser=app\n\n[blog]\nhost=other\n',
  })
  const environment = { PGHOST: 'not-this', PGUSER: 'not-me' }
  const named = await resolve({ homeDirectory, environment, url: 'service=shop dbname=shop_dev' })
  const byVariable = await resolve({ homeDirectory, environment: { PGSERVICE: 'shop' } })
  expect([named, byVariable].map(describeAddress)).toEqual([
    'app@db.example.org:6543/shop_dev',
    'app@db.example.org:6543/app',
  ])
  await expect(resolve({ homeDirectory, url: 'service=nope' })).rejects.toMatchObject({
    code: 'DATABASE_ADDRESS_INVALID',
    message: expect.stringContaining("no service file has the service 'nope'"),
  })
})

test('what the URL leaves open comes from the PG* variables, then from defaults', async () => {
  const address = await resolve({
    url: 'postgresql://h',
    environment: {
      PGHOST: 'not me',
      PGPORT: '6543',
      PGUSER: 'ann',
      PGPASSWORD: 'secret',
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/r',
      PGSSLCERT: '/c',
      PGSSLKEY: '/k',
      PGOPTIONS: '-c jit=off',
      PGAPPNAME: 'app',
      PGCONNECT_TIMEOUT: '7',
    },
  })
  expect({ ...address.parts, ...address.revealSecrets() }).toEqual({
    host: 'h',
    port: 6543,
    user: 'ann',
    databaseName: 'ann',
    password: 'secret',
    sslMode: 'verify-full',
    sslRootCertificatePath: '/r',
    sslCertificatePath: '/c',
    sslKeyPath: '/k',
    sslKeyPassphrase: null,
    channelBinding: 'prefer',
    options: '-c jit=off',
    applicationName: 'app',
    connectTimeoutMs: 7000,
    source: '--database',
    warnings: [],
  })
})

test('a plain name given with --database is a database name', async () => {
  const address = await resolve({ url: 'shop', environment: { PGHOST: 'h' } })
  expect(describeAddress(address)).toBe('me@h:5432/shop')
})

test('TLS files in ~/.postgresql are used as libpq uses them', async () => {
  const home = await mkdtemp(join(tmpdir(), 'snap-home-'))
  onTestFinished(() => rm(home, { recursive: true }))
  await mkdir(join(home, '.postgresql'))
  await writeFile(join(home, '.postgresql', 'root.crt'), '')
  const { parts } = await resolve({ url: 'postgresql://h', homeDirectory: home })
  expect([parts.sslRootCertificatePath, parts.sslCertificatePath]).toEqual([
    join(home, '.postgresql', 'root.crt'),
    null,
  ])
})

test("the platform's certificates demand verify-full", async () => {
  const { parts } = await resolve({ url: 'postgresql://h?sslrootcert=system' })
  expect(parts.sslMode).toBe('verify-full')
  await expect(
    resolve({ url: 'postgresql://h?sslrootcert=system&sslmode=require' }),
  ).rejects.toMatchObject({ code: 'DATABASE_ADDRESS_INVALID' })
})

test('the password file fills in a password, and only where none is given', async () => {
  const passwordFile = 'h:5432:d:me:from file\nlocalhost:*:*:*:local'
  expect(await passwordOf(resolve({ url: 'postgresql://h/d', passwordFile }))).toBe('from file')
  expect(await passwordOf(resolve({ url: 'postgresql://me:own@h/d', passwordFile }))).toBe('own')
  expect(await passwordOf(resolve({ url: 'postgresql://h/other', passwordFile }))).toBeNull()
  expect(await passwordOf(resolve({ url: 'postgresql:///d?host=/tmp', passwordFile }))).toBe(
    'local',
  )
})

test('a password file that others may read becomes a warning', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'snap-pgpass-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'passwords')
  await writeFile(path, '*:*:*:*:secret')
  await chmod(path, 0o644)
  const address = await resolve({ url: 'postgresql://h/d', environment: { PGPASSFILE: path } })
  expect([address.revealSecrets().password, address.warnings]).toEqual([
    null,
    [{ kind: 'passwordFileIgnored', path }],
  ])
})

test('parameters that ORMs add are ignored with a warning, those of libpq without', async () => {
  const { warnings } = await resolve({
    url: 'postgresql://h/d?schema=public&pgbouncer=true&connection_limit=1&keepalives=1',
  })
  expect(warnings).toEqual(
    ['schema', 'pgbouncer', 'connection_limit'].map((parameter) => ({
      kind: 'parameterIgnored',
      parameter,
      source: '--database',
    })),
  )
})

test.each([
  ['postgresql://u:hunter2@h:notaport/d'],
  ['postgresql://u:hunter2@h:70000/d'],
  ['postgresql://u:hunter2@h/d?sslmode=maybe'],
  ['postgresql://u:hunter2@h/d?connect_timeout=soon'],
  ['postgresql://u:hunter2@h1,h2/d'],
  ['postgresql://u:hunter2@h/d?sslcrl=/x'],
  ['postgresql://u:hunter2@h/d?sslnegotiation=direct'],
  ['mysql://u:hunter2@h/d'],
])('a value that cannot be followed names its source, never the text: %s', async (url) => {
  const error = await resolve({ environment: { DATABASE_URL: url } }).catch((caught) => caught)
  expect(isSnapError(error, 'DATABASE_ADDRESS_INVALID') && error.data).toEqual({
    source: 'DATABASE_URL',
  })
  expect(inspect(error, { depth: null })).not.toContain('hunter2')
})

test('no way of turning an address into text shows its password', async () => {
  const address = await resolve({ url: 'postgresql://ann:hunter2@h/d?sslpassword=hunter2' })
  const other = withDatabase(address, 'other')
  const texts = [address, other].flatMap((each) => [
    String(each),
    JSON.stringify(each),
    JSON.stringify({ ...each }),
    inspect(each, { depth: null, showHidden: true }),
    inspect({ nested: each }, { depth: null, showHidden: true }),
    inspect(each.parts, { depth: null, showHidden: true }),
  ])
  expect(texts.filter((text) => text.includes('hunter2'))).toEqual([])
  expect(String(other)).toBe('ann@h:5432/other')
  expect(other.revealSecrets()).toEqual({ password: 'hunter2', sslKeyPassphrase: 'hunter2' })
})
