/**
 * Foreign keys among tables that were loaded without any.
 *
 * A key into a table that no file is for cannot be checked: its rows of that time
 * are not known.
 */
import { quoteIdentifier } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'

export interface ForeignKey {
  name: string
  /** As SQL writes it. */
  table: string
  referencedTable: string
  columns: string[]
  referencedColumns: string[]
  /** `schema.operator` for each pair of columns. */
  operators: string[]
  /** False where something else than equal values is asked for. */
  isPlain: boolean
}

/** Lists the foreign keys that stand on these tables, those that are not valid or not enforced excepted. */
export async function listForeignKeys(
  session: Session,
  tableOids: readonly number[],
): Promise<(ForeignKey & { isReferencedIn: boolean })[]> {
  const isPlain = session.serverMajor >= 18 ? 'NOT c.conperiod AND c.conenforced' : 'true'
  return session.query(
    `SELECT c.conname AS name, c.conrelid::regclass::text AS "table",
            c.confrelid::regclass::text AS "referencedTable",
            (SELECT json_agg(a.attname ORDER BY k.position)
               FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
            (SELECT json_agg(a.attname ORDER BY k.position)
               FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, position)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS "referencedColumns",
            (SELECT json_agg(format('%I.%s', n.nspname, o.oprname) ORDER BY k.position)
               FROM unnest(c.conpfeqop) WITH ORDINALITY AS k(oid, position)
               JOIN pg_catalog.pg_operator o ON o.oid = k.oid
               JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace) AS operators,
            ${isPlain} AS "isPlain", c.confrelid = ANY ($1::oid[]) AS "isReferencedIn"
       FROM pg_catalog.pg_constraint c
      WHERE c.contype = 'f' AND c.convalidated AND c.conrelid = ANY ($1::oid[])
      ORDER BY c.conrelid, c.conname`,
    [`{${tableOids.join(',')}}`],
  )
}

export interface Orphan {
  /** `7`, or `7, 8` of a key of two columns. */
  value: string
  /** The whole row, each value as text. */
  record: Record<string, string | null>
}

/** Reads rows that refer to none, however many; the session is in a transaction meanwhile. */
export async function* readOrphans(
  session: Session,
  key: ForeignKey,
): AsyncGenerator<Orphan, void, undefined> {
  await session.execute(
    `BEGIN; DECLARE snap_orphans NO SCROLL CURSOR FOR
     SELECT (SELECT json_object_agg(key, value) FROM jsonb_each_text(to_jsonb(child))) AS record
       FROM ${key.table} AS child WHERE ${isOrphan(key)}`,
  )
  for (;;) {
    const rows = await session.query<{ record: Record<string, string | null> }>(
      `FETCH ${PAGE_ROWS} FROM snap_orphans`,
    )
    for (const { record } of rows) {
      yield { value: key.columns.map((name) => record[name]).join(', '), record }
    }
    if (rows.length < PAGE_ROWS) break
  }
  await session.execute('COMMIT')
}

const PAGE_ROWS = 1_000

export async function deleteOrphans(session: Session, key: ForeignKey): Promise<void> {
  await session.execute(`DELETE FROM ${key.table} AS child WHERE ${isOrphan(key)}`)
}

function isOrphan({ columns, referencedTable, referencedColumns, operators }: ForeignKey): string {
  const pairs = columns.map((name, position) => {
    const referenced = `parent.${quoteIdentifier(referencedColumns[position]!)}`
    return `${referenced} OPERATOR(${operators[position]}) child.${quoteIdentifier(name)}`
  })
  const isSet = columns.map((name) => `child.${quoteIdentifier(name)} IS NOT NULL`)
  return `${isSet.join(' AND ')} AND NOT EXISTS (SELECT FROM ${referencedTable} AS parent WHERE ${pairs.join(' AND ')})`
}
