/** `snap ui` of the compiled program, at a terminal of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { openTerminal, type Terminal, type TerminalOptions } from '../../support/terminal.ts'
import type { InstalledProgram } from '../installed-program.ts'
import { environment } from '../run-snap.ts'
import type { Workplace } from '../workplace.ts'

export const NARROW = { columns: 80, rows: 24 }
export const WIDE = { columns: 200, rows: 50 }

/** Starts it after a line of text. When it has ended its exit code shows, and what is typed is echoed. */
export function openUi(
  program: InstalledProgram,
  place: Workplace,
  options: { size: Pick<TerminalOptions, 'columns' | 'rows'>; variables?: Record<string, string> },
): Promise<Terminal> {
  const { size, variables } = options
  return openTerminal({
    ...size,
    commandLine: `echo before; '${process.execPath}' '${program.path}' ui; echo "ended with $?"; exec cat`,
    workingDirectory: place.directory,
    environment: environment({ DATABASE_URL: place.database.url, ...variables }),
  })
}

/** The terminal is as it was: what was on it, the cursor, and what is typed is echoed. */
export async function showsRestored(terminal: Terminal, exitCode: number): Promise<string> {
  await terminal.shows('before', `ended with ${exitCode}`)
  await terminal.type('ok')
  await terminal.press('Enter')
  return terminal.shows(/^ok\nok$/m)
}

/** The process of the program, a child of the terminal's shell. */
export async function pidOfUi(terminal: Terminal): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', [
    '-o',
    'pid=',
    '--ppid',
    String(await terminal.pid()),
  ])
  return Number(stdout.trim())
}
