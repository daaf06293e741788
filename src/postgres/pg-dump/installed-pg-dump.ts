/**
 * Reads the schema with a pg_dump that is installed, for servers newer than the bundled one knows.
 *
 * It opens a connection of its own and reads the snapshot of the session's
 * transaction, so it cannot see what that transaction has changed itself.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SnapError, throwIfAborted } from '../../errors.ts'
import type { DatabaseAddress } from '../address/database-address.ts'
import type { Session } from '../session.ts'
import type { DumpOutcome } from './conversation.ts'

const run = promisify(execFile)

/**
 * Runs the `pg_dump` found on PATH.
 *
 * @throws POSTGRES_UNSUPPORTED  none is installed, it is older than the server, or the transaction has written
 * @throws ABORTED
 */
export async function runInstalledPgDump(
  session: Session,
  args: readonly string[],
): Promise<DumpOutcome> {
  const installed = await findInstalledMajor()
  if (installed === undefined || installed < session.serverMajor) {
    const found = installed === undefined ? 'none' : `pg_dump ${installed}`
    throw unsupported(session, found, `install PostgreSQL ${session.serverMajor}'s client programs`)
  }
  const [state] = await session.query<{ hasWritten: boolean }>(
    'SELECT pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL AS "hasWritten"',
  )
  if (state!.hasWritten) {
    const hint = 'restore into a new database instead, or use a newer snap'
    throw unsupported(session, `pg_dump ${installed}, which cannot see uncommitted changes`, hint)
  }
  const [exported] = await session.query<{ snapshot: string; lockTimeoutMs: string }>(
    `SELECT pg_catalog.pg_export_snapshot() AS snapshot, setting AS "lockTimeoutMs"
       FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'`,
  )
  const { snapshot, lockTimeoutMs } = exported!
  return withPasswordFile(session.address, async (passwordFile) => {
    const allArgs = [
      ...args,
      `--snapshot=${snapshot}`,
      ...(lockTimeoutMs === '0' ? [] : [`--lock-wait-timeout=${lockTimeoutMs}`]),
      '--no-password',
      `--dbname=${connectionText(session.address, passwordFile)}`,
    ]
    try {
      const { stdout, stderr } = await run('pg_dump', allArgs, {
        encoding: 'buffer',
        maxBuffer: Number.POSITIVE_INFINITY,
        ...(session.signal === undefined ? {} : { signal: session.signal }),
      })
      return { kind: 'dumped', archive: stdout, stderr: stderr.toString('utf8') }
    } catch (error) {
      throwIfAborted(session.signal, 'the schema dump')
      const stderr = String((error as { stderr?: unknown }).stderr ?? '')
      return { kind: 'failed', stderr, reason: 'it could not be run', serverError: undefined }
    }
  })
}

async function findInstalledMajor(): Promise<number | undefined> {
  try {
    const { stdout } = await run('pg_dump', ['--version'])
    return Number(/\(PostgreSQL\) (\d+)/.exec(stdout)?.[1])
  } catch {
    // Not there, or not runnable by us: both mean that there is none to use.
    return undefined
  }
}

/** The password reaches pg_dump in a private file: others may see the arguments and environment of a process. */
async function withPasswordFile<Result>(
  address: DatabaseAddress,
  work: (path: string | undefined) => Promise<Result>,
): Promise<Result> {
  const { password } = address.revealSecrets()
  if (password === null) return work(undefined)
  const directory = await mkdtemp(join(tmpdir(), 'snap-pg-dump-'))
  try {
    const path = join(directory, 'password')
    await writeFile(path, '', { mode: 0o600 })
    await chmod(path, 0o600)
    await writeFile(path, `*:*:*:*:${password.replace(/[\\:]/g, '\\$&')}\n`)
    return await work(path)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function connectionText(address: DatabaseAddress, passwordFile: string | undefined): string {
  const { parts } = address
  const values: Record<string, string | number | null | undefined> = {
    host: parts.host,
    port: parts.port,
    user: parts.user,
    dbname: parts.databaseName,
    passfile: passwordFile,
    sslmode: parts.sslMode,
    sslrootcert: parts.sslRootCertificatePath,
    sslcert: parts.sslCertificatePath,
    sslkey: parts.sslKeyPath,
    channel_binding: parts.channelBinding,
    options: parts.options,
  }
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}='${String(value).replace(/[\\']/g, '\\$&')}'`)
    .join(' ')
}

function unsupported(session: Session, found: string, hint: string): SnapError {
  return new SnapError(
    'POSTGRES_UNSUPPORTED',
    `cannot read the schema of PostgreSQL ${session.serverVersion}: the bundled pg_dump is older, and installed is ${found}`,
    { expected: `pg_dump ${session.serverMajor} or newer`, found },
    { hint },
  )
}
