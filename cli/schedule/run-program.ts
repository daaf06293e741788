import { execFile } from 'node:child_process'
import type { ProgramIo } from '../io.ts'

export interface ProgramOutcome {
  /** Null when there is no such program. */
  exitCode: number | null
  stdout: string
  stderr: string
}

/** Runs a program of the operating system to its end, with `input` on its stdin. */
export function runSystemProgram(
  { environment, signal }: Pick<ProgramIo, 'environment' | 'signal'>,
  program: string,
  programArguments: readonly string[],
  input = '',
): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      programArguments,
      {
        env: { ...environment, LC_ALL: 'C' },
        signal,
        encoding: 'utf8',
        maxBuffer: MAX_OUTPUT_BYTES,
      },
      (error, stdout, stderr) => {
        const code = error?.code
        const isMissing = code === 'ENOENT' || code === 'EACCES'
        const exitCode = error === null ? 0 : isMissing ? null : typeof code === 'number' ? code : 1
        resolve({ exitCode, stdout, stderr })
      },
    )
    // A program that reads nothing closes its end.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
