import { spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'

/** A question, or part of one, and the keys that are pressed when it is on the screen; null closes the terminal. */
export type Answer = readonly [question: string, keys: string | null]

/**
 * Runs a command line at a terminal, which util-linux's `script` makes, and types each answer once
 * its question has been asked; returns the screen and the exit code.
 */
export function runAtTerminal(
  commandLine: string,
  options: {
    workingDirectory: string
    environment: Record<string, string | undefined>
    answers: readonly Answer[]
  },
): Promise<{ exitCode: number | null; screen: string }> {
  // A terminal that nobody gave a size has no columns.
  const child = spawn('script', ['-qefc', `stty cols 100 rows 30; ${commandLine}`, '/dev/null'], {
    cwd: options.workingDirectory,
    env: { ...options.environment, TERM: 'xterm', SHELL: '/bin/bash' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  const left = [...options.answers]
  let screen = ''
  let seen = 0
  child.stdout.on('data', (piece: Buffer) => {
    screen += piece.toString()
    const next = left[0]
    if (next === undefined || !screen.slice(seen).includes(next[0])) return
    seen = screen.length
    left.shift()
    if (next[1] === null) child.kill('SIGKILL')
    else child.stdin.write(next[1])
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ exitCode, screen }))
  })
}
