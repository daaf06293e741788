import type { ManifestRef, TableEntry } from '../format/values.ts'
import { qualifiedName } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { rowSource } from './copy-out-statement.ts'

/**
 * Returns those of the tables that provably hold the rows that were read of them at a
 * moment, by qualified name, with these rows. A table is only looked through, which costs
 * a tenth of reading it.
 *
 * The proof: a row version that is visible now and was written by a transaction that was
 * over at that moment was visible then, for whoever could have deleted it since would have
 * deleted it by now. So if all row versions are such, there are no rows but those of then,
 * and if they are as many, they are the same. What was running at that moment, and every
 * subtransaction of it, has an id from `pg_snapshot_xmin` on (PostgreSQL manual, "System
 * Columns" and "Transaction ID and Snapshot Information Functions").
 *
 * That is about row versions. The caller makes sure that the definitions of tables and
 * types are as they were; columns whose text is looked up in the catalog (`regclass`,
 * `aclitem`) are not taken for unchanged.
 *
 * @param transactions  the text of `pg_current_snapshot()` at that moment; less than 2^31 transactions ago
 */
export async function findUnchangedRows(
  session: Session,
  transactions: string,
  tables: readonly TableEntry[],
): Promise<Map<string, ManifestRef>> {
  const unchanged = new Map<string, ManifestRef>()
  const suited = await listSuitedTables(session)
  const oldestRunning = `'${transactions.split(':')[0]}'::pg_catalog.xid8::pg_catalog.xid`
  for (const table of tables) {
    const name = qualifiedName(table)
    if (table.rows === null || !suited.has(name)) continue
    const [found] = await session.query<{ count: string; is_older: boolean }>(`
      SELECT count(*)::text AS count,
             coalesce(bool_and(pg_catalog.age(xmin) > pg_catalog.age(${oldestRunning})), true) AS is_older
        FROM ${rowSource(table)}`)
    if (found?.is_older === true && found.count === String(table.rows.rowCount)) {
      unchanged.set(name, table.rows)
    }
  }
  return unchanged
}

/** Tables of the access method that has `xmin`, without columns that print what the catalog calls something. */
async function listSuitedTables(session: Session): Promise<Set<string>> {
  const rows = await session.query<{ namespace: string; name: string }>(`
    WITH RECURSIVE naming(oid) AS (
      SELECT oid FROM pg_catalog.pg_type
       WHERE typnamespace = 'pg_catalog'::regnamespace AND typname ~ '^(reg|aclitem)'
      UNION
      SELECT made.whole FROM naming JOIN (
        SELECT typelem AS part, oid AS whole FROM pg_catalog.pg_type
        UNION ALL SELECT typbasetype, oid FROM pg_catalog.pg_type
        UNION ALL SELECT rngsubtype, rngtypid FROM pg_catalog.pg_range
        UNION ALL SELECT rngsubtype, rngmultitypid FROM pg_catalog.pg_range
        UNION ALL SELECT a.atttypid, c.reltype
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
         WHERE a.attnum > 0
      ) AS made ON made.part = naming.oid AND made.whole <> 0
    )
    SELECT n.nspname AS namespace, c.relname AS name
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_am am ON am.oid = c.relam
     WHERE c.relkind = 'r' AND am.amhandler = 'pg_catalog.heap_tableam_handler'::regproc
       AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0
            AND a.atttypid IN (SELECT oid FROM naming))`)
  return new Set(rows.map(qualifiedName))
}
