/**
 * Databases that the configuration of a framework or migration tool names, for
 * development: what says production is never looked at. Pure.
 */
import {
  AddressTextInvalid,
  parseAddressText,
  type RawParameters,
} from '../address/address-text.ts'
import { parseYaml } from './compose-places.ts'
import { type FindVariable, type NamedPlace, parametersOf } from './place.ts'

/**
 * `datasource db { url = env("DATABASE_URL") }` of Prisma; `directUrl`, which goes past a pooler, comes first.
 */
export function findInPrismaSchema(
  text: string,
  file: string,
  findVariable: FindVariable,
): NamedPlace[] {
  const withoutComments = text.replace(/^\s*\/\/.*$/gm, '')
  const source = /\bdatasource\s+\w+\s*\{([^}]*)\}/.exec(withoutComments)?.[1]
  if (source === undefined || !/provider\s*=\s*"postgres(?:ql)?"/.test(source)) return []
  for (const key of ['directUrl', 'url']) {
    const found = new RegExp(`\\b${key}\\s*=\\s*(?:env\\("([^"]+)"\\)|"([^"]*)")`).exec(source)
    if (found === null) continue
    const [, variable, literal] = found
    const parameters = parseAddress(variable === undefined ? literal : findVariable(variable))
    if (parameters !== undefined) return [{ place: `${file}#${variable ?? key}`, parameters }]
  }
  return []
}

/** `sqlalchemy.url = postgresql+psycopg://…` of alembic. */
export function findInAlembicIni(text: string, file: string): NamedPlace[] {
  const value = /^[ \t]*sqlalchemy\.url[ \t]*=[ \t]*(.*?)[ \t]*$/m.exec(text)?.[1]
  // configparser's escape.
  const parameters = parseAddress(value?.replaceAll('%%', '%'))
  return parameters === undefined ? [] : [{ place: `${file}#sqlalchemy.url`, parameters }]
}

/** `config/database.yml` of Rails: `development`, and each of its databases where it has several. */
export function findInRailsConfig(
  text: string,
  file: string,
  findVariable: FindVariable,
): NamedPlace[] {
  const document = parseYaml(fillErb(text, findVariable))
  const development = (document as Record<string, unknown> | null)?.development
  const direct = parametersOfRails(development)
  if (direct !== undefined) return [{ place: `${file}#development`, parameters: direct }]
  return Object.entries(development ?? {}).flatMap(([name, settings]) => {
    const parameters = parametersOfRails(settings)
    return parameters === undefined ? [] : [{ place: `${file}#development.${name}`, parameters }]
  })
}

function parametersOfRails(settings: unknown): RawParameters | undefined {
  if (typeof settings !== 'object' || settings === null) return undefined
  const { url, adapter, database, host, port, username, password } = settings as Record<
    string,
    string | number | null | undefined
  >
  const address = parseAddress(typeof url === 'string' ? url : undefined)
  if (address !== undefined) return address
  if (!/^(?:postgres|postgis)/.test(String(adapter)) || !database) return undefined
  return parametersOf({ dbname: database, host, port, user: username, password })
}

/** Fills in variables, with their defaults; what else Ruby would compute is left empty. */
function fillErb(text: string, findVariable: FindVariable): string {
  return text
    .replace(/<%#.*?%>/gs, '')
    .replace(/<%=(.*?)%>/gs, (_, expression: string) => {
      const found =
        /ENV(?:\.fetch\(\s*|\[)["'](\w+)["'][\])]?(?:.*?["']([^"']*)["']|.*?\b(\d+))?/s.exec(
          expression,
        )
      if (found === null) return ''
      const [, name, text, number] = found
      return findVariable(name!) ?? text ?? number ?? ''
    })
    .replace(/<%.*?%>/gs, '')
}

/** Returns nothing for what is no PostgreSQL address, or not yet filled in: its tool will say so. */
function parseAddress(text: string | undefined): RawParameters | undefined {
  if (text === undefined || !/^(?:postgres|postgis)/.test(text)) return undefined
  try {
    return parseAddressText(text)
  } catch (error) {
    if (error instanceof AddressTextInvalid) return undefined
    throw error
  }
}
