import { LARGE_OBJECT_PAGE_BYTES } from '../capture/capture-large-objects.ts'
import { decodeJsonLines } from '../format/json-lines.ts'
import { checkLargeObjectEntry } from '../format/stream-entries.ts'
import type { LargeObjectEntry, Tree } from '../format/values.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { runStatements, type Statement } from './statement.ts'

export interface LargeObjectOptions {
  withOwners: boolean
  withPrivileges: boolean
}

/** Removes every large object; inside the caller's transaction. */
export async function dropLargeObjects(session: Session): Promise<void> {
  await session.execute('SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata')
}

/**
 * Creates a tree's large objects with their OIDs, contents, owners, privileges and comments.
 *
 * Pages arrive through a temporary table, because `lo_put` is a function and
 * COPY cannot call one.
 */
export async function loadLargeObjects(
  session: Session,
  objects: StreamReader,
  { metadata, pages }: Tree['largeObjects'],
  options: LargeObjectOptions,
): Promise<void> {
  if (metadata.rowCount === 0) return
  const entries: LargeObjectEntry[] = []
  for await (const entry of decodeJsonLines(readRows(objects, metadata), checkLargeObjectEntry)) {
    entries.push(entry)
  }

  await session.execute(`
    CREATE TEMPORARY TABLE snap_large_object_pages (oid oid, number bigint, data bytea) ON COMMIT DROP`)
  await session.copyIn('COPY pg_temp.snap_large_object_pages FROM STDIN', readRows(objects, pages))
  await runStatements(
    session,
    entries.map(({ oid }) => ({
      subject: `LARGE OBJECT ${oid}`,
      sql: `SELECT pg_catalog.lo_create(${oid})`,
    })),
  )
  await session.execute(`
    SELECT count(pg_catalog.lo_put(oid, number * ${LARGE_OBJECT_PAGE_BYTES}, data))
      FROM (SELECT * FROM pg_temp.snap_large_object_pages ORDER BY oid, number) AS pages;
    DROP TABLE pg_temp.snap_large_object_pages`)

  for (const entry of entries) {
    await runStatements(session, await describeAccess(session, entry, options))
  }
}

async function describeAccess(
  session: Session,
  { oid, owner, acl, comment }: LargeObjectEntry,
  { withOwners, withPrivileges }: LargeObjectOptions,
): Promise<Statement[]> {
  const object = `LARGE OBJECT ${oid}`
  const statements: Statement[] = []
  if (withOwners) {
    statements.push({ subject: object, sql: `ALTER ${object} OWNER TO ${quoteIdentifier(owner)}` })
  }
  if (comment !== null) {
    statements.push({ subject: object, sql: `COMMENT ON ${object} IS ${quoteLiteral(comment)}` })
  }
  if (acl === null || !withPrivileges) return statements

  // A stored list replaces the default one (everything to the owner), so that goes first.
  statements.push({
    subject: object,
    sql: `REVOKE ALL ON ${object} FROM ${quoteIdentifier(owner)}`,
  })
  // An empty array has no dimension, which aclexplode refuses.
  if (acl === '{}') return statements
  const grants = await session.query<{
    grantor: string
    grantee: string | null
    privilege: string
    is_grantable: boolean
  }>(
    `SELECT grantor::regrole::text AS grantor, nullif(grantee, 0)::regrole::text AS grantee,
            privilege_type AS privilege, is_grantable
       FROM pg_catalog.aclexplode(${quoteLiteral(acl)}::aclitem[]) WITH ORDINALITY AS a ORDER BY a.ordinality`,
  )
  for (const { grantor, grantee, privilege, is_grantable } of grants) {
    const option = is_grantable ? ' WITH GRANT OPTION' : ''
    const grant = `GRANT ${privilege} ON ${object} TO ${grantee ?? 'PUBLIC'}${option}`
    const isByOwner = grantor === quoteIdentifier(owner) || grantor === owner
    statements.push({
      subject: object,
      sql: isByOwner ? grant : `SET LOCAL ROLE ${grantor};\n${grant};\nRESET ROLE`,
    })
  }
  return statements
}
