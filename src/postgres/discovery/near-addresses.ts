/**
 * Databases that are near, when a project names none: on servers that listen at a
 * local socket, in the service file, in the password file. Nobody said that
 * one of them is meant, so that they are shown and never chosen.
 */
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { isSnapError } from '../../errors.ts'
import {
  type AddressSources,
  resolveDatabaseAddress,
  SOCKET_DIRECTORIES,
} from '../address/resolve-database-address.ts'
import { readServices, serviceFilePaths } from '../address/service-file.ts'
import { openSession } from '../session.ts'

/** A database, as one would name it to snap; never with a password. */
export interface NearAddress {
  address: string
  /** `server at /var/run/postgresql`, `~/.pg_service.conf`, `~/.pgpass`. */
  foundIn: string
}

export type NearOptions = Pick<AddressSources, 'environment' | 'homeDirectory' | 'userName'> & {
  /** Default: where packages of PostgreSQL put their sockets. */
  socketDirectories?: readonly string[]
  signal?: AbortSignal | undefined
}

/** @throws ABORTED */
export async function findNearAddresses(options: NearOptions): Promise<NearAddress[]> {
  return [
    ...(await findOnLocalServers(options)),
    ...(await findServices(options)),
    ...(await findInPasswordFile(options)),
  ]
}

async function findServices({ environment, homeDirectory }: NearOptions): Promise<NearAddress[]> {
  const services = await readServices(serviceFilePaths(environment, homeDirectory))
  return [...services.keys()]
    .filter((name) => !/prod|live/i.test(name))
    .map((name) => ({ address: `service=${name}`, foundIn: '~/.pg_service.conf' }))
}

/** Only lines that name a database: with an asterisk for it they are about a server. */
async function findInPasswordFile({ homeDirectory }: NearOptions): Promise<NearAddress[]> {
  const text = await readFile(join(homeDirectory, '.pgpass'), 'utf8').catch(() => '')
  return text.split(/\r?\n/).flatMap((line) => {
    const found = /^([\w.-]+):(\d+):([\w-]+):([\w-]+):/.exec(line)
    if (found === null || line.startsWith('#')) return []
    const [, host, port, databaseName, user] = found
    return [
      { address: `postgresql://${user}@${host}:${port}/${databaseName}`, foundIn: '~/.pgpass' },
    ]
  })
}

async function findOnLocalServers(options: NearOptions): Promise<NearAddress[]> {
  const found: NearAddress[] = []
  const { socketDirectories = SOCKET_DIRECTORIES } = options
  const real = socketDirectories.map((each) => realpath(each).catch(() => each))
  for (const directory of new Set(await Promise.all(real))) {
    for (const file of (await readdir(directory).catch(() => [])).sort()) {
      const port = /^\.s\.PGSQL\.(\d+)$/.exec(file)?.[1]
      if (port === undefined) continue
      const names = await listDatabases({ directory, port }, options)
      const query = new URLSearchParams({ host: directory, ...(port === '5432' ? {} : { port }) })
      found.push(
        ...names.map((name) => ({
          address: `postgresql:///${encodeURIComponent(name)}?${decodeURIComponent(query.toString())}`,
          foundIn: `server at ${directory}, port ${port}`,
        })),
      )
    }
  }
  return found
}

/** Returns nothing where this user is not let in without a password: it is somebody else's server. */
async function listDatabases(
  { directory, port }: { directory: string; port: string },
  { homeDirectory, userName, signal }: NearOptions,
): Promise<string[]> {
  const address = await resolveDatabaseAddress({
    url: `postgresql:///postgres?host=${directory}&port=${port}&connect_timeout=2`,
    environment: {},
    workingDirectory: homeDirectory,
    homeDirectory,
    userName,
  })
  try {
    const session = await openSession(address, signal === undefined ? {} : { signal })
    try {
      const rows = await session.query<{ name: string }>(`
        SELECT datname AS name FROM pg_catalog.pg_database
         WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres'
           AND pg_catalog.has_database_privilege(oid, 'CONNECT')
         ORDER BY 1`)
      return rows.map(({ name }) => name)
    } finally {
      await session.close()
    }
  } catch (error) {
    if (!isSnapError(error) || error.code === 'ABORTED') throw error
    return []
  }
}
