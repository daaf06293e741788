/**
 * Applies migrations, one after the other, while nobody else does.
 *
 * A file and its line in the history are one transaction. A file that can have
 * none is noted as begun before its first statement and as applied after its
 * last, so that a half-applied one is never taken for pending.
 *
 * Each file has a connection of its own: settings, roles and temporary tables of
 * one are not there for the next. The lock is held by another that does nothing
 * else, so that no file can let go of it.
 */
import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Blocker, isSnapError, SnapError, throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import { TextPositions } from '../migrations/text-positions.ts'
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { openSession, type Session } from '../postgres/session.ts'
import { faultOffsetOf } from '../postgres/sql-state.ts'
import {
  acceptHistory,
  ensureHistory,
  type HistoryEntry,
  type HistoryPlace,
  readHistory,
  writeHistory,
} from './history-table.ts'
import type { MigrationPlan } from './plan-migrations.ts'
import type { Migration, MigrationStatement } from './read-migration.ts'

export interface MigrationRunOptions {
  history: HistoryPlace
  /** How long a statement, or the wait for another run, may wait for a lock; for ever when absent. */
  lockTimeoutMs?: number | undefined
  reporter?: Reporter | undefined
  signal?: AbortSignal | undefined
}

/** What a dry run did with a file. `notTried`: it cannot run in a transaction. */
export interface TriedMigration {
  migration: Migration
  outcome: 'tried' | 'notTried'
}

/**
 * Opens a run of migrations on a database. Nothing is locked or written yet.
 *
 * @throws POSTGRES_*, ABORTED
 */
export async function openMigrationRun(
  address: DatabaseAddress,
  options: MigrationRunOptions,
): Promise<MigrationRun> {
  return new MigrationRun(address, options, await connect(address, options))
}

export class MigrationRun {
  readonly #address: DatabaseAddress
  readonly #options: MigrationRunOptions
  /** Holds the lock; reads the history. */
  readonly #keeper: Session

  constructor(address: DatabaseAddress, options: MigrationRunOptions, keeper: Session) {
    this.#address = address
    this.#options = options
    this.#keeper = keeper
  }

  readHistory(): Promise<HistoryEntry[]> {
    return readHistory(this.#keeper, this.#options.history)
  }

  /**
   * Waits until no other run works on this history, and keeps others waiting until `close`.
   *
   * @throws POSTGRES_LOCK_TIMEOUT  the other takes longer than `lockTimeoutMs`
   */
  async lock(): Promise<void> {
    const { lockTimeoutMs, reporter, signal, history } = this.#options
    const key = lockKeyOf(history)
    const startedAtMs = performance.now()
    let known = ''
    // A session that waits in pg_advisory_lock holds a snapshot, for whose end the other run's
    // CREATE INDEX CONCURRENTLY would wait: both for ever, and no deadlock that the server can see.
    while (!(await this.#tryLock(key))) {
      throwIfAborted(signal, 'waiting for another run of migrations')
      const blockers = await this.#findHolders(key)
      const seen = blockers.map(({ pid }) => pid).join()
      if (seen !== known) emit(reporter, { kind: 'lockWaiting', blockers })
      known = seen
      if (lockTimeoutMs && performance.now() - startedAtMs > lockTimeoutMs) {
        throw lockNotGranted(blockers)
      }
      await setTimeout(LOCK_POLL_MS)
    }
  }

  /**
   * Applies one migration. When it returns, the migration and its entry in the history are committed.
   *
   * @throws MIGRATION_FAILED  `data.outcome` says what is left of it
   * @throws ABORTED
   */
  async apply(migration: Migration): Promise<void> {
    // Whoever has lost the lock must not go on.
    await this.#keeper.query('SELECT 1')
    await this.#withSession((session) =>
      migration.isTransactional
        ? this.#applyAtOnce(session, migration)
        : this.#applyStepwise(session, migration),
    )
  }

  /** Notes migrations as applied without running them, all or none. */
  fake(migrations: readonly Migration[]): Promise<void> {
    return this.#inTransaction(async (session) => {
      for (const migration of migrations) {
        const entry = { ...migration, state: 'applied', isFaked: true } as const
        await writeHistory(session, this.#options.history, entry)
      }
    })
  }

  /** Takes what the files are now for what was applied. */
  accept(drift: MigrationPlan['drift']): Promise<void> {
    return this.#inTransaction((session) => acceptHistory(session, this.#options.history, drift))
  }

  /**
   * Runs migrations in one transaction and rolls it back. Nothing stays but what no transaction
   * takes back: numbers that sequences gave away.
   *
   * A file that cannot run in a transaction is passed over. Deferred constraints are checked at the
   * end of each file, as its own COMMIT would.
   *
   * @throws MIGRATION_FAILED, ABORTED
   */
  async tryOut(migrations: readonly Migration[]): Promise<TriedMigration[]> {
    return this.#withSession(async (session) => {
      const tried: TriedMigration[] = []
      await session.execute('BEGIN')
      for (const migration of migrations) {
        if (!migration.isTransactional) {
          tried.push({ migration, outcome: 'notTried' })
          continue
        }
        await runStatements(session, migration)
        await attempt(migration, endOf(migration), 'rolledBack', async () => {
          // Rolled back, the savepoint leaves deferred constraints deferred for the next file.
          await session.execute(
            'SAVEPOINT snap_file_end; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO SAVEPOINT snap_file_end; RELEASE SAVEPOINT snap_file_end',
          )
          await session.execute('RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL')
        })
        tried.push({ migration, outcome: 'tried' })
      }
      await session.execute('ROLLBACK')
      return tried
    })
  }

  /** Lets the next run have the lock. Safe to call twice. */
  close(): Promise<void> {
    return this.#keeper.close()
  }

  async #applyAtOnce(session: Session, migration: Migration): Promise<void> {
    await session.execute('BEGIN')
    await runStatements(session, migration)
    const end = endOf(migration)
    await attempt(migration, end, 'rolledBack', async () => {
      await session.execute('RESET SESSION AUTHORIZATION; RESET ROLE')
      await ensureHistory(session, this.#options.history)
      const entry = { ...migration, state: 'applied', isFaked: false } as const
      await writeHistory(session, this.#options.history, entry)
    })
    await attempt(migration, end, 'inDoubt', () => session.execute('COMMIT'))
  }

  async #applyStepwise(session: Session, migration: Migration): Promise<void> {
    const { history } = this.#options
    const note = async (state: HistoryEntry['state']) => {
      await ensureHistory(this.#keeper, history)
      await writeHistory(this.#keeper, history, { ...migration, state, isFaked: false })
    }
    await note('begun')
    for (const statement of migration.statements) {
      await attempt(migration, statement, 'unfinished', () => send(session, statement))
    }
    // A COMMIT that the file forgot would be a ROLLBACK when the connection ends.
    if (session.transactionState !== 'none') {
      await attempt(migration, endOf(migration), 'unfinished', () => session.execute('COMMIT'))
    }
    await attempt(migration, endOf(migration), 'unfinished', () => note('applied'))
  }

  async #inTransaction(work: (session: Session) => Promise<void>): Promise<void> {
    await this.#withSession(async (session) => {
      await session.execute('BEGIN')
      await ensureHistory(session, this.#options.history)
      await work(session)
      await session.execute('COMMIT')
    })
  }

  async #withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await connect(this.#address, this.#options)
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }

  async #tryLock(key: string): Promise<boolean> {
    const [row] = await this.#keeper.query<{ granted: boolean }>(
      'SELECT pg_try_advisory_lock($1) AS granted',
      [key],
    )
    return row!.granted
  }

  async #findHolders(key: string): Promise<Blocker[]> {
    // A bigint key is shown in two halves (manual, "pg_locks").
    const rows = await this.#keeper.query<{
      pid: number
      user: string | null
      application: string | null
      query: string | null
      since: Date | null
    }>(
      `SELECT a.pid, a.usename AS "user", a.application_name AS application, a.query, a.backend_start AS since
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
          AND (l.classid::bigint << 32 | l.objid::bigint) = $1`,
      [key],
    )
    return rows.map(({ pid, user, application, query, since }) => ({
      pid,
      user: user ?? '',
      application: application ?? '',
      query: query ?? '',
      since: (since ?? new Date(0)).toISOString(),
      preparedTransaction: null,
    }))
  }
}

const LOCK_POLL_MS = 200

function connect(
  address: DatabaseAddress,
  { lockTimeoutMs, signal }: MigrationRunOptions,
): Promise<Session> {
  return openSession(address, {
    applicationName: 'snap migrate',
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  })
}

/** Positive, so that both halves read the same signed and unsigned. */
function lockKeyOf({ schema, table }: HistoryPlace): string {
  const digest = createHash('sha256').update(`snap migrate\0${schema}\0${table}`).digest()
  return (digest.readBigUInt64BE() >> 1n).toString()
}

async function runStatements(session: Session, migration: Migration): Promise<void> {
  for (const statement of migration.statements) {
    await attempt(migration, statement, 'rolledBack', () => send(session, statement))
  }
}

async function send(session: Session, { text, copyData }: MigrationStatement): Promise<void> {
  if (copyData === null) await session.execute(text)
  else await session.copyIn(text, oneOf(Buffer.from(copyData)))
}

async function* oneOf(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece
}

/** What failed, when it was none of the file's own statements. */
function endOf({ source }: Migration): MigrationStatement {
  return { text: 'COMMIT', offset: source.trimEnd().length, copyData: null }
}

const MAX_STATEMENT_CHARACTERS = 400

/** @param outcome  what is left of the file when the work fails; `inDoubt` only where the connection is lost */
async function attempt(
  { file, source }: Migration,
  { text, offset }: MigrationStatement,
  outcome: 'rolledBack' | 'unfinished' | 'inDoubt',
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isSnapError(error) || (isSnapError(error, 'ABORTED') && outcome !== 'unfinished'))
      throw error
    const faultOffset = faultOffsetOf(error)
    const within = faultOffset === undefined ? 0 : [...text].slice(0, faultOffset).join('').length
    const place = new TextPositions(source).at(offset + within)
    const isLost = isSnapError(error, 'POSTGRES_CONNECTION_LOST')
    const sqlState = 'sqlState' in error.data ? error.data.sqlState : null
    const isShort = text.length <= MAX_STATEMENT_CHARACTERS
    throw new SnapError(
      'MIGRATION_FAILED',
      `cannot apply '${file}': line ${place.line}: ${error.message}`,
      {
        file,
        ...place,
        statement: isShort ? text : `${text.slice(0, MAX_STATEMENT_CHARACTERS)}…`,
        sqlState,
        reason: error.message,
        outcome: outcome === 'inDoubt' && !isLost ? 'rolledBack' : outcome,
      },
      { cause: error },
    )
  }
}

function lockNotGranted(blockers: Blocker[]): SnapError {
  const pids = blockers.map(({ pid }) => pid).join(', ')
  return new SnapError(
    'POSTGRES_LOCK_TIMEOUT',
    'cannot migrate: another run of migrations goes on still',
    { sqlState: '55P03', serverMessage: '', blockers },
    { hint: `wait for it (pid ${pids}), or longer with --lock-timeout`, retryable: true },
  )
}
