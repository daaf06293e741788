/**
 * Starts one PostgreSQL server of every major version for a run of the tests.
 *
 * `SNAP_TEST_MAJORS=15,18` starts only those, for quicker work at the desk. In
 * CI (`CI` is set) that is refused, so that a green run always means all.
 */
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../cli/demo/embedded-postgres.ts'

/** A running server, as test files see it. */
export interface TestServer {
  majorVersion: number
  /** The folder the unix socket is in. */
  host: string
  port: number
  /** The superuser, who needs no password. */
  user: string
  dataDirectory: string
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: TestServer[]
  }
}

const PACKAGES: ReadonlyMap<number, string> = new Map([
  [14, 'postgres-14'],
  [15, 'postgres-15'],
  [16, 'postgres-16'],
  [17, 'postgres-17'],
  [18, 'embedded-postgres'],
])

const SETTINGS = {
  max_connections: '100',
  max_prepared_transactions: '10',
  // Lets a test make a tablespace without a folder the server's account may write.
  allow_in_place_tablespaces: 'on',
  // Vacuum decides where the next rows go; tests that compare heap order must not depend on its timing.
  autovacuum: 'off',
}

export default async function startServers({ provide }: TestProject): Promise<() => Promise<void>> {
  const majors = chosenMajors()
  const starts = await Promise.allSettled(
    majors.map((major) =>
      startEmbeddedPostgres({ packageName: PACKAGES.get(major)!, settings: SETTINGS }),
    ),
  )
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const stopAll = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  const failures = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
  if (failures.length > 0) {
    await stopAll()
    throw new AggregateError(failures, failures.map(String).join('\n'))
  }
  await Promise.all(servers.map(createTablespace))
  provide('servers', servers.map(describeServer))
  return stopAll
}

/** The server-wide tablespace that fixtures put some objects into. */
async function createTablespace(server: EmbeddedPostgres): Promise<void> {
  const client = new pg.Client(server.url('postgres'))
  await client.connect()
  await client.query(`CREATE TABLESPACE snap_test_space LOCATION ''`)
  await client.end()
}

function chosenMajors(): number[] {
  const choice = process.env.SNAP_TEST_MAJORS
  if (choice === undefined || choice === '') return [...PACKAGES.keys()]
  if (process.env.CI) throw new Error('SNAP_TEST_MAJORS is for local work; CI tests every major')
  const majors = choice.split(',').map(Number)
  const unknown = majors.filter((major) => !PACKAGES.has(major))
  if (unknown.length > 0) {
    throw new Error(`SNAP_TEST_MAJORS names ${unknown}; there are ${[...PACKAGES.keys()]}`)
  }
  return majors
}

function describeServer(server: EmbeddedPostgres): TestServer {
  const { majorVersion, host, port, user, dataDirectory } = server
  return { majorVersion, host, port, user, dataDirectory }
}
