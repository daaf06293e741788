/**
 * What files of a project say of its database. Texts are as the tools' own
 * documentation has projects write them.
 */
import { deepEqual } from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { findPlaces } from '../../../../src/postgres/discovery/find-places.ts'

/** The places that a project of these files names, each with its parameters. */
async function placesOf(
  files: Record<string, string>,
  environment: Record<string, string> = {},
): Promise<Record<string, Record<string, string>>> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-places-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  const places = await findPlaces(directory, environment)
  return Object.fromEntries(
    places.map(({ place, parameters }) => [place, Object.fromEntries(parameters)]),
  )
}

test('.env files: an address under any name, and families of variables', async () => {
  deepEqual(
    await placesOf({
      '.env': 'POSTGRES_URL=postgres://a@h/one\nTEST_DATABASE_URL=postgres://a@h/test\n',
      '.env.local': 'POSTGRES_DB=two\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD="p w"\n',
      '.env.development':
        'DB_CONNECTION=pgsql\nDB_HOST=10.0.0.7\nDB_PORT=5433\nDB_DATABASE=three\nDB_USERNAME=l\n',
      '.env.production': 'DATABASE_URL=postgres://a@prod/shop\n',
    }),
    {
      '.env#POSTGRES_URL': { user: 'a', host: 'h', dbname: 'one' },
      '.env.development#DB_*': { host: '10.0.0.7', port: '5433', user: 'l', dbname: 'three' },
      '.env.local#POSTGRES_*': { host: 'localhost', user: 'u', password: 'p w', dbname: 'two' },
    },
  )
})

test('.env files: variables of another database system, and addresses that are not filled in, are none', async () => {
  deepEqual(
    await placesOf({
      '.env': `DB_CONNECTION=mysql\nDB_DATABASE=shop\nREDIS_URL=redis://h\nAPP_DB=postgres://\${USER}@h/x\n`,
    }),
    {},
  )
})

test('compose: the published port of a service, with variables filled in and overrides merged', async () => {
  const files = {
    'compose.yaml': `
      x-env: &env
        POSTGRES_PASSWORD: \${DB_PASSWORD:-default}
      services:
        web: { image: 'shop:1', ports: ['8080:80'] }
        db:
          image: pgvector/pgvector:pg17
          environment: { <<: *env, POSTGRES_USER: app }
        archive:
          image: docker.io/library/postgres:16-alpine
          environment: [POSTGRES_DB=old, POSTGRES_PASSWORD]
          ports: [{ target: 5432, published: '6000' }]
        inner: { image: 'postgres:17' }`,
    'compose.override.yaml': `
      services:
        db: { environment: { POSTGRES_DB: 'cost$$' }, ports: ['127.0.0.1:\${DB_PORT}:5432'] }`,
    '.env': 'DB_PORT=5499\n',
  }
  deepEqual(await placesOf(files, { POSTGRES_PASSWORD: 'from the shell' }), {
    'compose.yaml#db': {
      host: 'localhost',
      port: '5499',
      user: 'app',
      password: 'default',
      dbname: 'cost$',
    },
    'compose.yaml#archive': {
      host: 'localhost',
      port: '6000',
      user: 'postgres',
      password: 'from the shell',
      dbname: 'old',
    },
  })
})

test('compose: an address that only resolves inside of its network gives way to the published port', async () => {
  deepEqual(
    Object.keys(
      await placesOf({
        'docker-compose.yml': `services: { db: { image: postgres, ports: ['5432:5432'] } }`,
        '.env.local': 'URL=postgres://postgres@db:5432/postgres\n',
      }),
    ),
    ['docker-compose.yml#db'],
  )
})

test('Prisma: the variable or the text of its datasource, directUrl before url', async () => {
  const schema = (lines: string) => `datasource db {\n  provider = "postgresql"\n${lines}\n}\n`
  deepEqual(
    await placesOf(
      {
        'prisma/schema.prisma': schema(
          '  // url = "postgres://no@h/no"\n  url = env("POOL")\n  directUrl = env("DIRECT")',
        ),
        'schema.prisma': schema('  url = "postgresql://ada@h:1/b?schema=public"'),
        'prisma/.env': 'DIRECT_TYPO=1\n',
      },
      { POOL: 'postgres://ada@pool/shop', DIRECT: 'postgres://ada@h/shop' },
    ),
    {
      'prisma/schema.prisma#DIRECT': { user: 'ada', host: 'h', dbname: 'shop' },
      'schema.prisma#url': { user: 'ada', host: 'h', port: '1', dbname: 'b', schema: 'public' },
    },
  )
  deepEqual(
    await placesOf({
      'prisma/schema.prisma': 'datasource db { provider = "mysql"\n url = "postgres://h/x" }',
    }),
    {},
  )
})

test('Rails: development alone, with ERB filled in, each database where there are several', async () => {
  deepEqual(
    await placesOf(
      {
        'config/database.yml': `
default: &default
  adapter: postgresql
  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>
  host: <%= ENV['DB_HOST'] || "localhost" %>
  username: <%= ENV.fetch("DB_USER", "rails") %>
  port: <%= ENV.fetch("DB_PORT") { 5434 } %>
  <%# password: "no" %>
development:
  primary:
    <<: *default
    database: shop_development
  reports:
    <<: *default
    database: reports
production:
  <<: *default
  database: shop
`,
      },
      { DB_USER: 'ada' },
    ),
    {
      'config/database.yml#development.primary': {
        dbname: 'shop_development',
        host: 'localhost',
        port: '5434',
        user: 'ada',
      },
      'config/database.yml#development.reports': {
        dbname: 'reports',
        host: 'localhost',
        port: '5434',
        user: 'ada',
      },
    },
  )
  deepEqual(
    await placesOf({
      'config/database.yml': 'development:\n  adapter: sqlite3\n  database: db.sqlite3\n',
    }),
    {},
  )
})

test('alembic: a filled-in address, and not the placeholder of its template', async () => {
  const ini = (url: string) => ({
    'alembic.ini': `[alembic]\n# sqlalchemy.url = no\nsqlalchemy.url = ${url}\n`,
  })
  deepEqual(await placesOf(ini('postgresql+asyncpg://ada:a%%40b@h/shop')), {
    'alembic.ini#sqlalchemy.url': { user: 'ada', password: 'a@b', host: 'h', dbname: 'shop' },
  })
  deepEqual(await placesOf(ini('driver://user:pass@localhost/dbname')), {})
})

test('files that are not what their names say name nothing', async () => {
  deepEqual(
    await placesOf({
      'compose.yaml': 'services: [1, {',
      'config/database.yml': '- a\n- b\n',
      'schema.prisma': 'datasource',
      '.env.local': '\u0000\u0001',
    }),
    {},
  )
})
