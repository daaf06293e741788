/**
 * The independent witness of a restore: what `pg_dump` says of a database.
 *
 * Shares no code with `src`, so that our own capture is never the only one to
 * say that our own restore is right. A native pg_dump is used where one is
 * installed that is new enough for the server; else the WebAssembly build, in a
 * process of its own, which always writes rows as INSERT. So two dumps compare
 * only when both come from the same machine and server version.
 */
import { execFile, spawn } from 'node:child_process'
import { readdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface DumpOptions {
  schemaOnly?: boolean
  dataOnly?: boolean
  /**
   * `heap`, the default: rows as the table holds them. `sorted`: as text, for
   * tables whose rows differ much in length; PostgreSQL itself does not load
   * those in the order it is given, as small rows fill gaps that large ones left.
   */
  rowOrder?: 'heap' | 'sorted'
}

/** The newest major that Debian's and npm's native tools can be had for: CI must have them. */
const NEWEST_NATIVE_MAJOR_IN_CI = 15

/**
 * Returns a plain-text dump of schema and rows, less what differs between two dumps of one state.
 *
 * @param databaseUrl  with the socket's folder as `host`, a role that needs no password
 */
export async function dumpWith(
  majorVersion: number,
  databaseUrl: string,
  options: DumpOptions = {},
): Promise<string> {
  const args = [
    ...(options.schemaOnly ? ['--schema-only'] : []),
    ...(options.dataOnly ? ['--data-only'] : []),
  ]
  const dump = normalise(await runDump(majorVersion, databaseUrl, args))
  return options.rowOrder === 'sorted' ? withSortedRows(dump) : dump
}

async function runDump(majorVersion: number, databaseUrl: string, args: string[]) {
  const native = await findNativeDump(majorVersion)
  if (native !== undefined) return runNativeDump(native, databaseUrl, args)
  if (process.env.CI && majorVersion <= NEWEST_NATIVE_MAJOR_IN_CI) {
    throw new Error(`no native pg_dump for PostgreSQL ${majorVersion}: install postgresql-client`)
  }
  return runWasmDump(databaseUrl, args)
}

/** Shows the first place where two dumps differ, with some lines before it; `undefined` when they are equal. */
export function describeDifference(before: string, after: string): string | undefined {
  if (before === after) return undefined
  const [beforeLines, afterLines] = [before.split('\n'), after.split('\n')]
  const first = beforeLines.findIndex((line, index) => line !== afterLines[index])
  const index = first === -1 ? beforeLines.length : first
  const show = (lines: string[], mark: string) =>
    lines.slice(index, index + 5).map((line) => `${mark} ${shorten(line)}`)
  return [
    `dumps differ at line ${index + 1} (${beforeLines.length} lines before, ${afterLines.length} after)`,
    ...beforeLines.slice(Math.max(0, index - 5), index).map((line) => `  ${shorten(line)}`),
    ...show(beforeLines, '-'),
    ...show(afterLines, '+'),
  ].join('\n')
}

function shorten(line: string): string {
  return line.length <= 300 ? line : `${line.slice(0, 300)}… (${line.length} characters)`
}

/** `\restrict` carries a random token; the versions name the tools and not the state. */
function normalise(dump: string): string {
  return dump.replace(/^(?:\\(?:un)?restrict .*|-- Dumped (?:from|by) .*)\n/gm, '')
}

/** Sorts the lines of each COPY block, and each run of INSERT statements for one table. */
export function withSortedRows(dump: string): string {
  const parts: string[] = []
  let position = 0
  for (;;) {
    const start = findRows(dump, position)
    if (start === undefined) break
    parts.push(dump.slice(position, start.offset))
    const { rows, end } =
      start.kind === 'copy' ? readCopyRows(dump, start.offset) : readInsertRows(dump, start.offset)
    parts.push(rows.sort().join(''))
    position = end
  }
  return parts.join('') + dump.slice(position)
}

/** Rows begin after the comment that pg_dump puts before each table's data. */
function findRows(dump: string, from: number) {
  const title = /; Type: TABLE DATA; Schema: .*\n--\n\n/g
  title.lastIndex = from
  for (let match = title.exec(dump); match !== null; match = title.exec(dump)) {
    const offset = title.lastIndex
    if (dump.startsWith('INSERT INTO ', offset)) return { kind: 'insert' as const, offset }
    if (dump.startsWith('COPY ', offset)) {
      const block = dump.indexOf(' FROM stdin;\n', offset) + ' FROM stdin;\n'.length
      return { kind: 'copy' as const, offset: block }
    }
  }
  return undefined
}

function readCopyRows(dump: string, offset: number): { rows: string[]; end: number } {
  const end = dump.startsWith('\\.\n', offset) ? offset : dump.indexOf('\n\\.\n', offset) + 1
  return { rows: dump.slice(offset, end).match(/[^\n]*\n/g) ?? [], end }
}

function readInsertRows(dump: string, offset: number): { rows: string[]; end: number } {
  const rows: string[] = []
  let end = offset
  while (dump.startsWith('INSERT INTO ', end)) {
    const next = findStatementEnd(dump, end)
    rows.push(dump.slice(end, next))
    end = next
  }
  return { rows, end }
}

/** The offset after the statement's `;` and line end, neither of which counts inside quotes. */
function findStatementEnd(dump: string, offset: number): number {
  const interesting = /['"]|;\n/g
  interesting.lastIndex = offset
  for (;;) {
    const match = interesting.exec(dump)
    if (match === null) return dump.length
    if (match[0] === ';\n') return interesting.lastIndex
    interesting.lastIndex = dump.indexOf(match[0], interesting.lastIndex) + 1
  }
}

interface NativeDump {
  command: string
  majorVersion: number
}

let nativeDumps: Promise<NativeDump[]> | undefined

/** The oldest that can read the server, so that it is nearest to the server's own. */
async function findNativeDump(serverMajor: number): Promise<string | undefined> {
  nativeDumps ??= listNativeDumps()
  return (await nativeDumps).find(({ majorVersion }) => majorVersion >= serverMajor)?.command
}

async function listNativeDumps(): Promise<NativeDump[]> {
  const debianRoot = '/usr/lib/postgresql'
  const debianVersions = await readdir(debianRoot).catch(() => [])
  // Debian's directories first: its pg_dump on PATH is a script that chooses among them in its own way.
  const directories = [
    ...debianVersions.map((version) => join(debianRoot, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== ''),
  ]
  const found: NativeDump[] = []
  for (const directory of directories) {
    const command = join(directory, 'pg_dump')
    const version = await promisify(execFile)(command, ['--version']).catch(() => undefined)
    const majorVersion = Number(version?.stdout.match(/\(PostgreSQL\) (\d+)/)?.[1] ?? 0)
    if (majorVersion > 0) found.push({ command, majorVersion })
  }
  return found.sort((a, b) => a.majorVersion - b.majorVersion)
}

async function runNativeDump(command: string, databaseUrl: string, args: string[]) {
  const { stdout } = await promisify(execFile)(command, [...args, `--dbname=${databaseUrl}`], {
    maxBuffer: Number.POSITIVE_INFINITY,
  })
  return stdout
}

/**
 * The WebAssembly pg_dump reads and writes synchronously, which Node's sockets
 * cannot. Its process therefore talks over its blocking standard input and
 * output, and we carry the bytes between those and the server's socket.
 */
async function runWasmDump(databaseUrl: string, args: string[]): Promise<string> {
  const url = new URL(databaseUrl)
  const databaseName = decodeURIComponent(url.pathname.slice(1))
  const socketPath = `${url.searchParams.get('host')}/.s.PGSQL.${url.searchParams.get('port')}`
  const outputPath = join(tmpdir(), `snap-witness-${process.pid}-${crypto.randomUUID()}.sql`)

  const program = fileURLToPath(new URL('./wasm-pg-dump.js', import.meta.url))
  const dump = spawn(process.execPath, [program, outputPath, databaseName, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaints = ''
  dump.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const exitCode = new Promise<number | null>((resolve) => dump.on('close', resolve))
  const server = connect(socketPath)
  try {
    const conversation = Promise.all([pipeline(dump.stdout, server), pipeline(server, dump.stdin)])
    const [code] = await Promise.all([
      exitCode,
      conversation.catch((error) => {
        // Either side may hang up first; the dump's exit code says whether it had what it needed.
        complaints += `\n${error}`
      }),
    ])
    if (code !== 0) throw new Error(`pg_dump (WebAssembly) exited with ${code}: ${complaints}`)
    return await readFile(outputPath, 'utf8')
  } finally {
    server.destroy()
    dump.kill('SIGKILL')
    await rm(outputPath, { force: true })
  }
}
