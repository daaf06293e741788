/**
 * Asks a database all that the doctor judges by. Reads catalogs only: no table is
 * locked, so that it answers on a busy server, too.
 */
import type { DatabaseAddress } from '../postgres/address/database-address.ts'
import { openSession, type Session } from '../postgres/session.ts'

export interface TableFacts {
  /** `namespace.name`. */
  name: string
  namespace: string
  isReadable: boolean
  /** May be changed, dropped and made again. */
  isOwned: boolean
  /** Row security applies to this role, so that a commit is refused. */
  hidesRows: boolean
  hasKey: boolean
  isUnlogged: boolean
  isForeign: boolean
  /** With TOAST, without indexes; as of the last VACUUM or ANALYZE. */
  estimatedSizeBytes: number
}

export interface ServerFacts {
  serverVersion: string
  serverVersionNumber: number
  role: string
  isSuperuser: boolean
  mayCreateDatabases: boolean
  mayCreateSchemas: boolean
  isStandby: boolean
  isEncrypted: boolean
  isRemote: boolean
  /** The process that answers is not the one that the connection was opened to. */
  isPooled: boolean
  encoding: string
  sizeBytes: number
  tables: TableFacts[]
  unreadableSequences: Pick<TableFacts, 'name' | 'namespace'>[]
  largeObjectCount: number
  /** Large objects of other roles that may not be read. */
  unreadableLargeObjectCount: number
  extensions: string[]
  /** Tables of extensions that hold rows and are not registered as configuration. */
  uncapturedExtensionTables: string[]
  /** Tables, indexes, TOAST tables, sequences, views: what a checkout that rebuilds all would lock. */
  lockableCount: number
  /** The server has room for so many locks. */
  lockCapacity: number
  maxLocksPerTransaction: number
  /** Null before PostgreSQL 17. */
  summarizesWal: boolean | null
  /** Without it, WAL summaries end where the last checkpoint happened to be. */
  mayCheckpoint: boolean
  /** Timeouts that are set for this role or database, `name = value`. */
  timeouts: string[]
}

/** @throws POSTGRES_*  as `openSession` */
export async function readServerFacts(
  address: DatabaseAddress,
  options: { signal?: AbortSignal } = {},
): Promise<ServerFacts> {
  const session = await openSession(address, options)
  try {
    const { host } = address.parts
    return {
      serverVersion: session.serverVersion,
      serverVersionNumber: session.serverVersionNumber,
      isEncrypted: session.isEncrypted,
      isRemote: !address.isLocalSocket && !LOOPBACK.test(host),
      ...(await readRole(session)),
      ...(await readSettings(session)),
      tables: await readTables(session),
      ...(await readRest(session)),
    }
  } finally {
    await session.close()
  }
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/i

async function readRole(session: Session) {
  const [row] = await session.query<{
    role: string
    is_superuser: boolean
    may_create_databases: boolean
    may_create_schemas: boolean
    may_checkpoint: boolean
    is_standby: boolean
    process_id: number
    encoding: string
    size_bytes: string | null
  }>(`
    SELECT current_user::text AS role, r.rolsuper AS is_superuser,
      r.rolcreatedb OR r.rolsuper AS may_create_databases,
      pg_catalog.has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
      coalesce((SELECT pg_catalog.pg_has_role(current_user, oid, 'USAGE')
                  FROM pg_catalog.pg_roles WHERE rolname = 'pg_checkpoint'), r.rolsuper) AS may_checkpoint,
      pg_catalog.pg_is_in_recovery() AS is_standby, pg_catalog.pg_backend_pid() AS process_id,
      pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
      CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
           THEN pg_catalog.pg_database_size(d.oid)::text END AS size_bytes
    FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
    WHERE d.datname = current_database() AND r.rolname = current_user`)
  return {
    role: row?.role ?? '',
    isSuperuser: row?.is_superuser ?? false,
    mayCreateDatabases: row?.may_create_databases ?? false,
    mayCreateSchemas: row?.may_create_schemas ?? false,
    mayCheckpoint: row?.may_checkpoint ?? false,
    isStandby: row?.is_standby ?? false,
    isPooled: row?.process_id !== session.processId,
    encoding: row?.encoding ?? '',
    sizeBytes: Number(row?.size_bytes ?? 0),
  }
}

async function readSettings(session: Session) {
  const rows = await session.query<{ name: string; setting: string; source: string }>(`
    SELECT name, setting, source FROM pg_catalog.pg_settings
     WHERE name IN ('max_locks_per_transaction', 'max_connections', 'max_prepared_transactions',
       'summarize_wal', 'statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
       'default_transaction_read_only')
     ORDER BY name`)
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]))
  const numberOf = (name: string) => Number(settings.get(name) ?? 0)
  const maxLocksPerTransaction = numberOf('max_locks_per_transaction')
  const summarizes = settings.get('summarize_wal')
  return {
    maxLocksPerTransaction,
    // Manual, "Lock Management": the table has room for this many objects, of all sessions together.
    lockCapacity:
      maxLocksPerTransaction *
      (numberOf('max_connections') + numberOf('max_prepared_transactions')),
    summarizesWal: summarizes === undefined ? null : summarizes === 'on',
    timeouts: rows
      .filter(
        ({ name, setting }) => /timeout$|read_only$/.test(name) && !['0', 'off'].includes(setting),
      )
      .map(({ name, setting }) => `${name} = ${setting}${name.endsWith('timeout') ? ' ms' : ''}`),
  }
}

/** Schemas of users: neither the system's nor those of temporary tables. */
const IN_USER_SCHEMA = `n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`
const IS_OF_EXTENSION = `EXISTS (SELECT FROM pg_catalog.pg_depend d
  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

async function readTables(session: Session): Promise<TableFacts[]> {
  const rows = await session.query<{
    name: string
    namespace: string
    is_readable: boolean
    is_owned: boolean
    hides_rows: boolean
    has_key: boolean
    is_unlogged: boolean
    is_foreign: boolean
    size_bytes: string
  }>(`
    SELECT n.nspname || '.' || c.relname AS name, n.nspname AS namespace,
      pg_catalog.has_table_privilege(c.oid, 'SELECT')
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS is_readable,
      pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_owned,
      pg_catalog.row_security_active(c.oid) AS hides_rows,
      c.relkind <> 'r' OR EXISTS (
        SELECT FROM pg_catalog.pg_index i
         WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
           AND (i.indisprimary OR NOT EXISTS (
             SELECT FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]) AND NOT a.attnotnull))
      ) AS has_key,
      c.relpersistence = 'u' AS is_unlogged, c.relkind = 'f' AS is_foreign,
      (((greatest(c.relpages, 0) + greatest(coalesce(t.relpages, 0), 0))::bigint
        * current_setting('block_size')::bigint))::text AS size_bytes
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND ${IN_USER_SCHEMA} AND NOT ${IS_OF_EXTENSION}
    ORDER BY 1`)
  return rows.map((row) => ({
    name: row.name,
    namespace: row.namespace,
    isReadable: row.is_readable,
    isOwned: row.is_owned,
    hidesRows: row.hides_rows,
    hasKey: row.has_key,
    isUnlogged: row.is_unlogged,
    isForeign: row.is_foreign,
    estimatedSizeBytes: Number(row.size_bytes),
  }))
}

/** Conditions run in any order, and asking for the privileges of what is no sequence fails: hence CASE. */
async function readRest(session: Session) {
  const [row] = await session.query<{
    unreadable_sequences: ServerFacts['unreadableSequences']
    large_object_count: number
    unreadable_large_object_count: number
    extensions: string[]
    extension_tables: string[]
    lockable_count: number
  }>(`
    SELECT
      (SELECT coalesce(json_agg(json_build_object('namespace', n.nspname, 'name', n.nspname || '.' || c.relname)
                ORDER BY n.nspname, c.relname), '[]')
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${IN_USER_SCHEMA} AND NOT ${IS_OF_EXTENSION}
          AND CASE WHEN c.relkind = 'S' THEN NOT (pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')) ELSE false END
      ) AS unreadable_sequences,
      (SELECT count(*)::int FROM pg_catalog.pg_largeobject_metadata) AS large_object_count,
      (SELECT count(*)::int FROM pg_catalog.pg_largeobject_metadata m
        WHERE NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
          AND current_setting('lo_compat_privileges') = 'off'
          AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) AS granted
            WHERE granted.privilege_type = 'SELECT'
              AND (granted.grantee = 0 OR pg_catalog.pg_has_role(granted.grantee, 'USAGE')))
      ) AS unreadable_large_object_count,
      (SELECT coalesce(json_agg(extname ORDER BY extname), '[]') FROM pg_catalog.pg_extension) AS extensions,
      (SELECT coalesce(json_agg(n.nspname || '.' || c.relname ORDER BY 1), '[]')
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.reltuples > 0 AND ${IN_USER_SCHEMA} AND ${IS_OF_EXTENSION}
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig))
      ) AS extension_tables,
      (SELECT count(*)::int FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relpersistence <> 't' AND (${IN_USER_SCHEMA} OR c.oid IN (
          SELECT unnest(ARRAY[u.reltoastrelid, i.indexrelid]) FROM pg_catalog.pg_class u
            JOIN pg_catalog.pg_namespace un ON un.oid = u.relnamespace
            LEFT JOIN pg_catalog.pg_index i ON i.indrelid = u.reltoastrelid
           WHERE u.reltoastrelid <> 0 AND ${IN_USER_SCHEMA.replaceAll('n.', 'un.')}))) AS lockable_count`)
  return {
    unreadableSequences: row?.unreadable_sequences ?? [],
    largeObjectCount: row?.large_object_count ?? 0,
    unreadableLargeObjectCount: row?.unreadable_large_object_count ?? 0,
    extensions: row?.extensions ?? [],
    uncapturedExtensionTables: row?.extension_tables ?? [],
    lockableCount: row?.lockable_count ?? 0,
  }
}
