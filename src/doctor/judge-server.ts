/**
 * What a server's facts mean for commits and checkouts. Pure.
 */
import { type Diagnosis, listSome, ok, quantity } from './diagnosis.ts'
import type { ServerFacts, TableFacts } from './read-server-facts.ts'

/** Says something on every subject, so that a reader sees what was looked at. */
export function judgeServer(facts: ServerFacts): Diagnosis[] {
  return [
    judgeConnection(facts),
    ...judgeReading(facts),
    ...judgeRestoring(facts),
    judgeLocks(facts),
    judgeTimeouts(facts),
    judgeWalSummaries(facts),
    ...judgeTables(facts.tables),
    ...judgeWhatIsLeftOut(facts),
  ]
}

function judgeConnection(facts: ServerFacts): Diagnosis {
  const { serverVersion, role, isPooled, isRemote, isEncrypted } = facts
  const connection = `PostgreSQL ${serverVersion}, as role ${role}`
  if (isPooled) {
    return {
      code: 'connectionPooled',
      level: 'warning',
      finding: `${connection}, through a connection pooler`,
      advice:
        'name the server itself in the address: a pooler that shares connections between transactions breaks commits, and one that does not still cannot cancel what hangs',
    }
  }
  if (isRemote && !isEncrypted) {
    return {
      code: 'connectionNotEncrypted',
      level: 'notice',
      finding: `${connection}; the connection is not encrypted`,
      advice: 'add sslmode=require to the address',
    }
  }
  return ok('connection', connection)
}

function judgeReading(facts: ServerFacts): Diagnosis[] {
  const { tables, unreadableSequences, unreadableLargeObjectCount, encoding } = facts
  const unreadable = namesOf(tables, ({ isReadable }) => !isReadable)
  const hiding = namesOf(tables, ({ hidesRows, isReadable }) => hidesRows && isReadable)
  const found: Diagnosis[] = []
  if (unreadable.length > 0) {
    found.push({
      code: 'tablesUnreadable',
      level: 'problem',
      finding: `role ${facts.role} may not read ${unreadable.length} of ${tables.length} tables: ${listSome(unreadable)}`,
      advice: `GRANT USAGE on their schemas and SELECT on them to ${facts.role} (or pg_read_all_data, PostgreSQL 14 and up), or commit with --exclude-table`,
    })
  }
  if (hiding.length > 0) {
    found.push({
      code: 'rowsHidden',
      level: 'problem',
      finding: `row security would hide rows of ${listSome(hiding)} from role ${facts.role}`,
      advice: `commit as the owner of these tables or a role with BYPASSRLS, or with --exclude-table-data`,
    })
  }
  if (unreadableSequences.length > 0) {
    found.push({
      code: 'sequencesUnreadable',
      level: 'problem',
      finding: `role ${facts.role} may not read sequences: ${listSome(unreadableSequences.map(({ name }) => name))}`,
      advice: `GRANT SELECT on them to ${facts.role}`,
    })
  }
  if (unreadableLargeObjectCount > 0) {
    found.push({
      code: 'largeObjectsUnreadable',
      level: 'problem',
      finding: `role ${facts.role} may not read ${unreadableLargeObjectCount} of ${facts.largeObjectCount} large objects`,
      advice: 'commit as their owner, or grant SELECT on them',
    })
  }
  if (encoding === 'SQL_ASCII') {
    found.push({
      code: 'encodingUnknown',
      level: 'warning',
      finding: 'the database has no encoding (SQL_ASCII)',
      advice: 'a commit is refused where bytes are not UTF-8',
    })
  }
  if (found.length > 0) return found
  const objects = `${quantity(tables.length, 'table')}, ${quantity(facts.largeObjectCount, 'large object')}`
  return [ok('reading', `everything can be read: ${objects}`)]
}

function judgeRestoring(facts: ServerFacts): Diagnosis[] {
  const { tables, role, isSuperuser, isStandby } = facts
  if (isStandby) {
    return [
      {
        code: 'serverStandby',
        level: 'warning',
        finding:
          'the server is a standby: it can be committed, and nothing can be checked out into it',
        advice: 'name the primary in the address for checkouts',
      },
    ]
  }
  const foreign = namesOf(tables, ({ isOwned }) => !isOwned)
  const found: Diagnosis[] = []
  if (foreign.length > 0) {
    found.push({
      code: 'tablesNotOwned',
      level: 'warning',
      finding: `role ${role} does not own ${foreign.length} of ${tables.length} tables: ${listSome(foreign)}`,
      advice: `commits work; a checkout that has to change these is refused. Check out as their owner, or GRANT the owner's role to ${role}`,
    })
  }
  if (!facts.mayCreateSchemas) {
    found.push({
      code: 'schemasNotCreatable',
      level: 'warning',
      finding: `role ${role} may not create schemas in this database`,
      advice: `a checkout that has to bring back a schema is refused; GRANT CREATE ON DATABASE to ${role}`,
    })
  }
  if (!facts.mayCreateDatabases) {
    found.push({
      code: 'databasesNotCreatable',
      level: 'notice',
      finding: `role ${role} may not create databases`,
      advice: `for 'checkout --into' give it CREATEDB`,
    })
  }
  const means = isSuperuser ? 'as a superuser' : 'as the owner of all tables'
  return found.length > 0 ? found : [ok('restoring', `everything can be restored ${means}`)]
}

/** A checkout that rebuilds everything locks all that it drops and all that it makes. */
function judgeLocks({
  lockableCount,
  lockCapacity,
  maxLocksPerTransaction,
}: ServerFacts): Diagnosis {
  const needed = lockableCount * 2
  const room = `up to about ${needed} locks for a checkout that rebuilds everything, of ${lockCapacity}`
  if (needed <= lockCapacity * SAFE_SHARE_OF_LOCKS) return ok('locks', room)
  const perSlot = lockCapacity / Math.max(1, maxLocksPerTransaction)
  const enough = Math.ceil(needed / SAFE_SHARE_OF_LOCKS / perSlot)
  return {
    code: 'locksTooFew',
    level: needed > lockCapacity ? 'warning' : 'notice',
    finding: room,
    advice: `set max_locks_per_transaction to ${enough} or more (now ${maxLocksPerTransaction}; needs a restart), or use 'checkout --into', which needs far fewer`,
  }
}

/** Others need locks, too. */
const SAFE_SHARE_OF_LOCKS = 0.8

function judgeTimeouts({ timeouts, role }: ServerFacts): Diagnosis {
  if (timeouts.length === 0) return ok('timeouts', 'no timeout is set for this role')
  return ok(
    'timeouts',
    `${timeouts.join(', ')} for role ${role}; snap switches these off in its own sessions`,
  )
}

function judgeWalSummaries(facts: ServerFacts): Diagnosis {
  const { summarizesWal, mayCheckpoint, isStandby, serverVersion, role } = facts
  if (summarizesWal === null) {
    return ok(
      'walSummaries',
      `PostgreSQL ${serverVersion} has no WAL summaries; every commit reads every row`,
    )
  }
  if (isStandby) {
    return ok(
      'walSummaries',
      'a standby does not tell what has changed; every commit reads every row',
    )
  }
  if (!summarizesWal) {
    return {
      code: 'walSummariesOff',
      level: 'notice',
      finding: 'summarize_wal is off: what has changed can be told by reading every row alone',
      advice:
        'ALTER SYSTEM SET summarize_wal = on (as a superuser, then SELECT pg_reload_conf()): commits and status then leave tables unread that have not changed. A commit asks for two checkpoints, a comparison for one',
    }
  }
  if (!mayCheckpoint) {
    return {
      code: 'walSummariesUnused',
      level: 'notice',
      finding: `summarize_wal is on, but role ${role} may not ask for the checkpoint that ends a summary; every commit reads every row`,
      advice: `GRANT pg_checkpoint TO ${role}`,
    }
  }
  return ok('walSummaries', 'summarize_wal is on: tables that have not changed are not read again')
}

function judgeTables(tables: readonly TableFacts[]): Diagnosis[] {
  const found: Diagnosis[] = []
  const keyless = namesOf(tables, ({ hasKey, isForeign }) => !hasKey && !isForeign)
  if (keyless.length > 0) {
    found.push({
      code: 'tablesWithoutKey',
      level: 'notice',
      finding: `${quantity(keyless.length, 'table')} ${keyless.length === 1 ? 'has' : 'have'} no key: ${listSome(keyless)}`,
      advice:
        'a diff shows their changed rows as deleted and inserted, and a checkout loads them whole; a primary key helps both',
    })
  }
  const huge = tables.filter(({ estimatedSizeBytes }) => estimatedSizeBytes >= HUGE_TABLE_BYTES)
  if (huge.length > 0) {
    const sizes = huge.map(
      ({ name, estimatedSizeBytes }) => `${name} (${gibibytes(estimatedSizeBytes)} GiB)`,
    )
    found.push({
      code: 'tablesHuge',
      level: 'notice',
      finding: `every commit reads ${listSome(sizes)}`,
      advice: 'what can be made again (logs, caches) may be left out by --exclude-table-data',
    })
  }
  const unlogged = namesOf(tables, ({ isUnlogged }) => isUnlogged)
  if (unlogged.length > 0) {
    found.push({
      code: 'tablesUnlogged',
      level: 'notice',
      finding: `unlogged tables: ${listSome(unlogged)}`,
      advice:
        'their rows are committed; a crash of the server empties them, which the next commit then holds',
    })
  }
  return found.length > 0
    ? found
    : [ok('tables', 'every table has a key, and none is huge or unlogged')]
}

const HUGE_TABLE_BYTES = 10 * 1024 ** 3
const gibibytes = (sizeBytes: number) => Math.round(sizeBytes / 1024 ** 3)

function judgeWhatIsLeftOut(facts: ServerFacts): Diagnosis[] {
  const { tables, uncapturedExtensionTables, extensions } = facts
  const found: Diagnosis[] = []
  const foreign = namesOf(tables, ({ isForeign }) => isForeign)
  if (foreign.length > 0) {
    found.push({
      code: 'foreignTables',
      level: 'notice',
      finding: `rows of foreign tables are not captured: ${listSome(foreign)}`,
      advice: 'commit the server that has them',
    })
  }
  if (extensions.includes('timescaledb')) {
    found.push({
      code: 'timescaledb',
      level: 'warning',
      finding:
        'timescaledb keeps catalogs of its own, which a checkout does not prepare as it asks for',
      advice: "not verified with snap: try 'checkout --into' before you rely on it",
    })
  }
  if (uncapturedExtensionTables.length > 0) {
    found.push({
      code: 'extensionTables',
      level: 'notice',
      finding: `rows that belong to extensions are not captured: ${listSome(uncapturedExtensionTables)}`,
      advice: 'as with pg_dump: CREATE EXTENSION brings them back as it makes them',
    })
  }
  return found.length > 0 ? found : [ok('captured', 'nothing is left out of a commit')]
}

const namesOf = (tables: readonly TableFacts[], isMeant: (table: TableFacts) => boolean) =>
  tables.filter(isMeant).map(({ name }) => name)
