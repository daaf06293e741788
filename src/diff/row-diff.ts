/**
 * Finds the rows in which two states of one table differ.
 *
 * Chunks that both states hold cancel unread. The rows of the others are read
 * once, a little of each side in turn, and compared as text, byte for byte:
 * there is no hash that two different rows could share (`match-rows.ts`).
 */
import { bytesToRow } from '../format/copy-text.ts'
import { type ChunkDiff, diffChunks, listChunkGroups, type RowStream } from './chunk-diff.ts'
import { compareColumns, isSameTextSameRow } from './column-comparison.ts'
import { matchRows, type RowChangeSink } from './match-rows.ts'
import { readRowBatches } from './row-batch.ts'
import { RowComparer } from './row-comparer.ts'

/** The rows of a table at one time, and what their fields are called. */
export interface TableState extends RowStream {
  /** In the order of the fields. */
  columns: readonly string[]
}

/** One row that differs, as row text (`format/copy-text.ts`), in the fields of its own side. */
export type RowChange =
  | { kind: 'deleted'; before: string }
  | { kind: 'inserted'; after: string }
  | {
      kind: 'updated'
      before: string
      after: string
      /** Those of the common columns whose values differ. */
      columns: string[]
    }

export interface RowDiffOptions {
  /** Columns that are unique and not null in both states; without them no row counts as updated. */
  keyColumns?: readonly string[] | undefined
  /** An existing directory for rows that do not fit into memory; nothing stays in it. */
  scratchDirectory: string
  /** What rows that have not met their counterpart may take. Default 64 MiB. */
  memoryBudgetBytes?: number | undefined
  signal?: AbortSignal | undefined
}

const DEFAULT_MEMORY_BUDGET_BYTES = 64 * 1024 * 1024

/**
 * Yields every row that was deleted, inserted or updated, each once.
 *
 * Rows are compared in the columns that both states have, by name; where the
 * sets differ (`compareColumns` says how), a row that changed in no common
 * column counts as unchanged. Updated rows come as their two states meet; what
 * was deleted comes in its order before, then what was inserted in its order
 * after; of large differences, part by part. A row whose key was written in
 * another way (`1.0`, `1.00`) is deleted and inserted. Applying all deletions
 * first is always right.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  a chunk cannot be read
 * @throws FORMAT_UNSUPPORTED              a row has more than 512 MiB of COPY text
 * @throws ABORTED                         the signal was aborted
 */
export async function* diffRows(
  before: TableState,
  after: TableState,
  options: RowDiffOptions,
): AsyncGenerator<RowChange> {
  const comparer = newComparer(before, after, options)
  let found: RowChange[] = []
  const sink: RowChangeSink = {
    deleted: (bytes, start, end) => {
      found.push({ kind: 'deleted', before: bytesToRow(bytes, start, end) })
    },
    inserted: (bytes, start, end) => {
      found.push({ kind: 'inserted', after: bytesToRow(bytes, start, end) })
    },
    updated: (bytes, start, end, bytesAfter, startAfter, endAfter) => {
      found.push({
        kind: 'updated',
        before: bytesToRow(bytes, start, end),
        after: bytesToRow(bytesAfter, startAfter, endAfter),
        columns: comparer.changedColumns(bytes, start, end, bytesAfter, startAfter, endAfter),
      })
    },
  }
  for await (const _ of await match(before, after, { comparer, sink, options })) {
    yield* found
    found = []
  }
  yield* found
}

/** Counts of a table's differing rows; without a key, updated rows count as deleted and inserted. */
export interface RowCounts {
  deleted: number
  inserted: number
  updated: number
}

/**
 * Counts what `diffRows` yields, without making row text of it.
 *
 * @throws as `diffRows`
 */
export async function countRowChanges(
  before: TableState,
  after: TableState,
  options: RowDiffOptions,
): Promise<RowCounts> {
  const counts: RowCounts = { deleted: 0, inserted: 0, updated: 0 }
  const sink: RowChangeSink = {
    deleted: () => {
      counts.deleted++
    },
    inserted: () => {
      counts.inserted++
    },
    updated: () => {
      counts.updated++
    },
  }
  const comparer = newComparer(before, after, options)
  for await (const _ of await match(before, after, { comparer, sink, options }));
  return counts
}

function newComparer(
  before: TableState,
  after: TableState,
  { keyColumns }: RowDiffOptions,
): RowComparer {
  const { common } = compareColumns(before.columns, after.columns)
  const isCommonKey = keyColumns?.every((name) => common.includes(name)) ?? false
  return new RowComparer(before.columns, after.columns, isCommonKey ? keyColumns : undefined)
}

async function match(
  before: TableState,
  after: TableState,
  {
    comparer,
    sink,
    options,
  }: { comparer: RowComparer; sink: RowChangeSink; options: RowDiffOptions },
): Promise<AsyncGenerator<void>> {
  const chunks = await differingChunks(before, after)
  const sources = {
    before: readRowBatches(before.objects, chunks.before),
    after: readRowBatches(after.objects, chunks.after),
  }
  const { scratchDirectory, memoryBudgetBytes = DEFAULT_MEMORY_BUDGET_BYTES, signal } = options
  return matchRows(sources, { comparer, sink, scratchDirectory, memoryBudgetBytes, signal })
}

/** Equal chunks hold equal rows only where equal text means equal values. */
async function differingChunks(before: TableState, after: TableState): Promise<ChunkDiff> {
  if (isSameTextSameRow(before.columns, after.columns)) return diffChunks(before, after)
  return { before: await listChunkGroups(before), after: await listChunkGroups(after) }
}
