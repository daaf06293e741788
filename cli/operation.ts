import {
  type DatabaseAddress,
  describeAddress,
  type HeadValue,
  isSnapError,
  type ObjectId,
  type OpenOperation,
  type OperationOutcome,
  type Store,
} from '../src/index.ts'
import type { Context } from './context.ts'
import { explainFailure } from './explain-failure.ts'
import { exitCodeOf } from './output/error-text.ts'
import { printable } from './output/printable.ts'

/** Names the operation to the command that a run starts: `<store id>:<number>`. */
export const OPERATION_VARIABLE = 'SNAP_OPERATION'

/** An operation that is being logged, as the command that does it sees it. */
export interface LoggedOperation {
  readonly number: number
  /** Says which commit holds the state before; nothing may be changed if it fails. */
  keep(kept: { commitId: ObjectId; head: HeadValue }): Promise<void>
  /** What is known of the end so far. */
  outcome: Omit<OperationOutcome, 'at'>
}

/**
 * Does the work as an operation of the store's log: begun before it, ended however it ends.
 *
 * @throws BACKEND_*  the log cannot be written; then the work is not begun
 */
export async function withOperation<T>(
  context: Context,
  store: Store,
  what: { command: string; database?: DatabaseAddress | undefined },
  work: (operation: LoggedOperation) => Promise<T>,
): Promise<T> {
  const { io } = context
  const open = await store.operations.begin({
    command: what.command,
    arguments: context.arguments,
    database: what.database === undefined ? undefined : describeAddress(what.database),
    withinNumber: findEnclosing(context, store),
    user: io.userName,
    at: io.now(),
  })
  const operation: LoggedOperation = {
    number: open.number,
    keep: (kept) => {
      operation.outcome.commitBefore = kept.commitId
      return open.keep({ ...kept, at: io.now() })
    },
    outcome: {
      outcome: 'done',
      exitCode: 0,
      errorCode: null,
      databaseChange: 'none',
      changes: null,
      commitBefore: null,
      commitAfter: null,
      takenBackId: null,
    },
  }
  try {
    return await work(operation)
  } catch (failure) {
    const error = explainFailure(failure, context)
    operation.outcome = {
      ...operation.outcome,
      outcome: 'failed',
      exitCode: exitCodeOf(error),
      errorCode: isSnapError(error) ? error.code : 'BUG',
      ...(isSnapError(error, 'RESTORE_IN_DOUBT') ? { databaseChange: 'unknown' } : {}),
      ...(isSnapError(error, 'SOURCES_NOT_RESTORED') ? { databaseChange: 'changed' } : {}),
    }
    throw failure
  } finally {
    await finish(context, open, operation)
  }
}

/** What was done is done: that the log cannot say so is worth a warning, and no failure. */
async function finish(
  { io, output }: Context,
  open: OpenOperation,
  { outcome, number }: LoggedOperation,
): Promise<void> {
  try {
    await open.finish({ ...outcome, at: io.now() })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    output.insist(
      `warning: the end of operation ${number} could not be logged: ${printable(reason)}`,
    )
  }
}

/** The operation whose command we are, if it is one of this store. */
function findEnclosing({ io }: Context, store: Store): number | undefined {
  const match = /^([0-9a-f]{32}):([1-9][0-9]{0,9})$/.exec(io.environment[OPERATION_VARIABLE] ?? '')
  return match?.[1] === store.file.storeId ? Number(match[2]) : undefined
}
