/**
 * PostgreSQL services of a Docker Compose file, as they are reached from outside
 * of its network: by a published port. Pure.
 *
 * @see https://docs.docker.com/reference/compose-file/services/
 */
import { parse } from 'yaml'
import { type FindVariable, type NamedPlace, parametersOf } from './place.ts'

export interface ComposeFile {
  /** How places name the file. */
  file: string
  text: string
}

export interface ComposePlaces {
  places: NamedPlace[]
  /** Of every service: names that only resolve inside of the network. */
  hostNames: ReadonlySet<string>
}

/**
 * @param files  the file and what overrides it, in this order
 */
export function findInCompose(
  files: readonly ComposeFile[],
  findVariable: FindVariable,
): ComposePlaces {
  const services = new Map<string, Service>()
  for (const { file, text } of files) {
    for (const [name, definition] of Object.entries(servicesOf(text))) {
      services.set(name, merge(services.get(name) ?? newService(file), definition, findVariable))
    }
  }
  return {
    places: [...services].flatMap(([name, service]) => placeOf(name, service)),
    hostNames: new Set(services.keys()),
  }
}

interface Service {
  file: string
  image: string
  environment: Map<string, string>
  ports: unknown[]
  isOnHostNetwork: boolean
}

const newService = (file: string): Service => ({
  file,
  image: '',
  environment: new Map(),
  ports: [],
  isOnHostNetwork: false,
})

type Mapping = Readonly<Record<string, unknown>>
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function servicesOf(text: string): Record<string, Mapping> {
  const document: unknown = parseYaml(text)
  const services = isMapping(document) && isMapping(document.services) ? document.services : {}
  return Object.fromEntries(
    Object.entries(services).filter((entry): entry is [string, Mapping] => isMapping(entry[1])),
  )
}

/** A file that is not YAML names no database; its own tool says what is wrong with it. */
export function parseYaml(text: string): unknown {
  try {
    return parse(text, { merge: true, logLevel: 'silent' })
  } catch {
    return null
  }
}

/** As Compose merges: scalars are replaced, environments merged by name, ports added. */
function merge(service: Service, definition: Mapping, findVariable: FindVariable): Service {
  const expand = (value: unknown) => expandVariables(String(value), findVariable)
  const { image, environment, ports, network_mode: networkMode } = definition
  const variables: [string, string][] = Array.isArray(environment)
    ? environment.map((line) => {
        const [, name, value] = /^([^=]*)(?:=(.*))?$/s.exec(String(line))!
        return [name!, value === undefined ? (findVariable(name!) ?? '') : expand(value)]
      })
    : Object.entries(isMapping(environment) ? environment : {}).map(([name, value]) => [
        name,
        value === null ? (findVariable(name) ?? '') : expand(value),
      ])
  return {
    ...service,
    image: image === undefined ? service.image : expand(image),
    environment: new Map([...service.environment, ...variables]),
    ports: [...service.ports, ...(Array.isArray(ports) ? ports : [])].map((port) =>
      typeof port === 'string' ? expand(port) : port,
    ),
    isOnHostNetwork: service.isOnHostNetwork || networkMode === 'host',
  }
}

/** `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`; `$$` is a dollar sign. */
export function expandVariables(text: string, findVariable: FindVariable): string {
  return text.replace(
    /\$(?:(\$)|(\w+)|\{(\w+)(?:(:?)([-?+])([^}]*))?\})/g,
    (
      _,
      dollar?: string,
      plain?: string,
      braced?: string,
      colon?: string,
      sign?: string,
      rest = '',
    ) => {
      if (dollar !== undefined) return '$'
      const value = findVariable((plain ?? braced)!)
      const isGiven = value !== undefined && (colon !== ':' || value !== '')
      if (sign === '+') return isGiven ? rest : ''
      return isGiven ? value : sign === '-' ? rest : ''
    },
  )
}

/** The official image, and those that are built on it and heed the same variables. */
const POSTGRES_IMAGE =
  /(?:^|\/)(?:postgres|postgresql|postgis|pgvector|timescaledb(?:-ha)?|pgrouting|paradedb|pgduckdb)(?:[:@]|$)/

function placeOf(name: string, service: Service): NamedPlace[] {
  if (!POSTGRES_IMAGE.test(service.image)) return []
  const published = service.isOnHostNetwork
    ? { host: 'localhost', port: service.environment.get('PGPORT') ?? '5432' }
    : service.ports.map(publishedPort).find((port) => port !== undefined)
  if (published === undefined) return []
  const find = (...names: string[]) =>
    names.map((each) => service.environment.get(each)).find((value) => value)
  const user = find('POSTGRES_USER', 'POSTGRESQL_USERNAME') ?? 'postgres'
  const parameters = parametersOf({
    ...published,
    user,
    password: find('POSTGRES_PASSWORD', 'POSTGRESQL_PASSWORD'),
    dbname: find('POSTGRES_DB', 'POSTGRESQL_DATABASE') ?? user,
  })
  return [{ place: `${service.file}#${name}`, parameters }]
}

/** `5433:5432`, `127.0.0.1:5433:5432/tcp`, `{ target: 5432, published: 5433 }`; not a port chosen anew at each start. */
function publishedPort(port: unknown): { host: string; port: string } | undefined {
  const [hostIp, published, target] = isMapping(port)
    ? [port.host_ip, port.published, port.target]
    : (/^(?:(.+):)?(\d+):(\d+)(?:\/tcp)?$/.exec(String(port))?.slice(1) ?? [])
  if (String(target) !== '5432' || !/^\d+$/.test(String(published ?? ''))) return undefined
  const isEverywhere =
    hostIp === undefined || /^(?:0\.0\.0\.0|\[?::\]?|127\.0\.0\.1)$/.test(String(hostIp))
  return { host: isEverywhere ? 'localhost' : String(hostIp), port: String(published) }
}
