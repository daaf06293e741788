import { SnapError } from '../errors.ts'
import { quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'

/** A table to load into, as the catalog has it. */
export interface TargetTable {
  namespace: string
  name: string
  columns: TargetColumn[]
  /** Columns of the primary key, first, and of every other unique constraint or index that is one for all rows. */
  keys: string[][]
}

export interface TargetColumn {
  name: string
  /** For a cast: without a length, which a cast would cut to, where an insertion refuses. */
  castType: string
  isArray: boolean
  isGenerated: boolean
  /** An insertion that leaves it out fails. */
  isRequired: boolean
}

/**
 * Reads what a name means, by the rules of SQL and the session's search path.
 *
 * @throws PATTERN_UNMATCHED  there is no such table
 * @throws USAGE              it is a view, or the name cannot be read
 */
export async function readTargetTable(session: Session, name: string): Promise<TargetTable> {
  const [found] = await session.query<{
    oid: string
    namespace: string
    name: string
    kind: string
  }>(
    `SELECT c.oid::text AS oid, n.nspname AS namespace, c.relname AS name, c.relkind::text AS kind
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = to_regclass(${quoteLiteral(name)})`,
  )
  if (found === undefined) {
    throw new SnapError(
      'PATTERN_UNMATCHED',
      `there is no table '${name}'`,
      { patterns: [name], candidates: [] },
      { hint: 'write it as in SQL: schema.table, in quotes where it has capitals' },
    )
  }
  if (found.kind !== 'r' && found.kind !== 'p') {
    throw new SnapError('USAGE', `cannot load into '${name}': it is no table`, {
      argument: '--table',
    })
  }
  const columns = await session.query<TargetColumn>(
    `SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, -1) AS "castType",
            t.typcategory = 'A' AS "isArray", a.attgenerated <> '' AS "isGenerated",
            a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS "isRequired"
       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [found.oid],
  )
  const keys = await session.query<{ columns: string[] }>(
    `SELECT (SELECT json_agg(a.attname ORDER BY k.position)
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
              WHERE k.position <= i.indnkeyatts) AS columns
       FROM pg_catalog.pg_index i
      WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL
      ORDER BY i.indisprimary DESC, i.indexrelid`,
    [found.oid],
  )
  const { namespace } = found
  return { namespace, name: found.name, columns, keys: keys.map((key) => key.columns) }
}
