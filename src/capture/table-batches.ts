/**
 * Tables that are read with one statement, so that many small ones do not cost a round trip each.
 *
 * The rule that must not be broken: a batch holds little of what is left. So connections that take
 * batches from one queue end at about the same time, and which tables share a batch is of no
 * consequence but time.
 */
import type { Session } from '../postgres/session.ts'
import type { Relation } from './list-relations.ts'

/** A table, and what it costs to read it. */
export interface SizedTable {
  table: Relation
  /** Of its heap and what is stored out of line, about. */
  sizeBytes: number
}

/** What a statement costs besides its rows, in bytes that could be read meanwhile. */
const STATEMENT_BYTES = 1 << 14

/** Past it a round trip is of no weight any more: about 60 tables of a page. */
const MAX_BATCH_BYTES = 1 << 20

/**
 * Returns tables with their sizes, the largest first.
 *
 * The catalog knows sizes as of the last VACUUM or ANALYZE. Where it knows none, the files are looked
 * at: that takes ten times as long, and a database that was just loaded has nothing else.
 *
 * @param session  holds a lock on each
 */
export async function sizeTables(
  session: Session,
  tables: readonly Relation[],
): Promise<SizedTable[]> {
  const size = (relation: string) => `CASE WHEN ${relation}.reltuples < 0
    THEN pg_catalog.pg_relation_size(${relation}.oid)
    ELSE ${relation}.relpages * current_setting('block_size')::bigint END`
  const rows = await session.query<{ oid: string; size_bytes: string }>(
    `SELECT c.oid::text AS oid, (coalesce(${size('c')}, 0) + coalesce(${size('toast')}, 0))::text AS size_bytes
       FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
      WHERE c.oid = ANY ($1::oid[])`,
    [tables.map(({ oid }) => oid)],
  )
  const sizes = new Map(rows.map(({ oid, size_bytes }) => [Number(oid), Number(size_bytes)]))
  return tables
    .map((table) => ({ table, sizeBytes: sizes.get(table.oid) ?? 0 }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
}

/** Hands out batches of tables to those who read them. */
export class TableQueue {
  readonly #tables: SizedTable[]
  readonly #readerCount: number
  #position = 0
  #leftBytes: number

  /** @param tables  the largest first, so that no reader ends alone with the largest */
  constructor(tables: readonly SizedTable[], readerCount: number) {
    this.#tables = [...tables]
    this.#readerCount = readerCount
    this.#leftBytes = tables.reduce((sum, table) => sum + costBytes(table), 0)
  }

  /** Takes the next tables; none when all are taken. */
  take(): Relation[] {
    // Half of a fair share of what is left: whoever got more than the others has taken the last but few.
    const limitBytes = Math.min(MAX_BATCH_BYTES, this.#leftBytes / (2 * this.#readerCount))
    const batch: Relation[] = []
    let batchBytes = 0
    for (let next = this.#tables[this.#position]; next !== undefined; ) {
      const cost = costBytes(next)
      if (batch.length > 0 && batchBytes + cost > limitBytes) break
      batch.push(next.table)
      batchBytes += cost
      next = this.#tables[++this.#position]
    }
    this.#leftBytes -= batchBytes
    return batch
  }

  /** Hands out nothing more. */
  stop(): void {
    this.#position = this.#tables.length
  }
}

function costBytes({ sizeBytes }: SizedTable): number {
  return sizeBytes + STATEMENT_BYTES
}
