/**
 * Looks where projects usually say which database is theirs, in the files of one directory.
 *
 * Only what means development: files and sections of production and of tests are
 * not opened, because what is found here is a guess. Passwords stay inside of
 * the parameters.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDotenv } from '../address/dotenv-file.ts'
import { findInCompose } from './compose-places.ts'
import { findInVariables } from './environment-places.ts'
import { findInAlembicIni, findInPrismaSchema, findInRailsConfig } from './framework-places.ts'
import type { FindVariable, NamedPlace } from './place.ts'

/** Later ones override earlier ones, as the tools that read them have it. */
const ENV_FILES = ['.env', '.env.development', '.env.local', '.env.development.local']
const PRISMA_SCHEMAS = ['prisma/schema.prisma', 'schema.prisma']
/** The first of these is Compose's choice; each may have an override. */
const COMPOSE_FILES = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml']

/** Every file that `findPlaces` looks at, for whoever was not found anything. */
export const SEARCHED_FILES: readonly string[] = [
  ...ENV_FILES.slice(1),
  COMPOSE_FILES.at(-1)!,
  PRISMA_SCHEMAS[0]!,
  'config/database.yml',
  'alembic.ini',
]

export async function findPlaces(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<NamedPlace[]> {
  const read = (file: string) => readFile(join(directory, file), 'utf8').catch(() => undefined)
  const variables = new Map<string, string>()
  const fromVariables: NamedPlace[] = []
  for (const file of [...ENV_FILES, 'prisma/.env']) {
    const own = parseDotenv((await read(file)) ?? '')
    for (const [name, value] of own) variables.set(name, value)
    fromVariables.push(...findInVariables(own, file))
  }
  const find: FindVariable = (name) => environment[name] ?? variables.get(name)

  const compose = findInCompose(await readCompose(read), find)
  const found = [...compose.places]
  for (const file of PRISMA_SCHEMAS) {
    found.push(...findInPrismaSchema((await read(file)) ?? '', file, find))
  }
  const rails = 'config/database.yml'
  found.push(...findInRailsConfig((await read(rails)) ?? '', rails, find))
  found.push(...findInAlembicIni((await read('alembic.ini')) ?? '', 'alembic.ini'))
  // A service's name is known inside of Compose's network alone; its published port stands for it.
  return [...fromVariables, ...found].filter(
    ({ parameters }) => !compose.hostNames.has(parameters.get('host') ?? ''),
  )
}

async function readCompose(read: (file: string) => Promise<string | undefined>) {
  for (const file of COMPOSE_FILES) {
    const text = await read(file)
    if (text === undefined) continue
    const override = file.replace(/\.ya?ml$/, '.override$&')
    const overriding = await read(override)
    return [
      { file, text },
      ...(overriding === undefined ? [] : [{ file: override, text: overriding }]),
    ]
  }
  return []
}
