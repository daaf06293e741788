/**
 * Runs the program in this process, in an outside world made for the test.
 *
 * Nothing of the real environment reaches it: no variable, home or terminal,
 * and the clock stands still unless a test moves it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { onTestFinished } from 'vitest'
import type { Dependencies } from '../../cli/context.ts'
import type { InputStream, OutputStream, ProgramIo } from '../../cli/io.ts'
import { run } from '../../cli/run.ts'

export interface Outcome {
  exitCode: number
  stdout: string
  stderr: string
}

export interface RunOptions extends Partial<Omit<ProgramIo, 'stdout' | 'stderr'>> {
  /** Makes all three streams terminals. */
  isTerminal?: boolean
  /** How wide a terminal says it is. */
  columns?: number
  dependencies?: Dependencies
}

export const NOW = new Date('2026-03-01T12:00:00.000Z')

/** Runs one command line and returns what came out of it. */
export async function runSnap(
  argv: readonly string[],
  { isTerminal = false, columns = 80, dependencies, ...rest }: RunOptions = {},
): Promise<Outcome> {
  const stdout = new CapturedStream(isTerminal, columns)
  const stderr = new CapturedStream(isTerminal, columns)
  const stdin: InputStream = new PassThrough()
  stdin.isTTY = isTerminal
  const interruption = new AbortController()
  const io: ProgramIo = {
    stdin,
    stdout,
    stderr,
    environment: environment(),
    workingDirectory: '/nonexistent',
    programPath: ['/usr/bin/node', '/opt/snap/main.js'],
    homeDirectory: '/nonexistent',
    userName: 'ada',
    hostName: 'engine',
    now: () => NOW,
    signal: interruption.signal,
    stop: (reason) => interruption.abort(reason),
    startPager: () => {
      throw new Error('a test that pages says with what')
    },
    atExit: () => () => {},
    suspend: () => Promise.resolve(),
    runChild: () => Promise.reject(new Error('a test that runs a command says what it does')),
    ...rest,
  }
  const exitCode = await run(argv, io, dependencies)
  return { exitCode, stdout: stdout.text, stderr: stderr.text }
}

const AUTHOR_VARIABLES = { SNAP_AUTHOR_NAME: 'Ada', SNAP_AUTHOR_EMAIL: 'ada@example.org' }

/** An environment with an author, a path to git, and what the test adds. */
export function environment(
  variables: Record<string, string | undefined> = {},
): Record<string, string | undefined> {
  return {
    PATH: process.env.PATH,
    GIT_CONFIG_NOSYSTEM: '1',
    // A machine may have no `less`, and a test that pages says with what.
    SNAP_PAGER: 'cat',
    ...AUTHOR_VARIABLES,
    ...variables,
  }
}

/** Makes a directory that is gone when the test is over. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Keeps what is written to it. */
export class CapturedStream extends Writable implements OutputStream {
  readonly isTTY: boolean
  readonly columns: number
  readonly #pieces: Buffer[] = []

  constructor(isTTY = false, columns = 80) {
    super()
    this.isTTY = isTTY
    this.columns = columns
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString()
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#pieces.push(piece)
    done()
  }
}
