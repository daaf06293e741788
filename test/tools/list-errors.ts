/**
 * Lists the error codes as the README's table shows them.
 *
 * Run by `npx vitest run test/guard/documentation.test.ts -u`, which writes the
 * table into the README; without `-u` the same test compares.
 */
import { EXIT_CODE_MEANINGS, EXIT_CODE_OF_ERROR, ExitCode } from '../../cli/exit-codes.ts'

const CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODE_OF_ERROR, string>> = {
  STORE_NOT_FOUND: 'there is no store here or in any directory above',
  STORE_EXISTS: 'there is a store here already',
  STORE_LOCKED: 'another process holds the store',
  FORMAT_UNSUPPORTED: 'the store, or an object, is of a version this snap does not know',
  STORE_CORRUPT: 'a small file of the store is damaged',
  OBJECT_MISSING: 'no readable pack holds the object',
  OBJECT_CORRUPT: 'what is stored does not hash to its id, or cannot be decoded',
  OBJECT_KIND_UNEXPECTED: 'the object is of another kind than was asked for',
  PACK_CORRUPT: 'a pack is truncated or its index is damaged',
  REF_CONFLICT: 'somebody else moved the ref meanwhile',
  REF_MISSING: 'there is no such branch, tag or ref',
  REF_EXISTS: 'there is one of that name already',
  REF_NAME_INVALID: 'that cannot be a name, as in git',
  REVISION_UNKNOWN: 'nothing has that name',
  REVISION_AMBIGUOUS: 'several ids begin like that; `data.candidates` lists them',
  COMMIT_PRUNED: 'the commit was removed by `snap prune`',
  OPERATION_UNKNOWN: 'the log has no operation of that number',
  OPERATION_RUNNING: 'the operation to roll back goes on still',
  PATTERN_UNMATCHED: 'no table has such a name; `data.candidates` lists those like it',
  BACKEND_UNAVAILABLE: 'the place of the store cannot be reached or read',
  BACKEND_READ_ONLY: 'it cannot be written',
  BACKEND_FULL: 'it has no space left',
  BACKEND_KEY_MISSING: 'a file of the store is missing',
  DATABASE_ADDRESS_MISSING: 'no option, variable or file names a database',
  DATABASE_ADDRESS_AMBIGUOUS: 'files of the project name several; `data.candidates` lists them',
  DATABASE_ADDRESS_INVALID: 'what names the database cannot be read',
  POSTGRES_UNREACHABLE: 'no server answers there',
  POSTGRES_AUTHENTICATION_FAILED: 'the server does not let this user in',
  POSTGRES_REFUSED: 'the server refused a statement; `data.sqlState` says why',
  POSTGRES_PERMISSION_DENIED: 'the role may not do that',
  POSTGRES_LOCK_TIMEOUT: 'a lock was not granted in time; `data.blockers` lists who holds it',
  POSTGRES_CONNECTION_LOST: 'the connection broke',
  POSTGRES_UNSUPPORTED: 'the server is older than PostgreSQL 14',
  SCHEMA_DUMP_FAILED: 'pg_dump could not read the schema',
  ROWS_HIDDEN: 'row security would hide rows from this role',
  SCHEMA_CHANGED_DURING_CAPTURE: 'tables changed while they were read; run again',
  TARGET_MISMATCH: 'this is not the database that was committed',
  TARGET_EXISTS: '`--into` names a database that exists',
  TARGET_CHANGED: 'somebody is changing the schema of the database to restore',
  DATA_WOULD_BE_LOST: 'rows that the commit leaves out could not be kept',
  DEPENDENCIES_MISSING: 'part of a commit needs what the database has not; `data.needs` lists it',
  DEPENDENTS_BROKEN: 'something outside of the part to restore needs what would go',
  ROWS_DO_NOT_FIT: 'rows do not fit the columns of their table; `data.tables` names them',
  FOREIGN_KEY_VIOLATED: 'restoring a part would leave rows whose foreign key points nowhere',
  CONFIRMATION_NEEDED: 'data would be lost and nobody said yes',
  DATABASE_PROTECTED: 'the database is marked or looks like production, and nobody typed its name',
  NOTHING_TO_UNDO: 'there was no checkout, or it kept no safety commit',
  RESTORE_FAILED: 'a step failed; nothing was changed',
  RESTORE_NOT_PROVEN: 'the result was not equal to the commit; nothing was changed',
  RESTORE_IN_DOUBT: 'the connection broke at COMMIT; look before going on',
  SOURCE_UNREADABLE: 'a file of a source cannot be read; `data.path` names it',
  SOURCE_CHANGED: 'files kept changing while they were read, or changed before they were replaced',
  SOURCE_UNFINISHED: 'a checkout was killed while it replaced files; the next one puts that right',
  SOURCE_COMMAND_FAILED: 'a dump or restore command failed; `data.stderr` is what it said last',
  SOURCES_NOT_RESTORED:
    'PostgreSQL is restored, a source is not; `data.sources` has the state of each',
  CONFIG_INVALID: 'the configuration file is wrong; `data.problems` lists where',
  INPUT_UNREADABLE: 'a file that a command is to read is not there, or cannot be read',
  CONDITION_INVALID: 'a condition is not written as it must be; `data.offset` says where',
  MIGRATION_INVALID: 'a migration file cannot be run as it is; `data.problems` lists where',
  MIGRATION_DRIFT: 'a migration was edited, or is gone, after it was applied; nothing was run',
  MIGRATION_OUT_OF_ORDER: 'a migration belongs before others that are applied; nothing was run',
  MIGRATION_UNFINISHED: 'a migration without a transaction failed half-way, and was not dealt with',
  MIGRATION_FAILED: 'a migration failed; `data.outcome` says what is left of it',
  LOAD_COLUMNS_WRONG: 'the columns of a file do not fit those of the table; nothing was read',
  LOAD_REJECTED:
    'rows of a file do not fit the table; `data.rejected` lists them, nothing was loaded',
  DUMP_UNREADABLE: 'a dump cannot be read, or not be restored; nothing was imported',
  OUTPUT_EXISTS: 'the file or directory to write exists already',
  OUTPUT_UNWRITABLE: 'the file or directory cannot be written',
  COMMAND_NOT_FOUND: 'the command to run was not found',
  COMMAND_NOT_EXECUTABLE: 'the command to run is no program, or may not be executed',
  ABORTED: 'interrupted',
  USAGE: 'the command line is wrong',
  TERMINAL_UNSUITABLE: '`snap ui` cannot draw here: no terminal, a dumb one, or one below 80x24',
}

/** The table of error codes, by exit code. */
export function errorTable(): string {
  const rows = Object.entries(EXIT_CODE_OF_ERROR)
    .toSorted(([, a], [, b]) => a - b)
    .map(([code, exitCode]) => {
      const meaning = CODE_MEANINGS[code as keyof typeof CODE_MEANINGS]
      return `| \`${code}\` | ${exitCode} | ${meaning} |`
    })
  return ['| code | exit | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** The table of exit codes. */
export function exitCodeTable(): string {
  const rows = Object.values(ExitCode).map((code) => `| ${code} | ${EXIT_CODE_MEANINGS[code]} |`)
  return ['| code | meaning |', '|---|---|', ...rows].join('\n')
}
