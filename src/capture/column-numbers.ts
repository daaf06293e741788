import type { CatalogFact, SchemaEntry } from '../format/values.ts'
import type { Session } from '../postgres/session.ts'

const HAS_COLUMNS = new Set(['TABLE', 'FOREIGN TABLE', 'MATERIALIZED VIEW', 'TYPE'])

/**
 * Returns the facts with the columns of tables, materialized views and composite types.
 *
 * A column keeps its number when it is renamed, and pg_dump does not tell it.
 */
export async function withColumnNumbers(
  session: Session,
  entries: readonly SchemaEntry[],
  facts: readonly CatalogFact[],
): Promise<CatalogFact[]> {
  const wanted = facts.filter(({ entry }) => HAS_COLUMNS.has(entries[entry]!.kind))
  if (wanted.length === 0) return [...facts]
  const rows = await session.query<{ key: string; columns: Array<string | null> }>(
    `WITH wanted AS (
       SELECT class_oid, oid FROM unnest($1::oid[], $2::oid[]) AS wanted(class_oid, oid)
     )
     SELECT class_oid || ' ' || wanted.oid AS key,
       json_agg(CASE WHEN attisdropped THEN NULL ELSE attname END ORDER BY attnum) AS columns
       FROM wanted
       LEFT JOIN pg_catalog.pg_type AS type
         ON class_oid = 'pg_catalog.pg_type'::regclass AND type.oid = wanted.oid
       JOIN pg_catalog.pg_attribute ON attnum > 0 AND attrelid = coalesce(type.typrelid, wanted.oid)
      GROUP BY class_oid, wanted.oid`,
    [wanted.map(({ classOid }) => classOid), wanted.map(({ oid }) => oid)],
  )
  const columns = new Map(rows.map((row) => [row.key, row.columns]))
  return facts.map((fact) => {
    const found = columns.get(`${fact.classOid} ${fact.oid}`)
    return found === undefined ? fact : { ...fact, columns: found }
  })
}
