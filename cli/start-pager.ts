import { spawn } from 'node:child_process'
import type { ProgramIo, RunningPager } from './io.ts'

/** Starts a pager on our own terminal, in our own process group: keys and Ctrl-C reach it. */
export const startPager: ProgramIo['startPager'] = ([name, ...argv], options): RunningPager => {
  const child = spawn(name, argv, {
    cwd: options.workingDirectory,
    env: options.environment,
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  return { input: child.stdin, ended }
}
