import { redactArguments } from '../src/index.ts'
import type { Context } from './context.ts'
import { formatShellWords } from './shell-words.ts'

/**
 * Returns the command line that rolls an operation back, to be pasted as it is.
 *
 * It repeats --store and --database where they were given: without them it would
 * look elsewhere. A password is not repeated; `***` stands where it was.
 */
export function formatRollbackCommand({ options }: Context, number: number): string {
  const { store, database } = options
  return formatShellWords([
    'snap',
    'rollback',
    String(number),
    ...(store === undefined ? [] : ['--store', store]),
    ...(database === undefined ? [] : ['--database', ...redactArguments([database])]),
  ])
}
