#!/usr/bin/env node
import { homedir, hostname, userInfo } from 'node:os'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { ExitCode } from './exit-codes.ts'
import { FURTHER_SIGNALS, type RunningChild, startChild } from './guarded-run/start-child.ts'
import { OutputClosed, OutputFailed, type ProgramIo } from './io.ts'
import { run } from './run.ts'
import { startPager } from './start-pager.ts'

/**
 * The only file that touches the process: it hands the outside world to `run`
 * and turns signals and closed pipes into an abort.
 */

// pg_dump is WebAssembly and runs for a second: to compile it a second time, for speed, takes more of
// the processor than that gives back, in databases of thousands of tables too. V8 complains of flags that
// it does not know, so only where it is known to know this one.
if (/^v(20|22|24)\./.test(process.version)) setFlagsFromString('--liftoff-only')

const interruption = new AbortController()
let signalExitCode: number | undefined
/** Of a process that SIGHUP ended. */
const HANGUP_EXIT_CODE = 129
/** The program that is run at the moment: signals are meant for it. */
let child: RunningChild | undefined
/** Whether a pager has the terminal: Ctrl-C means something of its own to it, and it must not be left alone there. */
let isPaging = false

function onSignal(name: NodeJS.Signals, signalNumber: number): void {
  if (child !== undefined) {
    child.pass(name)
    return
  }
  if (isPaging && name === 'SIGINT' && signalExitCode !== undefined) return
  // The second signal means "now": whatever runs in PostgreSQL is rolled back by the server.
  if (signalExitCode !== undefined) process.exit(signalExitCode)
  signalExitCode = 128 + signalNumber
  interruption.abort(new Error('interrupted'))
}

process.on('SIGHUP', () => onSignal('SIGHUP', 1))
process.on('SIGINT', () => onSignal('SIGINT', 2))
process.on('SIGTERM', () => onSignal('SIGTERM', 15))

const runChild: ProgramIo['runChild'] = async (command, options) => {
  const pass = (name: NodeJS.Signals) => child?.pass(name)
  for (const name of FURTHER_SIGNALS) process.on(name, pass)
  try {
    child = startChild(command, options)
    return await child.outcome
  } finally {
    child = undefined
    for (const name of FURTHER_SIGNALS) process.off(name, pass)
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A terminal that was closed says EIO.
  const isClosed = error.code === 'EPIPE' || error.code === 'EIO'
  interruption.abort(
    isClosed ? new OutputClosed() : new OutputFailed(error.message, { cause: error }),
  )
})
// Nobody can be told that nobody listens; the exit code still says how it went.
process.stderr.on('error', () => {})

// React keeps a record of all it has drawn unless told that nobody develops it. What this program
// starts is given the environment as it was.
const environment = { ...process.env }
process.env.NODE_ENV ??= 'production'

await hideSecrets(process.argv.slice(2))
const exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment,
  workingDirectory: process.cwd(),
  programPath: [process.execPath, fileURLToPath(import.meta.url)],
  homeDirectory: homedir(),
  userName: userInfo().username,
  hostName: hostname(),
  now: () => new Date(),
  signal: interruption.signal,
  stop: (reason) => interruption.abort(reason),
  atExit: (restore) => {
    process.on('exit', restore)
    return () => process.off('exit', restore)
  },
  suspend,
  startPager: (command, options) => {
    const pager = startPager(command, options)
    isPaging = true
    const ended = pager.ended.then(() => {
      isPaging = false
    })
    return { ...pager, ended }
  },
  runChild,
})

await new Promise<void>((resolve) => process.stderr.write('', () => resolve()))
if (signalExitCode === HANGUP_EXIT_CODE && exitCode === ExitCode.interrupted) dieOfHangup()
process.exit(exitCodeOfProcess())

function suspend(): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      process.off('SIGCONT', goOn)
      clearTimeout(timer)
      resolve()
    }
    process.on('SIGCONT', goOn)
    // No time passes for a process that is stopped. One without a shell to wake it is not stopped at all.
    const timer = setTimeout(goOn, 200)
    // To the whole job, as from the terminal: whoever started us waits for us.
    process.kill(0, 'SIGTSTP')
  })
}

/** Shows a command line in the process list as it is written down, where secrets may be in it. */
async function hideSecrets(argv: readonly string[]): Promise<void> {
  // All others, help among them, are spared the time to load the library.
  if (!argv.some((argument) => /[:=]|^--$/.test(argument))) return
  const { redactArguments } = await import('../src/store-index.ts')
  const shown = redactArguments(argv)
  if (shown.some((argument, i) => argument !== argv[i]))
    process.title = ['snap', ...shown].join(' ')
}

/**
 * Ends the process as a closed terminal asks for. Node aborts when it exits and cannot set a terminal
 * that has gone back to what it was (seen with 20.20, exit code 134).
 */
function dieOfHangup(): void {
  process.removeAllListeners('SIGHUP')
  process.kill(process.pid, 'SIGHUP')
}

function exitCodeOfProcess(): number {
  if (interruption.signal.reason instanceof OutputClosed) return ExitCode.outputClosed
  return exitCode === ExitCode.interrupted && signalExitCode !== undefined
    ? signalExitCode
    : exitCode
}
