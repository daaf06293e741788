import { access, constants, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { redactArguments, SnapError } from '../../src/index.ts'
import type { ProgramIo } from '../io.ts'

/**
 * Makes sure that a command can be run, the way execvp(3) will look for it: before
 * a large database is committed, not after.
 *
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE
 */
export async function requireCommand(name: string, io: ProgramIo): Promise<void> {
  const { environment, workingDirectory } = io
  const directories = name.includes('/') ? [''] : (environment.PATH ?? '/bin:/usr/bin').split(':')
  let isThere = false
  for (const directory of directories) {
    const path = resolve(workingDirectory, directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) continue
    if (found.isFile() && (await isExecutable(path))) return
    isThere ||= found.isFile() || name.includes('/')
  }
  throw isThere ? commandNotExecutable(name) : commandNotFound(name)
}

/** The error for a command that the system would not start. */
export function commandNotStarted(name: string, code: string): SnapError {
  return code === 'ENOENT' ? commandNotFound(name) : commandNotExecutable(name, code)
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function commandNotFound(name: string): SnapError {
  const command = nameable(name)
  return new SnapError(
    'COMMAND_NOT_FOUND',
    `cannot run '${command}': it was not found`,
    { command },
    { hint: 'nothing was run; check the name and PATH' },
  )
}

function commandNotExecutable(name: string, code?: string): SnapError {
  const command = nameable(name)
  const reason =
    code === 'E2BIG' ? 'its arguments are too long' : 'it is no program, or may not be executed'
  return new SnapError(
    'COMMAND_NOT_EXECUTABLE',
    `cannot run '${command}': ${reason}`,
    { command },
    { hint: "nothing was run; 'chmod +x' makes a script executable" },
  )
}

/** A whole command line, quoted by mistake, is a name that holds what is in it. */
function nameable(name: string): string {
  return redactArguments([name])[0]!
}
