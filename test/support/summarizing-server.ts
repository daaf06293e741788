/**
 * Servers of their own for tests about the write-ahead log: it is one for a whole cluster, and these
 * tests crash, restart and hold it up.
 */
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../cli/demo/embedded-postgres.ts'
import { allMajors } from './postgres.ts'

const PACKAGES: ReadonlyMap<number, string> = new Map([
  [17, 'postgres-17'],
  [18, 'embedded-postgres'],
])

/** Those of this run that have WAL summaries, ascending. */
export const summarizingMajors: readonly number[] = allMajors.filter((major) => PACKAGES.has(major))

export class SummarizingServer {
  readonly #server: EmbeddedPostgres

  private constructor(server: EmbeddedPostgres) {
    this.#server = server
  }

  static async start(major: number, settings: Record<string, string> = {}) {
    const server = await startEmbeddedPostgres({
      packageName: PACKAGES.get(major)!,
      settings: {
        autovacuum: 'off',
        max_prepared_transactions: '10',
        ...settings,
      },
    })
    const started = new SummarizingServer(server)
    // Not on the command line, which no later change would go before.
    await started.set('summarize_wal', 'on')
    return started
  }

  get dataDirectory(): string {
    return this.#server.dataDirectory
  }

  url(database = 'postgres', user = 'postgres'): string {
    return this.#server.url(database).replace(/user=\w+/, `user=${user}`)
  }

  /** Runs SQL on a connection of its own; returns the last statement's rows. */
  async query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    { database, schema }: { database?: string; schema?: string } = {},
  ): Promise<Row[]> {
    const client = await this.connect(database)
    try {
      if (schema !== undefined) await client.query(`SET search_path = ${schema}`)
      const results = [await client.query<Row>(sql)].flat() as pg.QueryResult<Row>[]
      return results.at(-1)?.rows ?? []
    } finally {
      await client.end()
    }
  }

  /** Each statement in a transaction of its own, unless they begin one. */
  async run(sql: string, options: { schema?: string } = {}): Promise<void> {
    const statements = sql.trimStart().startsWith('BEGIN') ? [sql] : sql.split(/;\s*/)
    for (const statement of statements) await this.query(statement, options)
  }

  /** Changes a setting for all sessions, and waits until new ones have it. */
  async set(name: string, value: string): Promise<void> {
    await this.query(`ALTER SYSTEM SET ${name} = '${value}'`)
    await this.query('SELECT pg_reload_conf()')
    for (let found: string | undefined; found !== value; await setTimeout(20)) {
      const [row] = await this.query<Record<string, string>>(`SHOW ${name}`)
      found = row?.[name]
    }
  }

  async connect(database = 'postgres'): Promise<pg.Client> {
    const client = new pg.Client(this.url(database))
    // A test may end the session from outside; the query in flight then rejects.
    client.on('error', () => {})
    await client.connect()
    return client
  }

  /**
   * Kills a backend, so that all others are ended and the server recovers from its log.
   *
   * @param onKilled  called when the others have been told to end
   */
  async crash(onKilled: () => void = () => {}): Promise<void> {
    const client = await this.connect()
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    const ended = new Promise((resolve) => client.once('end', resolve))
    process.kill(rows[0].pid, 'SIGKILL')
    await ended
    await setTimeout(200)
    onKilled()
    for (;;) {
      const isUp = await this.query('SELECT 1').then(
        () => true,
        () => false,
      )
      if (isUp) return
      await setTimeout(50)
    }
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }
}
