/**
 * Reads a database's schema as a pg_dump archive, inside a transaction that is open already.
 *
 * The session is left as it was: same settings, no prepared statements, and no
 * locks unless they are asked for. That holds after a failure too.
 */
import { InvariantError, SnapError } from '../../errors.ts'
import { parseArchive } from '../../schema/toc.ts'
import { quoteIdentifier, quoteLiteral } from '../quote.ts'
import type { Session } from '../session.ts'
import { DumpConversation, type DumpOutcome, type SessionParameters } from './conversation.ts'
import { runInstalledPgDump } from './installed-pg-dump.ts'

/** Major version of the pg_dump that comes with us; it reads servers up to its own major. */
export const BUNDLED_PG_DUMP_MAJOR = 18

export interface SchemaDump {
  /** Custom-format archive, uncompressed, without rows. */
  archive: Uint8Array
  /** What pg_dump says it left out or found odd, one line each. */
  warnings: string[]
  /** `18.3`. */
  pgDumpVersion: string
}

/**
 * Runs `pg_dump --schema-only` with `args` over the session's own connection.
 *
 * Sees what the open transaction sees, its own uncommitted DDL included. Waits
 * for table locks as long as the session's lock_timeout allows. Like pg_dump it
 * wants REPEATABLE READ when others may run DDL meanwhile.
 *
 * @param args  pg_dump options: object selection such as `-t`, `-T`, `-n`, `-N`
 * @param options.holdLocks  keeps pg_dump's ACCESS SHARE locks until the transaction ends
 * @param options.allowsNoMatch  patterns that match nothing give an empty archive
 * @throws PATTERN_UNMATCHED           nothing is meant by the patterns
 * @throws SCHEMA_DUMP_FAILED          pg_dump refuses: bad option, …
 * @throws POSTGRES_PERMISSION_DENIED  the role may not lock a table or use a schema
 * @throws POSTGRES_LOCK_TIMEOUT       a table's lock was not granted in time
 * @throws POSTGRES_UNSUPPORTED        the server is newer than the bundled pg_dump, and no installed one can do
 * @throws POSTGRES_CONNECTION_LOST, ABORTED
 */
export async function dumpSchema(
  session: Session,
  args: readonly string[] = [],
  options: { holdLocks?: boolean; allowsNoMatch?: boolean } = {},
): Promise<SchemaDump> {
  if (session.transactionState !== 'open') {
    throw new InvariantError(
      `dumpSchema needs an open transaction, found '${session.transactionState}'`,
    )
  }
  const dumpArgs = [...SCHEMA_ARCHIVE, ...args]
  const outcome =
    session.serverMajor <= BUNDLED_PG_DUMP_MAJOR
      ? await runBundledPgDump(session, dumpArgs, options.holdLocks === true)
      : await runInstalledPgDump(session, dumpArgs)
  if (outcome.kind === 'failed' && options.allowsNoMatch && isWithoutMatch(outcome.stderr)) {
    return dumpSchema(session, NOTHING)
  }
  if (outcome.kind !== 'dumped') throw toError(session, outcome)
  return {
    archive: outcome.archive,
    warnings: messagesIn(outcome.stderr),
    pgDumpVersion: parseArchive(outcome.archive).pgDumpVersion,
  }
}

async function runBundledPgDump(
  session: Session,
  args: readonly string[],
  holdLocks: boolean,
): Promise<DumpOutcome> {
  const before = await readTraces(session)
  const parameters = await readSessionParameters(session)
  await session.execute(`SAVEPOINT ${SAVEPOINT}`)
  const conversation = new DumpConversation(args, parameters)
  session.converse(conversation)
  const outcome = await conversation.outcome
  if (outcome.kind === 'connectionFailed') return outcome

  const isKept = outcome.kind === 'dumped' && holdLocks
  if (!isKept) await session.execute(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)
  await session.execute(`RELEASE SAVEPOINT ${SAVEPOINT}`)
  await removeTraces(session, before)
  return outcome
}

/** No schema, and of what is in none only the rows, of which there are none. */
const NOTHING = ['--exclude-schema=*', '--section=data']

/** Without compression the archive is the same on every machine, and parsing needs no zlib. */
const SCHEMA_ARCHIVE = ['--schema-only', '--format=custom', '--compress=0']

const SAVEPOINT = 'snap_pg_dump'

/** What a run of pg_dump leaves in a session. */
interface Traces {
  settings: ReadonlyMap<string, string>
  preparedStatements: ReadonlySet<string>
}

async function readTraces(session: Session): Promise<Traces> {
  const settings = await session.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser')`,
  )
  const statements = await session.query<{ name: string }>(
    'SELECT name FROM pg_catalog.pg_prepared_statements',
  )
  return {
    settings: new Map(settings.map(({ name, setting }) => [name, setting])),
    preparedStatements: new Set(statements.map(({ name }) => name)),
  }
}

/** Prepared statements survive the savepoint, and settings do when it is released. */
async function removeTraces(session: Session, before: Traces): Promise<void> {
  const after = await readTraces(session)
  // Settings of a library that was loaded meanwhile have come, and have their defaults.
  const changed = [...before.settings].filter(([name, setting]) => {
    const found = after.settings.get(name)
    return found !== undefined && found !== setting
  })
  if (changed.length > 0) {
    const calls = changed.map(
      ([name, setting]) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(setting)}, true)`,
    )
    await session.query(`SELECT ${calls.join(', ')}`)
  }
  const prepared = [...after.preparedStatements].filter(
    (name) => !before.preparedStatements.has(name),
  )
  if (prepared.length > 0) {
    await session.execute(prepared.map((name) => `DEALLOCATE ${quoteIdentifier(name)}`).join('; '))
  }
}

/** The parameters that a server reports by itself at login. */
const REPORTED_PARAMETERS = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'standard_conforming_strings',
  'is_superuser',
  'DateStyle',
  'IntervalStyle',
  'integer_datetimes',
  'TimeZone',
]

async function readSessionParameters(session: Session): Promise<SessionParameters> {
  const rows = await session.query<{ name: string; value: string }>(
    'SELECT name, pg_catalog.current_setting(name) AS value FROM pg_catalog.unnest($1::text[]) AS name',
    [REPORTED_PARAMETERS],
  )
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

function toError(session: Session, outcome: Exclude<DumpOutcome, { kind: 'dumped' }>): SnapError {
  if (outcome.kind === 'connectionFailed') return session.translate(outcome.error)
  if (outcome.serverError !== undefined) return session.translate(outcome.serverError)
  const [message = outcome.reason] = messagesIn(outcome.stderr)
  if (isWithoutMatch(outcome.stderr)) {
    return new SnapError(
      'PATTERN_UNMATCHED',
      `cannot read the schema: ${message}`,
      { patterns: [], candidates: [] },
      { hint: 'check the patterns that select tables and schemas' },
    )
  }
  return new SnapError('SCHEMA_DUMP_FAILED', `cannot read the schema: ${message}`, {
    stderr: outcome.stderr,
  })
}

function isWithoutMatch(stderr: string): boolean {
  return /no matching (tables|schemas|extensions) were found/.test(stderr)
}

/** pg_dump's own messages, without its name and their level; what its start-up says of the file system it runs in is no news. */
function messagesIn(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith(PG_DUMP_SAYS))
    .map((line) => line.slice(PG_DUMP_SAYS.length).replace(/^(error|warning): /, ''))
}

const PG_DUMP_SAYS = 'pg_dump: '
