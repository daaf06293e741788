/**
 * Finds out which database is meant, from the same places and by the same rules as libpq.
 *
 * The first source that says anything decides; what it leaves open is filled in
 * from the PG* variables, the password file and libpq's defaults.
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SnapError } from '../../errors.ts'
import { findPlaces, SEARCHED_FILES } from '../discovery/find-places.ts'
import type { NamedPlace } from '../discovery/place.ts'
import { AddressTextInvalid, parseAddressText, type RawParameters } from './address-text.ts'
import {
  type AddressWarning,
  DatabaseAddress,
  type DatabaseAddressParts,
  describeAddress,
  type SslMode,
} from './database-address.ts'
import { parseDotenv } from './dotenv-file.ts'
import { findPassword } from './password-file.ts'
import { readServices, serviceFilePaths } from './service-file.ts'

export interface AddressSources {
  /** What `--database` was given: a URL, `key=value` pairs, or a plain database name. */
  url?: string
  environment: Readonly<Record<string, string | undefined>>
  workingDirectory: string
  /** Whose files are looked through when nothing else says anything. Default: the working directory. */
  projectDirectory?: string
  /**
   * Which place of these files is meant (`compose.yaml#db`), or an address without a password; asked
   * for when nothing else says anything.
   */
  findChosenPlace?: () => Promise<string | null>
  homeDirectory: string
  /** The operating system's name of this user: the default role. */
  userName: string
}

/**
 * Resolves the address from `--database`, SNAP_DATABASE_URL, DATABASE_URL, the
 * same two in `.env`, the PG* variables, and what the files of the project say, in this order.
 *
 * @throws DATABASE_ADDRESS_MISSING    no source says anything
 * @throws DATABASE_ADDRESS_AMBIGUOUS  files of the project name different databases, and none was chosen
 * @throws DATABASE_ADDRESS_INVALID    the deciding source cannot be understood
 */
export async function resolveDatabaseAddress(sources: AddressSources): Promise<DatabaseAddress> {
  const said = await findSource(sources)
  return said === undefined ? resolveFromProject(sources) : complete(said, sources)
}

/**
 * Reads an address that says it all: no variable and no file is looked at, for a password least of all.
 *
 * @param text  `postgresql://user:password@host:port/database`, or libpq's `key=value` pairs
 * @throws DATABASE_ADDRESS_INVALID  it cannot be understood, or names no user
 */
export async function parseDatabaseAddress(text: string): Promise<DatabaseAddress> {
  const found = parseSource('the address', text)
  if (!found.parameters.get('user')) throw invalid(found.source, 'it names no user')
  return complete(found, NO_SURROUNDINGS)
}

/** No file can be below a device. */
const NOWHERE = '/dev/null'
const NO_SURROUNDINGS: AddressSources = {
  environment: {},
  workingDirectory: NOWHERE,
  homeDirectory: NOWHERE,
  userName: '',
}

/** Fills in what a source leaves open. */
async function complete(found: FoundSource, sources: AddressSources): Promise<DatabaseAddress> {
  const { source } = found
  const parameters = await withService(found, sources)
  const refuse = (reason: string, cause?: unknown) => invalid(source, reason, cause)
  const warnings: AddressWarning[] = []
  for (const name of parameters.keys()) {
    if (UNSUPPORTED.has(name)) throw refuse(`the parameter '${name}' is not supported`)
    if (!FOLLOWED.has(name) && !HARMLESS.has(name)) {
      warnings.push({ kind: 'parameterIgnored', parameter: name, source })
    }
  }

  const find = (name: string): string | undefined =>
    parameters.get(name) || environmentValue(sources, name)
  const choose = <Choice extends string>(
    name: string,
    choices: readonly Choice[],
    fallback: Choice,
  ) => {
    const value = find(name) ?? fallback
    const choice = choices.find((each) => each === value)
    if (choice === undefined) throw refuse(`'${name}' must be one of ${choices.join(', ')}`)
    return choice
  }

  const port = Number(find('port') ?? DEFAULT_PORT)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw refuse("'port' must be a number from 1 to 65535")
  }
  const host = find('host') ?? (await defaultHost(port))
  if (host.includes(',')) throw refuse('it names several hosts; name the one to use')
  const user = find('user') ?? sources.userName
  const databaseName = find('dbname') ?? user
  const timeoutSeconds = Number(find('connect_timeout') ?? DEFAULT_CONNECT_TIMEOUT_SECONDS)
  if (!Number.isInteger(timeoutSeconds)) {
    throw refuse("'connect_timeout' must be a whole number of seconds")
  }
  if (choose('sslnegotiation', ['postgres', 'direct'], 'postgres') === 'direct') {
    throw refuse("'sslnegotiation=direct' is not supported")
  }

  let password = find('password') ?? null
  if (password === null) {
    const path = find('passfile') ?? join(sources.homeDirectory, '.pgpass')
    const passwordHost = SOCKET_DIRECTORIES.includes(host) ? 'localhost' : host
    const found = await findPassword(path, { host: passwordHost, port, databaseName, user })
    if (found.isTooOpen) warnings.push({ kind: 'passwordFileIgnored', path })
    password = found.password
  }

  const userFile = (name: string) => findUserFile(sources.homeDirectory, name)
  const sslRootCertificatePath = find('sslrootcert') ?? (await userFile('root.crt'))
  return new DatabaseAddress({
    host,
    port,
    databaseName,
    user,
    password,
    // Certificates of the platform's authorities say nothing unless the name is checked as well.
    sslMode:
      sslRootCertificatePath === 'system'
        ? choose('sslmode', ['verify-full'], 'verify-full')
        : choose('sslmode', SSL_MODES, 'prefer'),
    sslRootCertificatePath,
    sslCertificatePath: find('sslcert') ?? (await userFile('postgresql.crt')),
    sslKeyPath: find('sslkey') ?? (await userFile('postgresql.key')),
    sslKeyPassphrase: find('sslpassword') ?? null,
    channelBinding: choose('channel_binding', ['disable', 'prefer', 'require'], 'prefer'),
    applicationName: find('application_name') ?? find('fallback_application_name') ?? null,
    options: find('options') ?? null,
    connectTimeoutMs: Math.max(0, timeoutSeconds) * 1000,
    source,
    warnings,
  } satisfies DatabaseAddressParts)
}

const DEFAULT_PORT = 5432
/** libpq waits for ever; a firewall that swallows packets would then look like a hang. */
const DEFAULT_CONNECT_TIMEOUT_SECONDS = 15

const SSL_MODES: readonly SslMode[] = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
]

const FOLLOWED: ReadonlySet<string> = new Set([
  'host',
  'port',
  'dbname',
  'user',
  'password',
  'passfile',
  'service',
  'servicefile',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslnegotiation',
  'channel_binding',
  'application_name',
  'fallback_application_name',
  'options',
  'connect_timeout',
])

/** libpq's parameters that change nothing for one short-lived connection to one host. */
const HARMLESS: ReadonlySet<string> = new Set([
  'client_encoding',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'load_balance_hosts',
  'sslcompression',
  'sslsni',
  'target_session_attrs',
  'tcp_user_timeout',
])

/** libpq's parameters that choose another server or ask for more safety: ignoring them would be wrong. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  'hostaddr',
  'replication',
  'require_auth',
  'requirepeer',
  'sslcrl',
  'sslcrldir',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
])

const ENVIRONMENT_NAMES: Readonly<Record<string, string>> = {
  host: 'PGHOST',
  port: 'PGPORT',
  user: 'PGUSER',
  dbname: 'PGDATABASE',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  service: 'PGSERVICE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  channel_binding: 'PGCHANNELBINDING',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
}

/** Any of these means that an address is given; a lone PGPASSWORD does not. */
const DECIDING_VARIABLES = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGSERVICE']

function environmentValue(sources: AddressSources, parameter: string): string | undefined {
  const name = ENVIRONMENT_NAMES[parameter]
  return (name === undefined ? undefined : sources.environment[name]) || undefined
}

interface FoundSource {
  source: string
  parameters: RawParameters
}

const URL_VARIABLES = ['SNAP_DATABASE_URL', 'DATABASE_URL']

/** Returns nothing when neither an option nor a variable says which database. */
async function findSource(sources: AddressSources): Promise<FoundSource | undefined> {
  const { url, environment } = sources
  if (url) {
    const isPlainName = /^[\w.-]+$/.test(url)
    return isPlainName
      ? { source: '--database', parameters: new Map([['dbname', url]]) }
      : parseSource('--database', url)
  }
  for (const name of URL_VARIABLES) {
    const value = environment[name]
    if (value) return parseSource(name, value)
  }
  const variables = await readDotenv(join(sources.workingDirectory, '.env'))
  for (const name of URL_VARIABLES) {
    const value = variables.get(name)
    if (value) return parseSource(`${name} in .env`, value)
  }
  const decidingName = DECIDING_VARIABLES.find((name) => environment[name])
  return decidingName === undefined ? undefined : { source: decidingName, parameters: new Map() }
}

/**
 * Lists the databases that the files of a project name, without looking at options and variables;
 * places that name the same one stand together under the first.
 *
 * @throws DATABASE_ADDRESS_INVALID
 */
export async function findProjectDatabases(
  sources: Pick<AddressSources, 'environment' | 'workingDirectory' | 'homeDirectory' | 'userName'>,
): Promise<DatabaseAddress[]> {
  const byText = new Map<string, DatabaseAddress>()
  for (const place of await findPlaces(sources.workingDirectory, sources.environment)) {
    const address = await complete(sourceOf(place), sources)
    const key = describeAddress(address).replace(/@(?:127\.0\.0\.1|\[::1\]):/, '@localhost:')
    if (!byText.has(key)) byText.set(key, address)
  }
  return [...byText.values()]
}

const sourceOf = ({ place, parameters }: NamedPlace): FoundSource => ({ source: place, parameters })

async function resolveFromProject(sources: AddressSources): Promise<DatabaseAddress> {
  const { projectDirectory = sources.workingDirectory } = sources
  const chosenPlace = (await sources.findChosenPlace?.()) ?? null
  if (chosenPlace !== null && !chosenPlace.includes('#')) {
    return complete(parseSource(CHOSEN_PLACE, chosenPlace), sources)
  }
  if (chosenPlace !== null) {
    const places = await findPlaces(projectDirectory, sources.environment)
    const place = places.find((each) => each.place === chosenPlace)
    if (place === undefined) {
      throw invalid(CHOSEN_PLACE, `'${chosenPlace}' names no database (any more)`)
    }
    return complete(sourceOf(place), sources)
  }
  const [address, ...others] = await findProjectDatabases({
    ...sources,
    workingDirectory: projectDirectory,
  })
  if (address !== undefined && others.length === 0) return address
  if (address === undefined) throw missing(sources, projectDirectory)
  const candidates = [address, ...others].map((each) => ({
    place: each.parts.source,
    address: describeAddress(each),
  }))
  throw new SnapError(
    'DATABASE_ADDRESS_AMBIGUOUS',
    `the files of this project name ${candidates.length} databases: ` +
      candidates.map((each) => `${each.address} (${each.place})`).join(', '),
    { candidates },
    {
      hint: `say which: --database URL, DATABASE_URL, or "database": "${candidates[0]!.place}" in snap.config.json`,
    },
  )
}

/** How messages name the key of the configuration. */
const CHOSEN_PLACE = 'database in snap.config.json'

function missing(sources: AddressSources, projectDirectory: string): SnapError {
  return new SnapError(
    'DATABASE_ADDRESS_MISSING',
    'no database is named',
    {
      looked: [
        '--database',
        ...URL_VARIABLES,
        join(sources.workingDirectory, '.env'),
        ...DECIDING_VARIABLES,
        ...SEARCHED_FILES.map((file) => join(projectDirectory, file)),
      ],
    },
    { hint: 'name it with --database URL, or set DATABASE_URL' },
  )
}

/** A service's parameters fill in what the address itself leaves open, before variables do. */
async function withService(
  { source, parameters }: FoundSource,
  { environment, homeDirectory }: Pick<AddressSources, 'environment' | 'homeDirectory'>,
): Promise<RawParameters> {
  const service = parameters.get('service') || environment.PGSERVICE
  if (!service) return parameters
  const ownFile = parameters.get('servicefile')
  const paths = ownFile ? [ownFile] : serviceFilePaths(environment, homeDirectory)
  const found = (await readServices(paths)).get(service)
  if (found === undefined) throw invalid(source, `no service file has the service '${service}'`)
  return new Map([...found, ...parameters])
}

function parseSource(source: string, text: string): FoundSource {
  try {
    return { source, parameters: parseAddressText(text.trim()) }
  } catch (error) {
    if (error instanceof AddressTextInvalid) throw invalid(source, error.message)
    throw error
  }
}

async function readDotenv(path: string): Promise<Map<string, string>> {
  try {
    return parseDotenv(await readFile(path, 'utf8'))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // A folder of that name (a Python environment, say) is no settings file either.
    if (code === 'ENOENT' || code === 'EISDIR') return new Map()
    throw invalid('.env', 'the file cannot be read', error)
  }
}

function invalid(source: string, reason: string, cause?: unknown): SnapError {
  return new SnapError(
    'DATABASE_ADDRESS_INVALID',
    `cannot use the database address in '${source}': ${reason}`,
    { source },
    {
      ...(cause === undefined ? {} : { cause }),
      hint: 'write it as postgresql://user:password@host:port/database',
    },
  )
}

/** Where packages of PostgreSQL put their socket: Debian's and Red Hat's choice, and the project's own. */
export const SOCKET_DIRECTORIES: readonly string[] = [
  '/var/run/postgresql',
  '/run/postgresql',
  '/tmp',
]

async function defaultHost(port: number): Promise<string> {
  for (const directory of SOCKET_DIRECTORIES) {
    if (await exists(join(directory, `.s.PGSQL.${port}`))) return directory
  }
  return 'localhost'
}

async function findUserFile(homeDirectory: string, name: string): Promise<string | null> {
  const path = join(homeDirectory, '.postgresql', name)
  return (await exists(path)) ? path : null
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
