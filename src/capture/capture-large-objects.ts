import type { LargeObjectEntry } from '../format/values.ts'
import type { Session } from '../postgres/session.ts'

/** 16 of the server's own 2 KiB pages: large enough to stream, small enough to share between commits. */
export const LARGE_OBJECT_PAGE_BYTES = 32 * 1024

/** Reads owner, privileges and comment of every large object, by OID. */
export async function readLargeObjectEntries(session: Session): Promise<LargeObjectEntry[]> {
  const rows = await session.query<{
    oid: string
    owner: string
    acl: string | null
    comment: string | null
  }>(`
    SELECT m.oid::text AS oid, pg_catalog.pg_get_userbyid(m.lomowner) AS owner, m.lomacl::text AS acl,
           pg_catalog.obj_description(m.oid, 'pg_largeobject') AS comment
      FROM pg_catalog.pg_largeobject_metadata m ORDER BY m.oid`)
  return rows.map(({ oid, owner, acl, comment }) => ({ oid: Number(oid), owner, acl, comment }))
}

/**
 * Streams every large object as COPY text: OID, page number, page.
 *
 * `pg_largeobject` itself can be read by superusers only, and no SQL function
 * tells a large object's size, so each is read page by page until one comes
 * back short. Holes read as zeros, as they do for every reader.
 */
export const COPY_LARGE_OBJECT_PAGES = `COPY (
  SELECT m.oid, page.number, page.data
  FROM (SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid) AS m
  CROSS JOIN LATERAL (
    WITH RECURSIVE pages(number, data) AS (
      SELECT 0::bigint, pg_catalog.lo_get(m.oid, 0, ${LARGE_OBJECT_PAGE_BYTES})
      UNION ALL
      SELECT number + 1, pg_catalog.lo_get(m.oid, (number + 1) * ${LARGE_OBJECT_PAGE_BYTES}, ${LARGE_OBJECT_PAGE_BYTES})
        FROM pages WHERE pg_catalog.length(data) = ${LARGE_OBJECT_PAGE_BYTES}
    ) SELECT number, data FROM pages WHERE pg_catalog.length(data) > 0
  ) AS page
) TO STDOUT`
