/**
 * Opens the one moment that everything in a commit is read at.
 *
 * The rule that must not be broken: every table is locked *before* the snapshot
 * is taken. `TRUNCATE` and rewriting `ALTER TABLE` are not MVCC-safe
 * (PostgreSQL manual, "Caveats" of chapter "Concurrency Control"): committed
 * between a snapshot and its first read of the table, they make the table look
 * empty, and a commit would hold that emptiness for the truth. `LOCK TABLE` as
 * the first statement of a REPEATABLE READ transaction takes no snapshot
 * (manual, "LOCK", Notes), so one transaction can lock first and look then.
 *
 * Which tables to lock is known only from a look, so the look is repeated until
 * it shows nothing that had not been locked before it.
 */
import { isSnapError, SnapError } from '../errors.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'

/** New tables would have to appear between two looks this often to give up: a migration is running. */
const MAX_ATTEMPTS = 5

export interface LockableTable {
  namespace: string
  name: string
  oid: number
}

/**
 * Leaves `session` inside a REPEATABLE READ, READ ONLY transaction that holds
 * ACCESS SHARE on every table that `look` returns.
 *
 * @param candidates  tables thought to be needed; may be stale
 * @param look        reads, inside the transaction, what is needed after all
 * @returns           what `look` returned in the attempt that held
 * @throws SCHEMA_CHANGED_DURING_CAPTURE  tables kept appearing or vanishing
 * @throws POSTGRES_LOCK_TIMEOUT, POSTGRES_PERMISSION_DENIED  a table could not be locked
 */
export async function openConsistentSnapshot<T extends { tables: readonly LockableTable[] }>(
  session: Session,
  candidates: () => Promise<readonly LockableTable[]>,
  look: () => Promise<T>,
): Promise<T> {
  let toLock = await candidates()
  let unlocked: readonly LockableTable[] = []

  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    try {
      if (await lockTables(session, toLock)) {
        const seen = await look()
        const locked = new Set(toLock.map((table) => table.oid))
        unlocked = seen.tables.filter((table) => !locked.has(table.oid))
        if (unlocked.length === 0) return seen
        toLock = seen.tables
      } else {
        toLock = []
      }
    } catch (error) {
      await session.execute('ROLLBACK').catch(() => undefined)
      throw error
    }
    await session.execute('ROLLBACK')
    if (toLock.length === 0) toLock = await candidates()
  }

  const tables = unlocked.map((table) => qualifiedName(table))
  throw new SnapError(
    'SCHEMA_CHANGED_DURING_CAPTURE',
    `cannot take a consistent snapshot: tables changed in each of ${MAX_ATTEMPTS} attempts`,
    { tables },
    { hint: 'wait until the migration that is running has finished, then commit again' },
  )
}

/** Returns false when one of the tables is gone by now. */
async function lockTables(session: Session, tables: readonly LockableTable[]): Promise<boolean> {
  if (tables.length === 0) return true
  const names = tables.map((table) => `ONLY ${qualifiedName(table)}`)
  try {
    await session.execute(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`)
    return true
  } catch (error) {
    const isGone =
      isSnapError(error, 'POSTGRES_REFUSED') &&
      (error.data.sqlState === UNDEFINED_TABLE || error.data.sqlState === INVALID_SCHEMA_NAME)
    if (isGone) return false
    throw error
  }
}

const UNDEFINED_TABLE = '42P01'
const INVALID_SCHEMA_NAME = '3F000'
