/**
 * SQL that a plan wants run, and what each piece of it is for.
 */
import { isSnapError, SnapError } from '../errors.ts'
import type { Session } from '../postgres/session.ts'

export interface Statement {
  sql: string
  /** `TABLE public.users`, for messages. */
  subject: string
}

/** The path that the role and the database have set, on which their functions were written; until the transaction ends. */
export const DEFAULT_SEARCH_PATH = 'SET LOCAL search_path TO DEFAULT'
/** Every name must say its schema, as pg_dump's do. */
export const NO_SEARCH_PATH = `SET LOCAL search_path TO ''`

/** Fewer round trips matter on a distant server: 2,700 entries at 20 ms each are 54 s one by one. */
const STATEMENTS_PER_BATCH = 64

/**
 * Runs statements in order inside the caller's open transaction.
 *
 * They are sent many at a time. When a batch fails, it is rolled back to a
 * savepoint and repeated one by one, so that the error names its statement.
 *
 * @throws RESTORE_FAILED  naming the statement's subject, with the server's error as cause
 */
export async function runStatements(
  session: Session,
  statements: readonly Statement[],
): Promise<void> {
  for (let i = 0; i < statements.length; i += STATEMENTS_PER_BATCH) {
    await runBatch(session, statements.slice(i, i + STATEMENTS_PER_BATCH))
  }
}

async function runBatch(session: Session, batch: readonly Statement[]): Promise<void> {
  await session.execute('SAVEPOINT snap_batch')
  try {
    // A line of its own for each semicolon: a definition may end in a comment.
    await session.execute(batch.map(({ sql }) => `${sql}\n;`).join('\n'))
  } catch (error) {
    if (!isStatementError(error)) throw error
    await session.execute('ROLLBACK TO SAVEPOINT snap_batch')
    await runOneByOne(session, batch)
  }
  await session.execute('RELEASE SAVEPOINT snap_batch')
}

async function runOneByOne(session: Session, batch: readonly Statement[]): Promise<void> {
  for (const { sql, subject } of batch) {
    await session.execute('SAVEPOINT snap_statement')
    try {
      await session.execute(sql)
    } catch (error) {
      if (!isStatementError(error)) throw error
      await session.execute('ROLLBACK TO SAVEPOINT snap_statement')
      if (!(await runOnDefaultSearchPath(session, sql))) {
        // Whoever explains the failure can still ask the server.
        await session.execute('ROLLBACK TO SAVEPOINT snap_statement')
        throw restoreFailed(subject, error)
      }
    }
    await session.execute('RELEASE SAVEPOINT snap_statement')
  }
}

/**
 * An index or a materialized view may call a function whose body names things
 * without their schema: that works on the search path it was created on.
 */
async function runOnDefaultSearchPath(session: Session, sql: string): Promise<boolean> {
  try {
    await session.execute(`${DEFAULT_SEARCH_PATH};\n${sql}\n;\n${NO_SEARCH_PATH}`)
    return true
  } catch (error) {
    if (!isStatementError(error)) throw error
    return false
  }
}

/** Says which part of a restore the server refused, and in its words why. */
export function restoreFailed(subject: string, error: SnapError): SnapError<'RESTORE_FAILED'> {
  return new SnapError(
    'RESTORE_FAILED',
    `cannot restore '${subject}': ${error.message}`,
    { step: subject },
    { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) },
  )
}

/** The server refused what it was told; a lost connection, a lock or an interruption is not the statement's fault. */
export function isStatementError(error: unknown): error is SnapError {
  return isSnapError(error, 'POSTGRES_REFUSED') || isSnapError(error, 'POSTGRES_PERMISSION_DENIED')
}
