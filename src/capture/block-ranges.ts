/**
 * A table's blocks, cut into ranges that are read by a statement each: so that several connections can
 * read one table, and so that what one range gave can later be told from what the others did.
 *
 * A scan of a range gives the rows that a scan of the whole table gives there, in the same order. So
 * ranges read one after the other give the bytes of the whole, wherever they are cut.
 */
import { InvariantError } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import type { Relation } from './list-relations.ts'

/** Consecutive blocks of a heap. */
export interface BlockRange {
  fromBlock: number
  /** Exclusive; null where everything that follows belongs to it. */
  toBlock: number | null
}

/**
 * 4 MiB of heap. A statement costs half a millisecond, of the fifteen or more that it takes to read
 * as much; smaller ranges need less memory to be read ahead, and less is read where one row changes.
 */
export const RANGE_BLOCKS = 512

/** A smaller table is read by one statement. */
const MIN_RANGES = 4

/**
 * What sessions that read ranges have to be set to, within their transaction: else the planner may
 * read all blocks for a range, or let several processes read them in whichever order.
 */
export const RANGE_SCAN_SETTINGS = `
  SET LOCAL enable_tidscan = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off;
  SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off;
  SET LOCAL max_parallel_workers_per_gather = 0`

/** Cuts a table of so many blocks into ranges, ascending and without a gap; the last has no end. */
export function cutIntoRanges(blockCount: number): BlockRange[] {
  const rangeCount = Math.max(1, Math.ceil(blockCount / RANGE_BLOCKS))
  return Array.from({ length: rangeCount }, (_, position) => ({
    fromBlock: position * RANGE_BLOCKS,
    toBlock: position === rangeCount - 1 ? null : (position + 1) * RANGE_BLOCKS,
  }))
}

/**
 * Returns the ranges of those tables that are worth more than one statement.
 *
 * Left out besides small ones: tables of other access methods than heap, whose blocks may be no places
 * of rows; tables that this role may read by columns alone, since a place is not among these; and
 * those of which an extension has only some rows dumped.
 *
 * @param session  holds locks on the tables, so that nobody cuts them off
 */
export async function readBlockRanges(
  session: Session,
  tables: readonly Relation[],
): Promise<Map<Relation, BlockRange[]>> {
  const candidates = new Map(
    tables.filter(({ extension }) => extension === null).map((table) => [table.oid, table]),
  )
  if (candidates.size === 0) return new Map()
  const rows = await session.query<{ oid: string; block_count: string }>(
    `SELECT sized.oid::text AS oid, sized.block_count::text AS block_count
       FROM (SELECT c.oid, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::bigint AS block_count
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am am ON am.oid = c.relam
              WHERE c.oid = ANY ($1::oid[]) AND am.amhandler = 'pg_catalog.heap_tableam_handler'::regproc
                AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) AS sized
      WHERE sized.block_count > $2`,
    [[...candidates.keys()], (MIN_RANGES - 1) * RANGE_BLOCKS],
  )
  return new Map(
    rows.map(({ oid, block_count }) => [
      candidates.get(Number(oid))!,
      cutIntoRanges(Number(block_count)),
    ]),
  )
}

/** The condition that chooses a range's rows, for a WHERE clause. */
export function rangeCondition({ fromBlock, toBlock }: BlockRange): string {
  if (toBlock !== null && toBlock <= fromBlock) {
    throw new InvariantError(`blocks ${fromBlock} to ${toBlock} are no range`)
  }
  const from = `ctid >= '(${fromBlock},0)'`
  return toBlock === null ? from : `${from} AND ctid < '(${toBlock},0)'`
}
