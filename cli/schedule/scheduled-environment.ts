import { dirname, resolve } from 'node:path'
import { parseDotenv, SnapError } from '../../src/index.ts'
import type { Context } from '../context.ts'
import type { ProgramIo } from '../io.ts'
import { readTextFile } from './read-text-file.ts'

/**
 * The outside world as a scheduled run sees it: it works in the project's
 * directory, and knows besides its environment what `--env-file` says.
 *
 * @throws USAGE  the file is not there or cannot be read
 */
export async function scheduledIo(
  { io }: Pick<Context, 'io'>,
  { storeDirectory, envFile }: { storeDirectory: string; envFile: string | undefined },
): Promise<ProgramIo> {
  const variables = envFile === undefined ? new Map() : await readVariables(io, envFile)
  return {
    ...io,
    workingDirectory: dirname(storeDirectory),
    environment: { ...Object.fromEntries(variables), ...io.environment },
  }
}

/** As `scheduledIo`, without what only the environment of now says: a timer has none of it. */
export async function timerIo(
  { io }: Pick<Context, 'io'>,
  place: { storeDirectory: string; envFile: string | undefined },
): Promise<ProgramIo> {
  const { PATH, HOME } = io.environment
  return scheduledIo({ io: { ...io, environment: { PATH, HOME } } }, place)
}

async function readVariables(io: ProgramIo, envFile: string): Promise<Map<string, string>> {
  const path = resolve(io.workingDirectory, envFile)
  const text = await readTextFile(path).catch(() => undefined)
  if (text !== undefined) return parseDotenv(text)
  throw new SnapError(
    'USAGE',
    `cannot read the variables in '${path}'`,
    { argument: '--env-file' },
    { hint: 'it holds lines such as DATABASE_URL=…, and wants mode 0600' },
  )
}
