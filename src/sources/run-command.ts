import { type ChildProcess, spawn } from 'node:child_process'
import { kill } from 'node:process'
import { pipeline } from 'node:stream/promises'
import { SnapError } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { newRedactor } from '../operations/redact-arguments.ts'
import type { CommandLine, CommandSource } from './source.ts'

export interface RunOptions {
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

/** Lines of stderr that an error repeats. */
const MAX_STDERR_LINES = 10
const MAX_LINE_CHARACTERS = 500
/** What ignores being asked to end is ended by then. */
const KILL_AFTER_MS = 5_000

/**
 * Runs a source's command and returns only when it has ended with 0, read all of
 * its input and written all of its output.
 *
 * It runs in a process group of its own, which is ended as a whole when time is
 * up or the signal is aborted: what a shell has started would live on otherwise.
 *
 * @throws SOURCE_COMMAND_FAILED  it could not be started, ended otherwise, or took too long
 * @throws ABORTED
 * @throws what `onOutput` or `input` throws; the command is ended then
 */
export async function runCommand(
  source: CommandSource,
  role: 'dump' | 'restore',
  io: {
    input?: AsyncIterable<Uint8Array>
    onOutput?: (output: AsyncIterable<Uint8Array>) => Promise<void>
  },
  { reporter, signal }: RunOptions,
): Promise<void> {
  const line = role === 'dump' ? source.dump : source.restore
  const redact = newRedactor(typeof line === 'string' ? [line] : line!, source.environment)
  const child = start(line!, source, io.input !== undefined)
  const ending = new Promise<{ exitCode: number | null; endedBy: string | null }>((resolve) => {
    child.once('close', (exitCode, endedBy) => resolve({ exitCode, endedBy }))
  })
  let notStarted: NodeJS.ErrnoException | undefined
  child.once('error', (error) => {
    notStarted = error
  })
  let isTooSlow = false
  const stop = () => endGroup(child)
  const timer = setTimeout(() => {
    isTooSlow = true
    stop()
  }, source.timeoutMs)
  signal?.addEventListener('abort', stop, { once: true })
  const stderr = readLines(child.stderr!, redact, (text) =>
    emit(reporter, { kind: 'sourceOutput', source: source.name, text }),
  )
  // Some say on stdout why they fail; while all goes well, that is nothing to show.
  const stdout = io.onOutput === undefined ? readLines(child.stdout!, redact, () => {}) : undefined
  const written = watch(pipeOut(child, io.onOutput))
  const read = watch(pipeIn(child, io.input))
  try {
    if (signal?.aborted) stop()
    await written.settled
    if (written.error !== undefined) stop()
    const { exitCode, endedBy } = await ending
    await read.settled
    if (signal?.aborted) {
      throw new SnapError('ABORTED', `the ${role} of '${source.name}' was interrupted`, {
        operation: `${role} of ${source.name}`,
      })
    }
    const failed = (reason: string, cause?: unknown) =>
      new SnapError(
        'SOURCE_COMMAND_FAILED',
        `the ${role} command of source '${source.name}' ${reason}`,
        {
          source: source.name,
          role,
          isStarted: notStarted === undefined,
          exitCode: notStarted === undefined ? exitCode : null,
          signal: endedBy,
          stderr: [...(stdout?.last() ?? []), ...stderr.last()].join('\n'),
        },
        {
          cause,
          hint: `its command line is sources.${source.name}.command.${role} in snap.config.json`,
        },
      )
    if (notStarted !== undefined)
      throw failed(`could not be started: ${redact(notStarted.message)}`)
    if (isTooSlow) throw failed(`was ended after ${source.timeoutMs / 1000} s`)
    if (written.error !== undefined) throw written.error
    if (read.error !== undefined && !isBrokenPipe(read.error)) throw read.error
    // A reader that ends early breaks the pipe: what it ended with says more than that.
    if (endedBy !== null) throw failed(`was ended by ${endedBy}`)
    if (exitCode !== 0) throw failed(`ended with ${exitCode}`)
    if (read.error !== undefined) throw failed('ended before it had read everything', read.error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

function start(line: CommandLine, source: CommandSource, hasInput: boolean): ChildProcess {
  const isShell = typeof line === 'string'
  const [program, ...argv] = isShell ? ['/bin/sh', '-c', RUN_LINE] : line
  return spawn(program!, argv, {
    cwd: source.workingDirectory,
    env: {
      ...source.environment,
      ...(isShell ? { [LINE_VARIABLE]: line } : {}),
    } as NodeJS.ProcessEnv,
    stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
  })
}

/**
 * Hands the shell its line by a variable, which nobody else can read and no program inherits: as an
 * argument it would stand in the process list, with a secret that a program hides in its own.
 */
const LINE_VARIABLE = 'SNAP_SOURCE_LINE'
const RUN_LINE = `snap_line=$${LINE_VARIABLE}; unset ${LINE_VARIABLE}; eval "$snap_line"`

async function pipeOut(
  child: ChildProcess,
  onOutput: ((output: AsyncIterable<Uint8Array>) => Promise<void>) | undefined,
): Promise<void> {
  await onOutput?.(child.stdout!)
}

async function pipeIn(
  child: ChildProcess,
  input: AsyncIterable<Uint8Array> | undefined,
): Promise<void> {
  if (input === undefined) return
  try {
    await pipeline(input, child.stdin!)
  } catch (error) {
    // What could not be read must not be taken for the end of it.
    if (!isBrokenPipe(error)) endGroup(child)
    throw error
  }
}

/** Keeps what a promise ends with until somebody asks. */
function watch(work: Promise<void>): { settled: Promise<void>; error: unknown } {
  const watched: { settled: Promise<void>; error: unknown } = { settled: work, error: undefined }
  watched.settled = work.catch((error: unknown) => {
    watched.error = error
  })
  return watched
}

function isBrokenPipe(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  const signalGroup = (name: NodeJS.Signals) => {
    try {
      kill(-pid, name)
    } catch {
      // ESRCH: all of it has ended.
    }
  }
  signalGroup('SIGTERM')
  setTimeout(() => signalGroup('SIGKILL'), KILL_AFTER_MS).unref()
}

function readLines(
  stream: NodeJS.ReadableStream,
  redact: (text: string) => string,
  onLine: (text: string) => void,
) {
  const lines: string[] = []
  let rest = ''
  const say = (line: string) => {
    if (line.trim() === '') return
    // Cut first: a secret at the end of what is kept would be half of one.
    const text = redact(line).slice(0, MAX_LINE_CHARACTERS)
    lines.push(text)
    if (lines.length > MAX_STDERR_LINES) lines.shift()
    onLine(text)
  }
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => {
    const [first = '', ...others] = piece.split(/\r?\n|\r/)
    rest += first
    for (const next of others) {
      say(rest)
      rest = next
    }
    // A bar that is drawn without an end of line is no message.
    if (rest.length > MAX_LINE_CHARACTERS) rest = rest.slice(-MAX_LINE_CHARACTERS)
  })
  stream.on('end', () => say(rest))
  return { last: () => lines }
}
