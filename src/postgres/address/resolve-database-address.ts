/**
 * Finds out which database is meant, from the same places and by the same rules as libpq.
 *
 * The first source that says anything decides; what it leaves open is filled in
 * from the PG* variables, the password file and libpq's defaults.
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SnapError } from '../../errors.ts'
import { AddressTextInvalid, parseAddressText, type RawParameters } from './address-text.ts'
import {
  type AddressWarning,
  DatabaseAddress,
  type DatabaseAddressParts,
  type SslMode,
} from './database-address.ts'
import { parseDotenv } from './dotenv-file.ts'
import { findPassword } from './password-file.ts'

export interface AddressSources {
  /** What `--database` was given: a URL, `key=value` pairs, or a plain database name. */
  url?: string
  environment: Readonly<Record<string, string | undefined>>
  workingDirectory: string
  homeDirectory: string
  /** The operating system's name of this user: the default role. */
  userName: string
}

/**
 * Resolves the address from `--database`, SNAP_DATABASE_URL, DATABASE_URL, the
 * same two in `.env`, and the PG* variables, in this order.
 *
 * @throws DATABASE_ADDRESS_MISSING  no source says anything
 * @throws DATABASE_ADDRESS_INVALID  the deciding source cannot be understood
 */
export async function resolveDatabaseAddress(sources: AddressSources): Promise<DatabaseAddress> {
  const { source, parameters } = await findSource(sources)
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
  'service',
  'servicefile',
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
const DECIDING_VARIABLES = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE']

function environmentValue(sources: AddressSources, parameter: string): string | undefined {
  const name = ENVIRONMENT_NAMES[parameter]
  return (name === undefined ? undefined : sources.environment[name]) || undefined
}

interface FoundSource {
  source: string
  parameters: RawParameters
}

const URL_VARIABLES = ['SNAP_DATABASE_URL', 'DATABASE_URL']

async function findSource(sources: AddressSources): Promise<FoundSource> {
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
  const dotenvPath = join(sources.workingDirectory, '.env')
  const variables = await readDotenv(dotenvPath)
  for (const name of URL_VARIABLES) {
    const value = variables.get(name)
    if (value) return parseSource(`${name} in .env`, value)
  }
  const decidingName = DECIDING_VARIABLES.find((name) => environment[name])
  if (decidingName !== undefined) return { source: decidingName, parameters: new Map() }

  throw new SnapError(
    'DATABASE_ADDRESS_MISSING',
    'no database is named',
    { looked: ['--database', ...URL_VARIABLES, dotenvPath, ...DECIDING_VARIABLES] },
    { hint: 'name it with --database URL, or set DATABASE_URL' },
  )
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
const SOCKET_DIRECTORIES = ['/var/run/postgresql', '/run/postgresql', '/tmp']

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
