import { AddressTextInvalid, parseAddressText } from '../address/address-text.ts'
import { type NamedPlace, parametersOf } from './place.ts'

/**
 * Finds databases in the variables of one `.env` file: addresses, whatever their
 * variable is called, and the families that name host, port, user and database
 * one by one (`POSTGRES_DB`, `PGDATABASE`, `DB_NAME`). Pure.
 *
 * @param file  how places name the file
 */
export function findInVariables(
  variables: ReadonlyMap<string, string>,
  file: string,
): NamedPlace[] {
  return [...findAddresses(variables, file), ...findFamilies(variables, file)]
}

function findAddresses(variables: ReadonlyMap<string, string>, file: string): NamedPlace[] {
  return [...variables].flatMap(([name, value]) => {
    // Another database on purpose; and what a tool would have to fill in first.
    if (/TEST|SHADOW/i.test(name) || value.includes('${')) return []
    if (!/^(?:postgres|postgis)/.test(value)) return []
    try {
      return [{ place: `${file}#${name}`, parameters: parseAddressText(value) }]
    } catch (error) {
      if (error instanceof AddressTextInvalid) return []
      throw error
    }
  })
}

interface Family {
  prefix: string
  /** Set when these variables are of any database, and have to say that theirs is PostgreSQL. */
  kindVariables?: readonly string[]
}

const FAMILIES: readonly Family[] = [
  { prefix: 'PG' },
  { prefix: 'POSTGRES_' },
  {
    prefix: 'DB_',
    kindVariables: [
      'DB_CONNECTION',
      'DB_ENGINE',
      'DB_DIALECT',
      'DB_TYPE',
      'DB_ADAPTER',
      'DB_DRIVER',
    ],
  },
  {
    prefix: 'DATABASE_',
    kindVariables: ['DATABASE_ENGINE', 'DATABASE_CLIENT', 'DATABASE_TYPE', 'DATABASE_DRIVER'],
  },
]

function findFamilies(variables: ReadonlyMap<string, string>, file: string): NamedPlace[] {
  return FAMILIES.flatMap(({ prefix, kindVariables }) => {
    const find = (...names: string[]) =>
      names.map((name) => variables.get(`${prefix}${name}`)).find((value) => value)
    const databaseName = find('DATABASE', 'DB', 'NAME', 'DBNAME')
    if (databaseName === undefined) return []
    const isPostgres =
      kindVariables === undefined ||
      kindVariables.some((name) => /^(?:.*\.)?(?:pg|post)/i.test(variables.get(name) ?? '')) ||
      find('PORT') === '5432'
    if (!isPostgres) return []
    const parameters = parametersOf({
      host: find('HOST', 'SERVER') ?? 'localhost',
      port: find('PORT'),
      user: find('USER', 'USERNAME'),
      password: find('PASSWORD', 'PASS'),
      dbname: databaseName,
    })
    return [{ place: `${file}#${prefix}*`, parameters }]
  })
}
