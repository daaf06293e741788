import { dirname, join } from 'node:path'
import { type DatabaseAddress, resolveDatabaseAddress, type Store } from '../src/index.ts'
import { readConfigIn } from './config-file.ts'
import type { Context } from './context.ts'
import { exists } from './exists.ts'
import { printable } from './output/printable.ts'

/** The database that the commits of a store are made of, unless the command line names another. */
export function findDatabaseOf(
  store: Store,
  context: Context,
  url: string | undefined = context.options.database,
): Promise<DatabaseAddress> {
  return findDatabase(context, dirname(store.backend.location), url)
}

/**
 * Finds the database to work on: `--database`, then what the environment and `.env` say, then what
 * the configuration chooses, then what the project's other files name.
 *
 * @param projectDirectory  where `.env` is when the working directory, which may lie below it, has none
 * @param url               instead of what `--database` says
 * @throws DATABASE_ADDRESS_MISSING, DATABASE_ADDRESS_AMBIGUOUS, DATABASE_ADDRESS_INVALID, CONFIG_INVALID
 */
export async function findDatabase(
  context: Context,
  projectDirectory: string,
  url: string | undefined = context.options.database,
): Promise<DatabaseAddress> {
  const { io, output } = context
  const hasOwn = await exists(join(io.workingDirectory, '.env'))
  const address = await resolveDatabaseAddress({
    ...(url === undefined ? {} : { url }),
    environment: io.environment,
    workingDirectory: hasOwn ? io.workingDirectory : projectDirectory,
    projectDirectory,
    findChosenPlace: async () => (await readConfigIn(projectDirectory, context)).config.database,
    homeDirectory: io.homeDirectory,
    userName: io.userName,
  })
  for (const warning of address.warnings) {
    if (warning.kind === 'passwordFileIgnored') {
      output.note(
        `warning: not using ${printable(warning.path)}: others may read it`,
        `hint: chmod 600 ${printable(warning.path)}`,
      )
    }
  }
  return address
}
