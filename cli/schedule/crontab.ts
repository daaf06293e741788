import { SnapError } from '../../src/index.ts'
import type { ProgramIo } from '../io.ts'
import { runSystemProgram } from './run-program.ts'

/** Reads this user's crontab; empty when there is none. Undefined where cron is not installed. */
export async function readCrontab(io: ProgramIo): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await runSystemProgram(io, 'crontab', ['-l'])
  if (exitCode === null) return undefined
  if (exitCode === 0) return stdout
  if (/no crontab for/i.test(stderr)) return ''
  throw failed('read', stderr)
}

/** Replaces this user's crontab; cron checks it first and keeps the old one if it is wrong. */
export async function writeCrontab(io: ProgramIo, text: string): Promise<void> {
  const { exitCode, stderr } =
    text.trim() === ''
      ? await runSystemProgram(io, 'crontab', ['-r'])
      : await runSystemProgram(io, 'crontab', ['-'], text)
  if (exitCode !== 0) throw failed('write', stderr)
}

function failed(deed: string, stderr: string): SnapError {
  return new SnapError(
    'OUTPUT_UNWRITABLE',
    `cannot ${deed} the crontab: ${stderr.trim() || 'crontab failed'}`,
    { path: 'crontab' },
    { hint: "'snap schedule --print cron' prints the line, to be put in by hand" },
  )
}
