import { type Operation, redactArguments } from '../src/store-index.ts'
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

/** Returns that command line where there is something to return to. */
export function findRollbackCommand(
  context: Context,
  { number, kept, end }: Operation,
): string | null {
  const isWorthIt = kept !== null && end?.databaseChange !== 'none'
  return isWorthIt ? formatRollbackCommand(context, number) : null
}
