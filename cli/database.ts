import { type DatabaseAddress, resolveDatabaseAddress } from '../src/index.ts'
import type { Context } from './context.ts'
import { printable } from './output/printable.ts'

/**
 * Finds the database to work on: `--database`, then what the environment and the working directory say.
 *
 * @param url  instead of what `--database` says
 * @throws DATABASE_ADDRESS_MISSING, DATABASE_ADDRESS_INVALID
 */
export async function findDatabase(
  { io, options, output }: Context,
  url: string | undefined = options.database,
): Promise<DatabaseAddress> {
  const address = await resolveDatabaseAddress({
    ...(url === undefined ? {} : { url }),
    environment: io.environment,
    workingDirectory: io.workingDirectory,
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
