/**
 * The running test servers, and databases on them.
 *
 * Each test makes its own database; those a test file made are dropped when the
 * file is done. Only for files of the `postgres` project, whose global setup
 * starts the servers.
 */
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, describe, inject } from 'vitest'
import type { TestServer } from './global-setup.ts'

export type { TestServer } from './global-setup.ts'

export interface TestDatabase {
  readonly majorVersion: number
  readonly name: string
  /** The address by the unix socket, as the superuser. */
  readonly url: string
  /** Runs SQL on a connection of its own, so that no session is left behind; returns the last statement's rows. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    values?: unknown[],
  ): Promise<Row[]>
  /** Runs `work` with one session. */
  withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T>
  /** Drops it with everybody connected to it. Safe to call twice. */
  drop(): Promise<void>
}

const servers = inject('servers')

/** The majors this run tests, ascending. */
export const allMajors: readonly number[] = servers.map((server) => server.majorVersion)

export function serverOf(majorVersion: number): TestServer {
  const server = servers.find((candidate) => candidate.majorVersion === majorVersion)
  if (server === undefined) throw new Error(`no server of PostgreSQL ${majorVersion} in this run`)
  return server
}

/** Declares the same tests once for every major. */
export function eachMajor(declareTests: (majorVersion: number) => void): void {
  describe.each(allMajors)('PostgreSQL %i', declareTests)
}

/**
 * Declares the same tests for the oldest and the newest major: for what takes minutes on each, and is
 * more about our own code than about the server.
 */
export function oldestAndNewestMajor(declareTests: (majorVersion: number) => void): void {
  const outermost = new Set([allMajors[0]!, allMajors.at(-1)!])
  describe.each([...outermost])('PostgreSQL %i', declareTests)
}

/** The address of a database on a test server, by the unix socket. */
export function databaseUrl(server: TestServer, name: string, user = server.user): string {
  const query = `host=${server.host}&port=${server.port}&user=${encodeURIComponent(user)}`
  return `postgresql:///${encodeURIComponent(name)}?${query}`
}

const created = new Set<TestDatabase>()
let createdCount = 0

afterAll(async () => {
  for (const database of created) await database.drop()
})

/**
 * Creates a database and notes it to be dropped after this test file.
 *
 * @param options.template  the database to clone; `template0` when absent. A clone has no subscriptions
 * @param options.name      chosen when absent
 */
export async function createDatabase(
  majorVersion: number,
  options: { template?: string; name?: string } = {},
): Promise<TestDatabase> {
  const { template = 'template0', name = `test_${process.pid}_${++createdCount}` } = options
  const server = serverOf(majorVersion)
  const quoted = [name, template].map((identifier) => pg.escapeIdentifier(identifier))
  await queryOnce(server, 'postgres', `CREATE DATABASE ${quoted[0]} TEMPLATE ${quoted[1]}`)
  const database: TestDatabase = {
    majorVersion,
    name,
    url: databaseUrl(server, name),
    query: (sql, values) => queryOnce(server, name, sql, values),
    withClient: (work) => withClient(server, name, work),
    async drop() {
      if (!created.delete(database)) return
      await dropSubscriptions(server, name)
      await queryOnce(server, 'postgres', `DROP DATABASE IF EXISTS ${quoted[0]} WITH (FORCE)`)
    },
  }
  created.add(database)
  return database
}

/** Runs `work` with a database that is dropped afterwards, whatever happens. */
export async function withDatabase<T>(
  majorVersion: number,
  work: (database: TestDatabase) => Promise<T>,
): Promise<T> {
  const database = await createDatabase(majorVersion)
  try {
    return await work(database)
  } finally {
    await database.drop()
  }
}

/** Runs SQL in any database of a server, on a connection of its own; returns the last statement's rows. */
export function queryOnce<Row extends pg.QueryResultRow = pg.QueryResultRow>(
  server: TestServer,
  databaseName: string,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  return withClient(server, databaseName, async (client) => {
    // Several statements in one text give one result each.
    const results = [await client.query<Row>(sql, values)].flat() as pg.QueryResult<Row>[]
    return results.at(-1)?.rows ?? []
  })
}

/**
 * Waits until whatever runs in the cluster began after the last write to this database: the
 * tests of other files write to other databases of it, and what they have begun counts as well.
 */
export async function untilOldTransactionsAreOver(database: TestDatabase): Promise<void> {
  const [now] = await database.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid')
  for (;;) {
    const [oldest] = await database.query<{ xid: string }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid',
    )
    if (BigInt(oldest!.xid) > BigInt(now!.xid)) return
    await setTimeout(20)
  }
}

async function withClient<T>(
  { host, port, user }: TestServer,
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ host, port, user, database })
  client.on('error', () => {
    // The test may end the session from outside; the query in flight then rejects.
  })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A database with a subscription cannot be dropped, not even by force. */
export async function dropSubscriptions(server: TestServer, databaseName: string): Promise<void> {
  const subscriptions = await queryOnce<{ name: string }>(
    server,
    'postgres',
    `SELECT quote_ident(subname) AS name FROM pg_subscription
     WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = $1)`,
    [databaseName],
  )
  for (const { name } of subscriptions) {
    // Separate statements: dropping one with a slot cannot run in the transaction a joint text would be.
    for (const change of [
      `ALTER SUBSCRIPTION ${name} DISABLE`,
      `ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`,
      `DROP SUBSCRIPTION ${name}`,
    ]) {
      await queryOnce(server, databaseName, change)
    }
  }
}
