import { type DatabaseAddress, describeAddress } from '../postgres/address/database-address.ts'
import { openSession } from '../postgres/session.ts'
import { listRelations, type Relation } from './list-relations.ts'

/** What `snap init` tells about the database it found. */
export interface DatabaseSummary {
  /** `user@host:port/database`. */
  address: string
  /** What named it: `--database`, `DATABASE_URL in .env`, `compose.yaml#db`, …. */
  source: string
  databaseName: string
  serverVersion: string
  role: string
  isSuperuser: boolean
  sizeBytes: number
  tableCount: number
  /** From the planner's statistics, and by size and width for tables that it has none of. */
  estimatedRowCount: number
  /** Schemas that hold any relation, by name. */
  schemas: { name: string; tableCount: number }[]
  sequenceCount: number
  viewCount: number
  /** In every schema of a user; aggregates, procedures and triggers' functions among them. */
  functionCount: number
  largeObjectCount: number
  /** Besides plpgsql, which every database has. */
  extensions: string[]
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
    // Telling a table's size waits for whoever rewrites it; a guess is not worth that.
    await session.execute(`SET lock_timeout = '2s'`)
    const [facts] = await session.query<{
      name: string
      role: string
      is_superuser: boolean
      size_bytes: string
    }>(`
      SELECT current_database() AS name, current_user::text AS role,
             (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS is_superuser,
             pg_catalog.pg_database_size(current_database())::text AS size_bytes`)
    const relations = await listRelations(session)
    const tables = relations.filter(({ kind }) => kind === 'table')
    const [rows] = await session.query<{ estimate: string; unreadable: string[] }>(
      `SELECT coalesce(sum(CASE WHEN reltuples >= 0 THEN reltuples ELSE ${ROWS_BY_SIZE} END), 0)::bigint::text AS estimate,
              coalesce(json_agg(oid::regclass::text) FILTER (WHERE NOT has_table_privilege(oid, 'SELECT')
                OR NOT has_schema_privilege(relnamespace, 'USAGE')), '[]') AS unreadable
         FROM pg_catalog.pg_class c WHERE oid = ANY ($1::oid[])`,
      [tables.map(({ oid }) => oid)],
    )
    const [others] = await session.query<{
      view_count: number
      function_count: number
      large_object_count: number
      extensions: string[]
    }>(OTHER_OBJECTS)
    return {
      address: describeAddress(address),
      source: address.parts.source,
      databaseName: facts?.name ?? address.databaseName,
      serverVersion: session.serverVersion,
      role: facts?.role ?? address.user,
      isSuperuser: facts?.is_superuser ?? false,
      sizeBytes: Number(facts?.size_bytes ?? 0),
      tableCount: tables.length,
      estimatedRowCount: Number(rows?.estimate ?? 0),
      unreadableTables: rows?.unreadable ?? [],
      schemas: countBySchema(relations),
      sequenceCount: relations.filter(({ kind }) => kind === 'sequence').length,
      viewCount: others?.view_count ?? 0,
      functionCount: others?.function_count ?? 0,
      largeObjectCount: others?.large_object_count ?? 0,
      extensions: others?.extensions ?? [],
    }
  } finally {
    await session.close()
  }
}

/**
 * As the planner guesses for a table that was never analyzed (source, `estimate_rel_size`): what the
 * file holds by the widths of the column types, 32 bytes where these vary, and 28 for each row.
 */
const ROWS_BY_SIZE = `pg_catalog.pg_relation_size(c.oid) / (28 + (
  SELECT coalesce(sum(CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END), 0)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))`

const OTHER_OBJECTS = `
  SELECT
    (SELECT count(*)::int FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('v', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) AS view_count,
    (SELECT count(*)::int FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')) AS function_count,
    (SELECT count(*)::int FROM pg_catalog.pg_largeobject_metadata) AS large_object_count,
    (SELECT coalesce(json_agg(extname ORDER BY extname), '[]')
       FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql') AS extensions`

function countBySchema(relations: readonly Relation[]): DatabaseSummary['schemas'] {
  const counts = new Map<string, number>()
  for (const { namespace, kind } of relations) {
    counts.set(namespace, (counts.get(namespace) ?? 0) + (kind === 'table' ? 1 : 0))
  }
  return [...counts].map(([name, tableCount]) => ({ name, tableCount }))
}
