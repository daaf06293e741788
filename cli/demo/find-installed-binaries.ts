import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { exists } from '../exists.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'

/** Where packages put a server that is not on PATH, a directory a version. */
const PACKAGE_DIRECTORIES = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt']
const OLDEST_MAJOR = 14

/**
 * Finds a PostgreSQL server that is installed on this machine: on PATH, or the
 * newest where packages put them.
 *
 * @param searchPath  the PATH variable
 * @returns `undefined` when there is none of a version that can be used
 */
export async function findInstalledBinaries(
  searchPath: string | undefined,
): Promise<PostgresBinaries | undefined> {
  const onPath = (searchPath ?? '').split(delimiter).filter((directory) => directory !== '')
  const packaged = await Promise.all(PACKAGE_DIRECTORIES.map(listPackagedDirectories))
  for (const directory of [...onPath, ...packaged.flat()]) {
    const binaries = { initdb: join(directory, 'initdb'), postgres: join(directory, 'postgres') }
    if (!(await exists(binaries.initdb)) || !(await exists(binaries.postgres))) continue
    if ((await readMajor(binaries.postgres)) >= OLDEST_MAJOR) return binaries
  }
  return undefined
}

/** `/usr/lib/postgresql/18/bin`, `/opt/homebrew/opt/postgresql@18/bin`: newest first. */
async function listPackagedDirectories(parent: string): Promise<string[]> {
  const names = await readdir(parent).catch(() => [])
  const majorOf = (name: string) => Number(/^(?:postgresql@)?(\d+)$/.exec(name)?.[1] ?? 0)
  return names
    .filter((name) => majorOf(name) > 0)
    .sort((a, b) => majorOf(b) - majorOf(a))
    .map((name) => join(parent, name, 'bin'))
}

/** The major version that `postgres --version` tells; 0 when it does not run. */
async function readMajor(postgres: string): Promise<number> {
  const output = await promisify(execFile)(postgres, ['--version']).catch(() => undefined)
  return Number(/\(PostgreSQL\) (\d+)/.exec(output?.stdout ?? '')?.[1] ?? 0)
}
