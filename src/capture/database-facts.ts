import type { Commit } from '../format/values.ts'
import type { Session } from '../postgres/session.ts'

/** Reads what a commit records about the database and its server. */
export async function readDatabaseFacts(session: Session): Promise<Commit['database']> {
  const [row] = await session.query<{
    name: string
    oid: string
    server_version: string
    encoding: string
    collate: string
    ctype: string
    snapshot_at: string
  }>(`
    SELECT d.datname AS name, d.oid::text AS oid, current_setting('server_version') AS server_version,
      pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
      to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS snapshot_at
    FROM pg_catalog.pg_database d WHERE d.datname = current_database()`)
  if (row === undefined) throw new TypeError('current_database() is not in pg_database')
  return {
    name: row.name,
    oid: Number(row.oid),
    systemIdentifier: await readSystemIdentifier(session),
    serverVersion: row.server_version,
    serverVersionNumber: session.serverVersionNumber,
    encoding: row.encoding,
    collate: row.collate,
    ctype: row.ctype,
    lsn: await readLsn(session),
    snapshotAt: row.snapshot_at,
  }
}

/** Returns the cluster's identifier, or null where the role may not read it (some managed services). */
export async function readSystemIdentifier(session: Session): Promise<string | null> {
  const [row] = await session.query<{ may: boolean }>(
    `SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may`,
  )
  if (!row?.may) return null
  const [system] = await session.query<{ id: string }>(
    'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
  )
  return system?.id ?? null
}

async function readLsn(session: Session): Promise<string | null> {
  const [row] = await session.query<{ may: boolean; is_standby: boolean }>(`
    SELECT has_function_privilege('pg_catalog.pg_current_wal_insert_lsn()', 'EXECUTE') AS may,
           pg_catalog.pg_is_in_recovery() AS is_standby`)
  if (!row?.may) return null
  const source = row.is_standby ? 'pg_last_wal_replay_lsn()' : 'pg_current_wal_insert_lsn()'
  const [wal] = await session.query<{ lsn: string }>(`SELECT pg_catalog.${source}::text AS lsn`)
  return wal?.lsn ?? null
}
