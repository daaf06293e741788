/**
 * What the catalog says of everything that can hold rows or a position.
 *
 * Temporary relations belong to their session and are never listed. Members of
 * extensions are left to `CREATE EXTENSION`, except the configuration tables an
 * extension has registered (PostgreSQL manual, "Extension Configuration Tables").
 */
import type { Session } from '../postgres/session.ts'

export interface Relation {
  oid: number
  namespace: string
  name: string
  kind: 'table' | 'partitionedTable' | 'materializedView' | 'foreignTable' | 'sequence'
  /** In attribute order, without generated and dropped columns. */
  columns: string[]
  /** Of the heap alone, as of the last VACUUM or ANALYZE; only for ordering work and showing progress. */
  estimatedSizeBytes: number
  isPopulated: boolean
  extension: { name: string; condition: string } | null
  /** The table whose column the sequence belongs to (serial, identity); null for others and for what is no sequence. */
  ownedBy: { namespace: string; name: string } | null
}

const KINDS = {
  r: 'table',
  p: 'partitionedTable',
  m: 'materializedView',
  f: 'foreignTable',
  S: 'sequence',
} as const

interface RelationRow {
  oid: string
  namespace: string
  name: string
  relkind: keyof typeof KINDS
  columns: string[]
  estimated_size_bytes: string
  is_populated: boolean
  extension_name: string | null
  extension_condition: string | null
  owner_namespace: string | null
  owner_name: string | null
}

/** Lists relations sorted by namespace and name, in code unit order. */
export async function listRelations(session: Session): Promise<Relation[]> {
  const rows = await session.query<RelationRow>(`
    SELECT c.oid::text AS oid, n.nspname AS namespace, c.relname AS name, c.relkind::text AS relkind,
      (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]')
         FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
      (greatest(c.relpages, 0)::bigint * current_setting('block_size')::bigint)::text AS estimated_size_bytes,
      c.relispopulated AS is_populated,
      config.extname AS extension_name, config.condition AS extension_condition,
      owner.nspname AS owner_namespace, owner.relname AS owner_name
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (
      SELECT e.extname, c.relation, coalesce(c.condition, '') AS condition
        FROM pg_catalog.pg_extension e, unnest(e.extconfig, e.extcondition) AS c(relation, condition)
    ) AS config ON config.relation = c.oid
    LEFT JOIN LATERAL (
      SELECT n.nspname, t.relname
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
        JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
       WHERE c.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
         AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    ) AS owner ON true
    WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S')
      AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND (config.relation IS NOT NULL OR NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
  `)
  return rows.map(toRelation).sort(byNamespaceAndName)
}

function toRelation(row: RelationRow): Relation {
  return {
    oid: Number(row.oid),
    namespace: row.namespace,
    name: row.name,
    kind: KINDS[row.relkind],
    columns: row.columns,
    estimatedSizeBytes: Number(row.estimated_size_bytes),
    isPopulated: row.is_populated,
    extension:
      row.extension_name === null
        ? null
        : { name: row.extension_name, condition: row.extension_condition ?? '' },
    ownedBy:
      row.owner_namespace === null || row.owner_name === null
        ? null
        : { namespace: row.owner_namespace, name: row.owner_name },
  }
}

/** Code unit order, so that no server's collation decides how a tree is written down. */
export function byNamespaceAndName(
  a: { namespace: string; name: string },
  b: { namespace: string; name: string },
): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return 0
}
