/**
 * Every expected failure of the library, by code.
 *
 * A `SnapError` says that something in the world is not as needed; an
 * `InvariantError` says that `snap` itself is wrong. Messages follow git's
 * grammar (lower case, no full stop, failure first, subject quoted); ids are
 * short in messages and whole in `data`. Secrets never enter either.
 */

/** What each code carries besides its message. Add a code here first; `cli/exit-codes.ts` must then name its exit code. */
export interface ErrorData {
  // store and objects
  STORE_NOT_FOUND: { startDirectory: string }
  STORE_EXISTS: { location: string }
  STORE_LOCKED: { operation: string; pid: number; host: string; startedAt: string }
  FORMAT_UNSUPPORTED: { expected: string; found: string }
  STORE_CORRUPT: { key: string; expected?: string; found?: string }
  OBJECT_MISSING: { objectId: string }
  OBJECT_CORRUPT: { objectId?: string; key?: string; expected: string; found: string }
  OBJECT_KIND_UNEXPECTED: { objectId?: string; expected: string; found: string }
  PACK_CORRUPT: { packKey: string; expected?: string; found?: string }
  // refs and revisions
  REF_CONFLICT: { refName: string; expected: string | null; found: string | null }
  REF_MISSING: { refName: string }
  REF_EXISTS: { refName: string }
  REF_NAME_INVALID: { refName: string }
  REVISION_UNKNOWN: { revision: string }
  REVISION_AMBIGUOUS: { revision: string; candidates: string[] }
  COMMIT_PRUNED: { commitId: string; prunedAt: string }
  // operations
  OPERATION_UNKNOWN: { number: number }
  OPERATION_RUNNING: { number: number; pid: number; host: string; startedAt: string }
  /** No table, schema or extension is meant by the patterns; `candidates` are names like them. */
  PATTERN_UNMATCHED: { patterns: string[]; candidates: string[] }
  // backend
  BACKEND_UNAVAILABLE: { location: string }
  BACKEND_READ_ONLY: { location: string }
  BACKEND_FULL: { location: string }
  BACKEND_KEY_MISSING: { key: string }
  // PostgreSQL
  DATABASE_ADDRESS_MISSING: { looked: string[] }
  DATABASE_ADDRESS_AMBIGUOUS: { candidates: { place: string; address: string }[] }
  DATABASE_ADDRESS_INVALID: { source: string }
  POSTGRES_UNREACHABLE: { address: string }
  POSTGRES_AUTHENTICATION_FAILED: { address: string; user: string }
  POSTGRES_REFUSED: PostgresErrorData
  POSTGRES_PERMISSION_DENIED: PostgresErrorData
  POSTGRES_LOCK_TIMEOUT: PostgresErrorData & { blockers: Blocker[] }
  POSTGRES_CONNECTION_LOST: { address: string }
  POSTGRES_UNSUPPORTED: { expected: string; found: string }
  SCHEMA_DUMP_FAILED: { stderr: string }
  ROWS_HIDDEN: { table: string }
  SCHEMA_CHANGED_DURING_CAPTURE: { tables: string[] }
  // checkout
  TARGET_MISMATCH: { expected: string; found: string }
  TARGET_EXISTS: { databaseName: string }
  TARGET_CHANGED: { expected: string; found: string }
  DATA_WOULD_BE_LOST: { tables: string[] }
  DEPENDENCIES_MISSING: {
    /** `add` is what to put on the command line. */
    needs: { state: 'missing' | 'different'; entry: string; neededBy: string; add: string }[]
  }
  DEPENDENTS_BROKEN: { dependents: { entry: string; needs: string }[] }
  ROWS_DO_NOT_FIT: { tables: { table: string; columns: string[]; reason: string }[] }
  FOREIGN_KEY_VIOLATED: {
    violations: { constraint: string; table: string; referencedTable: string; rowCount: number }[]
  }
  CONFIRMATION_NEEDED: { question: string }
  DATABASE_PROTECTED: { databaseName: string; reasons: string[] }
  NOTHING_TO_UNDO: { refName: string }
  RESTORE_FAILED: { step: string }
  RESTORE_NOT_PROVEN: { differences: string[] }
  RESTORE_IN_DOUBT: { databaseName: string }
  // other datastores
  /** `path` is below the source's root; empty for the root itself. */
  SOURCE_UNREADABLE: { source: string; path: string; reason: string }
  SOURCE_CHANGED: { source: string; paths: string[] }
  SOURCE_UNFINISHED: { source: string; stagingPath: string }
  SOURCE_COMMAND_FAILED: {
    source: string
    role: 'dump' | 'restore'
    isStarted: boolean
    /** Null where a signal ended it, or it was not started. */
    exitCode: number | null
    signal: string | null
    /** The last lines, without secrets; of a restore command, those of its stdout too. */
    stderr: string
  }
  SOURCES_NOT_RESTORED: { sources: { name: string; state: SourceState; reason: string | null }[] }
  // configuration and what users write in it
  CONFIG_INVALID: { file: string; problems: ConfigProblem[] }
  INPUT_UNREADABLE: { path: string }
  CONDITION_INVALID: { condition: string; offset: number; reason: string }
  // migrations of `snap migrate`
  MIGRATION_INVALID: { problems: FileProblem[] }
  /** `found` is null where the file is gone. */
  MIGRATION_DRIFT: { files: { file: string; expected: string; found: string | null }[] }
  MIGRATION_OUT_OF_ORDER: { files: string[]; newestApplied: string }
  MIGRATION_UNFINISHED: { file: string }
  MIGRATION_FAILED: MigrationFailure
  // files of `snap load`
  LOAD_COLUMNS_WRONG: { problems: string[]; fileColumns: string[]; tableColumns: string[] }
  /**
   * `column` and `value` are null where the server does not say which of the row's it is about,
   * `rowNumber` where a foreign key is broken by a row of several `file`s.
   */
  LOAD_REJECTED: {
    rejected: {
      file?: string
      rowNumber: number | null
      lineNumber: number | null
      column: string | null
      value: string | null
      reason: string
    }[]
  }
  // dumps of `snap import`
  DUMP_UNREADABLE: { path: string; reason: string }
  // files a command writes
  OUTPUT_EXISTS: { path: string }
  OUTPUT_UNWRITABLE: { path: string }
  // a command that is run
  COMMAND_NOT_FOUND: { command: string }
  COMMAND_NOT_EXECUTABLE: { command: string }
  ABORTED: { operation: string }
  USAGE: { argument: string }
  TERMINAL_UNSUITABLE: { reason: string }
}

export interface PostgresErrorData {
  sqlState: string
  serverMessage: string
  detail?: string
  serverHint?: string
  table?: string
  constraint?: string
}

/** One thing that is wrong at a place of a file. */
export interface FileProblem {
  file: string
  /** 1-based. */
  line: number
  column: number
  message: string
}

/** Where a migration failed, and what is left of it. */
export interface MigrationFailure {
  file: string
  /** 1-based, where the server says that the fault is, or else where the statement begins. */
  line: number
  column: number
  /** Its beginning, when it is long. */
  statement: string
  /** Null when the connection was lost. */
  sqlState: string | null
  /** In PostgreSQL's words. */
  reason: string
  /** `unfinished`: what ran before the failure stays, for the file has no transaction. `inDoubt`: the connection was lost at COMMIT. */
  outcome: 'rolledBack' | 'unfinished' | 'inDoubt'
}
/**
 * How a checkout left one datastore: `restored`, `unchanged` (it equalled the commit already),
 * `asBefore`, or `unknown`: a restore command has failed, which may have done a part.
 */
export type SourceState = 'restored' | 'unchanged' | 'asBefore' | 'unknown'

/** One thing that is wrong with a configuration file. */
export interface ConfigProblem {
  /** 1-based. */
  line: number
  column: number
  /** `rules.default.mayGo`; empty for the file itself. */
  key: string
  message: string
}

/** A session, or a prepared transaction, that holds or waits for a lock we need. */
export interface Blocker {
  /** 0 for a prepared transaction. */
  pid: number
  user: string
  application: string
  query: string
  /** ISO 8601, when its transaction began or was prepared. */
  since: string
  /** The name it was prepared under (`pg_prepared_xacts.gid`); null for a session. */
  preparedTransaction: string | null
}

export type ErrorCode = keyof ErrorData

export class SnapError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'SnapError'
  readonly code: C
  readonly data: ErrorData[C]
  readonly hint: string | undefined
  readonly retryable: boolean

  constructor(
    code: C,
    message: string,
    data: ErrorData[C],
    options: { cause?: unknown; hint?: string; retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.data = data
    this.hint = options.hint
    this.retryable = options.retryable ?? false
  }
}

/** `snap` itself is wrong; never caught and explained away. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Narrows an unknown caught value to a `SnapError`, optionally to one code. */
export function isSnapError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is SnapError<C> {
  return error instanceof SnapError && (code === undefined || error.code === code)
}

/**
 * Stops an operation whose caller asked it to stop.
 *
 * @throws ABORTED  when `signal` has been aborted
 */
export function throwIfAborted(signal: AbortSignal | undefined, operation: string): void {
  if (signal?.aborted) throw new SnapError('ABORTED', `${operation} was interrupted`, { operation })
}
