import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import glob from 'fast-glob'
import { type Migration, readMigrations, SnapError } from '../../src/index.ts'
import { exists } from '../exists.ts'

/**
 * Reads the `.sql` files of a directory, those below it not.
 *
 * @throws INPUT_UNREADABLE   there is no such directory, or a file is no UTF-8 text
 * @throws MIGRATION_INVALID
 */
export async function readMigrationDirectory(
  directory: string,
  workingDirectory: string,
): Promise<Migration[]> {
  if (!(await exists(directory))) {
    throw new SnapError(
      'INPUT_UNREADABLE',
      `cannot read migrations: there is no directory '${directory}'`,
      { path: directory },
      { hint: 'name it: snap migrate DIR, or "migrate": {"directory": …} in snap.config.json' },
    )
  }
  const names = await glob('*.sql', { cwd: directory, caseSensitiveMatch: false, dot: false })
  return readMigrations(
    await Promise.all(
      names.map(async (name) => {
        const path = join(directory, name)
        const below = relative(workingDirectory, path)
        const file = below.startsWith('..') ? path : below
        return { name, file, source: await readSql(path, file) }
      }),
    ),
  )
}

/** What is not UTF-8 would reach the database as something else than it was. */
async function readSql(path: string, file: string): Promise<string> {
  const fail = (reason: string, cause?: unknown) =>
    new SnapError('INPUT_UNREADABLE', `cannot read '${file}': ${reason}`, { path }, { cause })
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw fail(cause.code ?? cause.message, cause)
  })
  if (!isUtf8(bytes)) throw fail('it is not UTF-8')
  return bytes.toString()
}
