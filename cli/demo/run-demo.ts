/**
 * The demo: real commands, through `run` as if they were typed, on a real server.
 *
 * Whatever happens on the way, the server and its directory are gone when it is
 * over; the server's own reaper sees to that even if this process is killed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import {
  InvariantError,
  openSession,
  resolveDatabaseAddress,
  type Session,
  SnapError,
} from '../../src/index.ts'
import type { Context } from '../context.ts'
import { ExitCode } from '../exit-codes.ts'
import type { OutputStream, ProgramIo } from '../io.ts'
import { formatTable } from '../output/text-table.ts'
import { formatDuration } from '../output/units.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { ACCIDENT, type Fact, fillShop, measureShop } from './shop.ts'
import { startTemporaryServer } from './start-temporary-server.ts'

interface Demo {
  context: Context
  /** What the commands are given of the world: the shop's directory, and DATABASE_URL. */
  io: ProgramIo
  session: Session
  /** Says something between the commands; silent under `--json`. */
  say(...lines: string[]): void
}

/** What was measured, before and after. */
export interface DemoResult {
  serverMajor: number
  facts: FactOverTime[]
}

export async function runDemo(context: Context): Promise<void> {
  const { io, options, output } = context
  context.interruptedState = 'the temporary server and its directory are gone'
  const startedAtMs = io.now().getTime()
  output.note('Starting a temporary PostgreSQL …')
  const { serverMajor, facts } = await runOnTemporaryServer(context)
  if (options.json) {
    output.json<DemoResult>({ serverMajor, facts })
    return
  }
  const elapsed = formatDuration(io.now().getTime() - startedAtMs)
  output.result(
    '',
    `That took ${elapsed}, and the server and its directory are gone again.`,
    'For your own database:  snap init && snap commit -m "before something risky"',
  )
}

async function runOnTemporaryServer(context: Context): Promise<DemoResult> {
  const server = await startTemporaryServer(context.io, 'the demo')
  try {
    const directory = await mkdtemp(join(tmpdir(), 'snap-demo-'))
    try {
      return {
        serverMajor: server.majorVersion,
        facts: await tellStory(context, server, directory),
      }
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  } finally {
    await server.stop()
  }
}

interface FactOverTime {
  name: string
  before: string | null
  wrecked: string | null
  restored: string | null
}

async function tellStory(
  context: Context,
  server: EmbeddedPostgres,
  directory: string,
): Promise<FactOverTime[]> {
  const io = innerIo(context, { directory, url: await createShopDatabase(server, context.io) })
  const session = await open(io)
  try {
    const { colors } = context.output
    const demo: Demo = {
      context,
      io,
      session,
      say: (...lines) => {
        if (context.options.json !== true) context.output.result(...lines)
      },
    }
    await fillShop(session)
    const before = await measureShop(session)
    demo.say(colors.bold('A small shop on a temporary PostgreSQL. Its store goes beside it:'))
    await type(demo, ['init'])
    await type(demo, ['commit', '-m', 'before migration 13'])

    demo.say('', colors.bold('Migration 13 goes wrong:'))
    for (const sql of ACCIDENT) await typeSql(demo, sql)
    const wrecked = await measureShop(session)
    demo.say('', ...compareFacts([before, wrecked], ['before', 'after migration 13']))

    demo.say('', colors.bold('What would it take to get everything back?'))
    await type(demo, ['checkout', 'HEAD', '--dry-run'])
    demo.say('', colors.bold('Then do it:'))
    await type(demo, ['checkout', 'HEAD', '-y'])
    const restored = await measureShop(session)
    demo.say(
      '',
      ...compareFacts(
        [before, wrecked, restored],
        ['before', 'after migration 13', 'after checkout'],
      ),
    )
    assertEqual(before, restored)
    demo.say('', colors.bold('Nothing is different: a second commit has nothing new in it.'))
    await type(demo, ['commit', '-m', 'after the checkout'])
    return before.map(({ name, value }, index) => ({
      name,
      before: value,
      wrecked: wrecked[index]!.value,
      restored: restored[index]!.value,
    }))
  } finally {
    await session.close()
  }
}

async function createShopDatabase(server: EmbeddedPostgres, io: ProgramIo): Promise<string> {
  const admin = await open({ ...io, environment: { DATABASE_URL: server.url('postgres') } })
  try {
    await admin.execute('CREATE DATABASE shop')
  } finally {
    await admin.close()
  }
  return server.url('shop')
}

async function open(io: ProgramIo): Promise<Session> {
  const { environment, workingDirectory, homeDirectory, userName, signal } = io
  const address = await resolveDatabaseAddress({
    environment,
    workingDirectory,
    homeDirectory,
    userName,
  })
  return openSession(address, { signal })
}

/** The demo's commands must not be led to another store or server by what the user has set. */
function innerIo({ io, options }: Context, place: { directory: string; url: string }): ProgramIo {
  const kept = Object.entries(io.environment).filter(
    ([name]) => !/^(PG|SNAP_DIR|SNAP_DATABASE)/.test(name),
  )
  return {
    ...io,
    stdout: options.json ? new PassThrough().resume() : io.stdout,
    stderr: new PassThrough().resume(),
    environment: { ...Object.fromEntries(kept), DATABASE_URL: place.url },
    workingDirectory: place.directory,
  }
}

/** Shows a command and runs it; its progress is left out, what it says when it fails is not. */
async function type({ context, io, say }: Demo, argv: readonly string[]): Promise<void> {
  say('', `${context.output.colors.dim('$')} snap ${argv.map(quoteForShell).join(' ')}`)
  const messages: string[] = []
  const stderr: OutputStream = new PassThrough()
  stderr.on('data', (piece: Buffer) => messages.push(piece.toString()))
  const { color } = context.options
  const exitCode = await context.runProgram(['--color', color, ...argv], { ...io, stderr })
  if (io.signal.aborted)
    throw new SnapError('ABORTED', 'demo was interrupted', { operation: 'demo' })
  if (exitCode !== ExitCode.done) {
    throw new InvariantError(`snap ${argv.join(' ')} ended with ${exitCode}:\n${messages.join('')}`)
  }
}

async function typeSql({ context, session, say }: Demo, sql: string): Promise<void> {
  say(`${context.output.colors.dim('$')} psql -c ${quoteForShell(sql)}`)
  await session.execute(sql)
}

function quoteForShell(text: string): string {
  if (/^[\w./:=@~^-]+$/.test(text)) return text
  return text.includes("'") ? `"${text}"` : `'${text}'`
}

function compareFacts(states: readonly Fact[][], headers: readonly string[]): string[] {
  const [first = []] = states
  const rows = first.map(({ name }, index) => [
    name,
    ...states.map((facts) => facts[index]!.value ?? 'gone'),
  ])
  return formatTable(
    [{ header: '' }, ...headers.map((header) => ({ header, align: 'right' as const }))],
    rows,
  )
}

function assertEqual(before: readonly Fact[], restored: readonly Fact[]): void {
  for (const [index, { name, value }] of before.entries()) {
    if (restored[index]!.value !== value) {
      throw new InvariantError(`${name}: ${value} before, ${restored[index]!.value} after checkout`)
    }
  }
}
