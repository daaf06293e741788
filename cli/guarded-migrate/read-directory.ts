import { isUtf8 } from 'node:buffer'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Migration, readMigrations, SnapError } from '../../src/index.ts'

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
  const names = await listSql(directory)
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

async function listSql(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    // Links that lead nowhere are among them, so that they are told instead of left out.
    const files = entries.filter((entry) => !entry.isDirectory())
    return files.map(({ name }) => name).filter((name) => /^[^.].*\.sql$/i.test(name))
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason =
      code === 'ENOENT'
        ? `there is no directory '${directory}'`
        : `'${directory}' is no directory that can be read: ${code ?? message}`
    throw new SnapError(
      'INPUT_UNREADABLE',
      `cannot read migrations: ${reason}`,
      { path: directory },
      {
        cause,
        hint: 'name it: snap migrate DIR, or "migrate": {"directory": …} in snap.config.json',
      },
    )
  }
}

/** What is not UTF-8 would reach the database as something else than it was. */
async function readSql(path: string, file: string): Promise<string> {
  const fail = (reason: string, options: { cause?: unknown; hint?: string } = {}) =>
    new SnapError('INPUT_UNREADABLE', `cannot read '${file}': ${reason}`, { path }, options)
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' && file.includes('\ufffd')
      ? fail('its name is not UTF-8', { cause, hint: 'rename it: its name stands in the history' })
      : fail(cause.code ?? cause.message, { cause })
  })
  if (!isUtf8(bytes)) {
    throw fail('it is not UTF-8', { hint: 'convert it: iconv -f utf-16 -t utf-8, for instance' })
  }
  return bytes.toString()
}
