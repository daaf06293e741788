import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { ChildOutcome, ProgramIo } from '../io.ts'

/** Signals that end this program, or mean nothing to it, unless another program runs that wants them. */
export const FURTHER_SIGNALS = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export interface RunningChild {
  outcome: Promise<ChildOutcome>
  /** Hands a signal on that this process got. */
  pass(signal: NodeJS.Signals): void
}

/**
 * Starts a program with our own stdin, stdout and stderr, in our own process group.
 *
 * So it is to a shell what it would be alone: Ctrl-C and Ctrl-Z reach both of
 * us, it may read from the terminal, and its output passes through nobody.
 */
export function startChild(
  [name, ...argv]: readonly [string, ...string[]],
  options: { environment: ProgramIo['environment']; workingDirectory: string },
): RunningChild {
  const child = spawn(name, argv, {
    cwd: options.workingDirectory,
    env: options.environment,
    stdio: 'inherit',
  })
  const outcome = new Promise<ChildOutcome>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ kind: 'notStarted', code: error.code ?? 'UNKNOWN' }),
    )
    child.once('exit', (exitCode, signal) =>
      resolve(
        signal === null ? { kind: 'exited', exitCode: exitCode ?? 0 } : { kind: 'killed', signal },
      ),
    )
  })
  return {
    outcome,
    pass: (signal) => {
      if (!hasReachedGroup(signal)) child.kill(signal)
    },
  }
}

/**
 * Tells whether a signal has come from the keyboard, which sends it to the whole
 * foreground process group, the child included: it must not get it twice.
 *
 * Who sent a signal Node does not tell. In the foreground of a terminal we take
 * it to be the keyboard. A hang-up reaches the whole group only after the
 * session's leader has ended, which we may be, so that is always handed on.
 */
function hasReachedGroup(signal: NodeJS.Signals): boolean {
  return (signal === 'SIGINT' || signal === 'SIGQUIT') && isInForeground()
}

/** Linux: process group, terminal, and the terminal's foreground group (fields 5, 7 and 8 of proc_pid_stat(5)). */
function isInForeground(): boolean {
  let fields: string
  try {
    fields = readFileSync('/proc/self/stat', 'latin1')
  } catch {
    // Other systems have no /proc: whoever has a terminal is taken to be in its foreground.
    return [0, 1, 2].some((descriptor) => isatty(descriptor))
  }
  const [, , group, , terminal, foreground] = fields.slice(fields.lastIndexOf(')') + 2).split(' ')
  return terminal !== '0' && group === foreground
}
