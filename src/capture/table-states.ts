/**
 * What the text of a table's rows depends on besides the contents of its files: which files these
 * are, and what the catalog says of columns and types.
 */
import type { TableState } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'

export interface TableStorage extends TableState {
  /** File number of the heap. */
  fileNode: number
}

/**
 * To be raised whenever a table's rows are put into chunks otherwise than before: other pinned
 * settings, another COPY, another cut. What was read in another form is then read again.
 */
const CAPTURE_FORM = 1

/**
 * Reads the states of all tables whose later changes the log tells, by qualified name.
 *
 * Left out, and so always read: tables that are not logged, of another access method than heap, with
 * rows that row security hides, and with columns whose text is more than what the row holds (`regclass`
 * and its like, `aclitem`, types of others whose output function is not immutable). What the text of
 * a value takes from the catalog is in the state: labels of enums, columns of composite types, values
 * of columns that were added without rewriting the table. Rows of `pg_type`, `pg_enum`, `pg_attribute`
 * and `pg_proc` are in it with the transaction that wrote them, because types may change under a
 * reader's hands and back again: no lock on a table keeps others from altering its types.
 */
export async function readTableStates(session: Session): Promise<Map<string, TableStorage>> {
  const rows = await session.query<{
    namespace: string
    name: string
    state_id: string
    file_node: string
  }>(`
    WITH RECURSIVE part(whole, type) AS (
      SELECT oid, typelem FROM pg_catalog.pg_type WHERE typelem <> 0
      UNION ALL SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typbasetype <> 0
      UNION ALL SELECT rngtypid, rngsubtype FROM pg_catalog.pg_range
      UNION ALL SELECT rngmultitypid, rngtypid FROM pg_catalog.pg_range
      UNION ALL SELECT c.reltype, a.atttypid
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       WHERE a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
    ), used(type) AS (
      SELECT DISTINCT a.atttypid
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       WHERE c.relkind = 'r' AND c.oid >= ${FIRST_ORDINARY_OID} AND a.attnum > 0 AND NOT a.attisdropped
    ), reached(root, type) AS (
      SELECT type, type FROM used
      UNION SELECT r.root, p.type FROM reached r JOIN part p ON p.whole = r.type
    ), described AS (
      SELECT r.root,
        bool_and(CASE
          WHEN t.typtype NOT IN ('b', 'c', 'd', 'e', 'r', 'm') THEN false
          WHEN t.typtype <> 'b' OR t.typelem <> 0 AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc THEN true
          WHEN t.oid < ${FIRST_ORDINARY_OID} THEN t.typname !~ '^(reg|aclitem)'
          ELSE o.provolatile = 'i' END) AS is_plain,
        string_agg(concat_ws(' ', t.oid, t.typtype, t.xmin, o.oid, o.xmin,
          (SELECT string_agg(concat_ws(' ', e.oid, e.xmin, pg_catalog.quote_literal(e.enumlabel)), ',' ORDER BY e.oid)
             FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid),
          (SELECT string_agg(concat_ws(' ', a.attnum, a.xmin, a.atttypid, a.atttypmod, a.attisdropped), ',' ORDER BY a.attnum)
             FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0)
        ), ';' ORDER BY t.oid) AS text
        FROM reached r
        JOIN pg_catalog.pg_type t ON t.oid = r.type
        JOIN pg_catalog.pg_proc o ON o.oid = t.typoutput
       GROUP BY r.root
    )
    SELECT n.nspname AS namespace, c.relname AS name,
      c.relfilenode::text AS file_node,
      pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(concat_ws(E'\\n',
        ${CAPTURE_FORM}, (SELECT concat_ws(' ', oid, xmin) FROM pg_catalog.pg_database WHERE datname = current_database()),
        concat_ws(' ', c.oid, c.relfilenode, c.reltablespace, toast.oid, toast.relfilenode, toast.reltablespace),
        columns.text), 'UTF8')), 'hex') AS state_id
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_am am ON am.oid = c.relam
      LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
      CROSS JOIN LATERAL (
        SELECT coalesce(bool_and(a.attisdropped OR described.is_plain), true) AS are_plain,
          string_agg(concat_ws(' ', a.attnum, a.attisdropped, a.attgenerated, a.atttypid, a.atttypmod, a.atthasmissing,
            pg_catalog.quote_nullable(a.attmissingval::text), described.text), E'\\n' ORDER BY a.attnum) AS text
          FROM pg_catalog.pg_attribute a
          LEFT JOIN described ON described.root = a.atttypid AND NOT a.attisdropped
         WHERE a.attrelid = c.oid AND a.attnum > 0
      ) AS columns
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relfilenode <> 0 AND c.oid >= ${FIRST_ORDINARY_OID}
       AND am.amhandler = 'pg_catalog.heap_tableam_handler'::regproc
       AND columns.are_plain AND NOT pg_catalog.row_security_active(c.oid)`)
  return new Map(
    rows.map(({ namespace, name, state_id, file_node }) => [
      qualifiedName({ namespace, name }),
      { namespace, name, stateId: state_id, fileNode: Number(file_node) },
    ]),
  )
}

/** What initdb makes has lower ones (manual, "System Catalog Initial Data", OID assignment). */
const FIRST_ORDINARY_OID = 16384
