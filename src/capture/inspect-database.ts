import { type DatabaseAddress, describeAddress } from '../postgres/address/database-address.ts'
import { openSession } from '../postgres/session.ts'
import { listRelations } from './list-relations.ts'

/** What `snap init` tells about the database it found. */
export interface DatabaseSummary {
  /** `user@host:port/database`. */
  address: string
  databaseName: string
  serverVersion: string
  role: string
  isSuperuser: boolean
  sizeBytes: number
  tableCount: number
  /** From the planner's statistics; 0 for a table never analyzed. */
  estimatedRowCount: number
  /** Qualified names of tables that this role may not read; a commit would fail at the first. */
  unreadableTables: string[]
}

/**
 * Connects and describes the database, cheaply: no table is read.
 *
 * @throws POSTGRES_*  as `openSession`
 */
export async function inspectDatabase(
  address: DatabaseAddress,
  options: { signal?: AbortSignal } = {},
): Promise<DatabaseSummary> {
  const session = await openSession(address, options)
  try {
    const [facts] = await session.query<{
      name: string
      role: string
      is_superuser: boolean
      size_bytes: string
    }>(`
      SELECT current_database() AS name, current_user::text AS role,
             (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS is_superuser,
             pg_catalog.pg_database_size(current_database())::text AS size_bytes`)
    const tables = (await listRelations(session)).filter(({ kind }) => kind === 'table')
    const [rows] = await session.query<{ estimate: string; unreadable: string[] }>(
      `SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint::text AS estimate,
              coalesce(json_agg(oid::regclass::text) FILTER (WHERE NOT has_table_privilege(oid, 'SELECT')), '[]') AS unreadable
         FROM pg_catalog.pg_class WHERE oid = ANY ($1::oid[])`,
      [tables.map(({ oid }) => oid)],
    )
    return {
      address: describeAddress(address),
      databaseName: facts?.name ?? address.databaseName,
      serverVersion: session.serverVersion,
      role: facts?.role ?? address.user,
      isSuperuser: facts?.is_superuser ?? false,
      sizeBytes: Number(facts?.size_bytes ?? 0),
      tableCount: tables.length,
      estimatedRowCount: Number(rows?.estimate ?? 0),
      unreadableTables: rows?.unreadable ?? [],
    }
  } finally {
    await session.close()
  }
}
