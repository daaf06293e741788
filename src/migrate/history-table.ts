/**
 * The table in which `snap migrate` notes what it has applied.
 *
 * It is an ordinary table of the database: a commit holds it, and a checkout
 * brings it back with everything else. `capture/detect-migrations.ts` knows it
 * by its columns.
 */
import { qualifiedName, quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import type { Migration } from './read-migration.ts'

export interface HistoryPlace {
  schema: string
  table: string
}

export interface HistoryEntry {
  /** The name of the file. */
  name: string
  checksum: string
  /** `begun`: of a file without a transaction that did not come to its end. */
  state: 'begun' | 'applied'
  /** Noted without having been run. */
  isFaked: boolean
  appliedAt: Date
}

const nameOf = ({ schema, table }: HistoryPlace) =>
  qualifiedName({ namespace: schema, name: table })

/** Reads the history in the order of application; empty where there is no table yet. */
export async function readHistory(session: Session, place: HistoryPlace): Promise<HistoryEntry[]> {
  if (!(await exists(session, place))) return []
  const rows = await session.query<{
    name: string
    checksum: string
    state: HistoryEntry['state']
    is_faked: boolean
    applied_at: Date
  }>(
    `SELECT name, checksum_sha256 AS checksum, state, is_faked, applied_at FROM ${nameOf(place)} ORDER BY position`,
  )
  return rows.map(({ name, checksum, state, is_faked, applied_at }) => ({
    name,
    checksum,
    state,
    isFaked: is_faked,
    appliedAt: applied_at,
  }))
}

/** Makes the table, and its schema, where they are not there. */
export async function ensureHistory(session: Session, place: HistoryPlace): Promise<void> {
  if (await exists(session, place)) return
  const [row] = await session.query<{ has: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(place.schema)}) AS has`,
  )
  // CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists.
  if (!row!.has) await session.execute(`CREATE SCHEMA ${quoteIdentifier(place.schema)}`)
  await session.execute(`CREATE TABLE ${nameOf(place)} (
    position bigint GENERATED ALWAYS AS IDENTITY,
    name text PRIMARY KEY,
    checksum_sha256 text NOT NULL,
    state text NOT NULL CHECK (state IN ('begun', 'applied')),
    is_faked boolean NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL DEFAULT session_user
  )`)
}

/** Notes a migration, in the place of what was noted of it before. */
export async function writeHistory(
  session: Session,
  place: HistoryPlace,
  {
    name,
    checksum,
    state,
    isFaked,
  }: Pick<Migration, 'name' | 'checksum'> & Pick<HistoryEntry, 'state' | 'isFaked'>,
): Promise<void> {
  await session.query(
    `INSERT INTO ${nameOf(place)} (name, checksum_sha256, state, is_faked) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET checksum_sha256 = excluded.checksum_sha256,
       state = excluded.state, is_faked = excluded.is_faked, applied_at = excluded.applied_at`,
    [name, checksum, state, isFaked],
  )
}

/** Takes what the files are now for what was applied: other checksums are noted, and entries without a file removed. */
export async function acceptHistory(
  session: Session,
  place: HistoryPlace,
  drift: readonly { name: string; found: string | null }[],
): Promise<void> {
  for (const { name, found } of drift) {
    await (found === null
      ? session.query(`DELETE FROM ${nameOf(place)} WHERE name = $1`, [name])
      : session.query(`UPDATE ${nameOf(place)} SET checksum_sha256 = $2 WHERE name = $1`, [
          name,
          found,
        ]))
  }
}

async function exists(session: Session, place: HistoryPlace): Promise<boolean> {
  const [row] = await session.query<{ found: string | null }>(
    `SELECT to_regclass(${quoteLiteral(nameOf(place))})::text AS found`,
  )
  return row!.found !== null
}
