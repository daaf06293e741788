/**
 * Loads what `fixtures/databases` holds.
 *
 * A fixture is one SQL file, or a folder of them that are loaded in the order of
 * their names. `-- requires: 15` in a file's leading comment leaves it out on
 * older servers, and `-- until: 17` on newer ones. `-- in: every database` marks
 * one that makes what CREATE DATABASE … TEMPLATE does not copy.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createDatabase, databaseUrl, queryOnce, serverOf, type TestDatabase } from './postgres.ts'

export interface FixtureFile {
  path: string
  name: string
  sql: string
  oldestMajor: number
  newestMajor: number
  isForEveryDatabase: boolean
}

const directory = fileURLToPath(new URL('../../fixtures/databases', import.meta.url))

/** Lists a fixture's files in loading order, whatever server they are for. */
export function listFixtureFiles(fixtureName: string): FixtureFile[] {
  const folder = join(directory, fixtureName)
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false
  if (!isFolder) return [readFixtureFile(`${folder}.sql`)]
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'))
  return names.sort().map((name) => readFixtureFile(join(folder, name)))
}

/** Lists the files that `majorVersion` can hold, in loading order. */
export function fixtureFilesFor(fixtureName: string, majorVersion: number): FixtureFile[] {
  return listFixtureFiles(fixtureName).filter(
    (file) => file.oldestMajor <= majorVersion && majorVersion <= file.newestMajor,
  )
}

function readFixtureFile(path: string): FixtureFile {
  const sql = readFileSync(path, 'utf8')
  const header = sql.match(/^(?:--.*\n)*/)?.[0] ?? ''
  const bound = (word: string) => header.match(new RegExp(`^-- ${word}: (\\d+)$`, 'm'))?.[1]
  return {
    path,
    name: basename(path, '.sql'),
    sql,
    oldestMajor: Number(bound('requires') ?? 0),
    newestMajor: Number(bound('until') ?? Number.POSITIVE_INFINITY),
    isForEveryDatabase: /^-- in: every database$/m.test(header),
  }
}

/**
 * Returns a new database that holds the fixture; dropped after this test file.
 *
 * The fixture is loaded once a run and server, and cloned from then on.
 *
 * @param options.settings  read by the fixture, as `snap.scale` by the shop; such a database is loaded, not cloned
 */
export async function createFixtureDatabase(
  majorVersion: number,
  fixtureName: string,
  options: { name?: string; settings?: Readonly<Record<string, string>> } = {},
): Promise<TestDatabase> {
  const { settings, ...databaseOptions } = options
  const files = fixtureFilesFor(fixtureName, majorVersion)
  if (settings !== undefined) {
    const database = await createDatabase(majorVersion, databaseOptions)
    await database.withClient((client) => loadFiles(client, files, settings))
    return database
  }
  const template = await ensureTemplate(majorVersion, fixtureName, files)
  const database = await createDatabase(majorVersion, { ...databaseOptions, template })
  const rest = files.filter((file) => file.isForEveryDatabase)
  await database.withClient((client) => loadFiles(client, rest))
  return database
}

/** Loads files one after the other in one session; the message of a failure names the file. */
export async function loadFiles(
  client: pg.Client,
  files: readonly FixtureFile[],
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const file of files) {
    for (const [name, value] of Object.entries(settings)) {
      await client.query('SELECT set_config($1, $2, false)', [name, value])
    }
    try {
      await client.query(file.sql)
    } catch (error) {
      throw new Error(`cannot load ${file.path}: ${describeServerError(error, file.sql)}`, {
        cause: error,
      })
    }
    // What a file sets for itself is not for the next one.
    await client.query('RESET ALL')
  }
}

function describeServerError(error: unknown, sql: string): string {
  if (!(error instanceof pg.DatabaseError)) return String(error)
  const line = sql.slice(0, Number(error.position ?? 0)).split('\n').length
  const details = [error.detail, error.hint, error.where].filter(Boolean).join('; ')
  return `line ${line}: ${error.message}${details === '' ? '' : ` (${details})`}`
}

/** Makes the template database unless another test file has; several may ask at once. */
async function ensureTemplate(
  majorVersion: number,
  fixtureName: string,
  files: readonly FixtureFile[],
): Promise<string> {
  const server = serverOf(majorVersion)
  const template = `template_${fixtureName}`
  const quoted = pg.escapeIdentifier(template)
  const maker = new pg.Client(databaseUrl(server, 'postgres'))
  await maker.connect()
  try {
    await maker.query('SELECT pg_advisory_lock(hashtext($1))', [template])
    // Marked as a template only once it is whole.
    const whole = await maker.query(
      'SELECT FROM pg_database WHERE datname = $1 AND datistemplate',
      [template],
    )
    if (whole.rowCount === 1) return template
    await maker.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`)
    await maker.query(`CREATE DATABASE ${quoted} TEMPLATE template0`)
    const client = new pg.Client(databaseUrl(server, template))
    await client.connect()
    try {
      await loadFiles(
        client,
        files.filter((file) => !file.isForEveryDatabase),
      )
    } finally {
      await client.end()
    }
    await queryOnce(
      server,
      'postgres',
      `ALTER DATABASE ${quoted} IS_TEMPLATE true ALLOW_CONNECTIONS false`,
    )
    return template
  } finally {
    await maker.end()
  }
}
