import type { CatalogFact, SchemaEntry } from '../format/values.ts'
import type { Session } from '../postgres/session.ts'
import type { ColumnDependent } from './plan-surgery.ts'

/**
 * Asks the catalog which live entries depend on single columns of tables.
 *
 * pg_dump's own dependencies name whole tables only.
 */
export async function readColumnDependents(
  session: Session,
  entries: readonly SchemaEntry[],
  facts: readonly CatalogFact[],
): Promise<ColumnDependent[]> {
  const positions = new Map(facts.map(({ entry, classOid, oid }) => [`${classOid} ${oid}`, entry]))
  const rows = await session.query<{
    class_oid: string
    table_oid: string
    column: string
    dependent_class: string
    dependent_oid: string
  }>(`
    SELECT DISTINCT 'pg_catalog.pg_class'::regclass::oid::text AS class_oid, d.refobjid::text AS table_oid,
      a.attname AS "column",
      -- A view depends through its rule, and is dumped as a view.
      CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::regclass END::oid::text AS dependent_class,
      coalesce(r.ev_class, d.objid)::text AS dependent_oid
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    LEFT JOIN pg_catalog.pg_rewrite r
      ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid AND r.rulename = '_RETURN'
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.refobjid >= 16384`)
  return rows.flatMap((row) => {
    const table = positions.get(`${row.class_oid} ${row.table_oid}`)
    const dependent = positions.get(`${row.dependent_class} ${row.dependent_oid}`)
    const isKnown = table !== undefined && dependent !== undefined
    if (!isKnown || entries[table]!.kind !== 'TABLE') return []
    return [{ table, columnName: row.column, dependent }]
  })
}
