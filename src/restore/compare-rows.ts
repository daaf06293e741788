/**
 * Finds out what each table's rows need to become a commit's. Reads the store alone.
 */
import { diffRows, type RowChange } from '../diff/row-diff.ts'
import { splitFields } from '../format/copy-text.ts'
import type { TableEntry } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { isSameStream } from './compare-trees.ts'

/** The rows by which a table differs, as row text. */
export interface RowDelta {
  /** Unique and not null on both sides. */
  keyColumns: readonly string[]
  /** Keys of rows that go, as row text of the key columns. */
  deletedKeys: string[]
  /** Rows that come, in the order of the commit's columns. */
  insertedRows: string[]
  /** Rows that are in both, because their key stays. */
  updatedCount: number
}

export type RowComparison =
  | { kind: 'equal' }
  | { kind: 'delta'; delta: RowDelta }
  /** They differ too much, or no key tells them apart, or only the commit has some of the columns. */
  | { kind: 'reload' }

export interface RowComparisonOptions {
  /** Reads the rows of both sides. */
  objects: StreamReader
  /** Looks for columns that are unique and not null on both sides; asked only when rows may differ. */
  findKey: () => readonly string[] | undefined
  /** Shared by the tables of a plan; what this table's delta takes is taken from it. */
  budget: RowBudget
  scratchDirectory: string
  signal?: AbortSignal | undefined
}

/**
 * Past this share of a table's rows, loading all of them is cheaper.
 *
 * Measured with test/bench/row-delta.js, a key and two more indexes, seconds to load all against
 * seconds to change 10 and 25 % of the rows: 64 MiB 10.8, 6.0, 14.2; 8 MiB 0.68, 0.28, 0.80;
 * 1 MiB 0.048, 0.014, 0.038; 256 KiB (whose indexes stand meanwhile) 0.035, 0.004, 0.009.
 */
const MAX_CHANGED_SHARE = 0.2
/**
 * A small table is loaded sooner than compared, and then has its rows in the commit's order again:
 * 64 KiB take 12 ms to load.
 */
const MIN_DELTA_TABLE_BYTES = 256 * 1024
/** All deltas of a plan are held in memory. */
const MAX_DELTA_BYTES = 64 * 1024 * 1024
/** What a string takes in memory besides its characters: its head, its padding, its place in the list. */
const STRING_OVERHEAD_BYTES = 32

/** What the deltas of one plan may take together; a table past it is reloaded. */
export interface RowBudget {
  sizeBytes: number
}

export const newRowBudget = (): RowBudget => ({ sizeBytes: MAX_DELTA_BYTES })

/** @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED */
export async function compareRows(
  live: TableEntry,
  target: TableEntry,
  options: RowComparisonOptions,
): Promise<RowComparison> {
  if (target.rows === null) return { kind: 'equal' }
  const isSameColumns = live.columns.join('\0') === target.columns.join('\0')
  if (isSameColumns && isSameStream(live.rows, target.rows)) return { kind: 'equal' }
  const hasAllColumns = target.columns.every((name) => live.columns.includes(name))
  const { objects, budget } = options
  if (!hasAllColumns || live.rows === null) return { kind: 'reload' }

  const sizeBytes = Math.max(live.rows.sizeBytes, target.rows.sizeBytes)
  if (isSameColumns && sizeBytes < MIN_DELTA_TABLE_BYTES) return { kind: 'reload' }

  const keyColumns = options.findKey()
  const maxChanges = MAX_CHANGED_SHARE * Math.max(live.rows.rowCount, target.rows.rowCount)
  const liveKey = keyColumns?.map((name) => live.columns.indexOf(name)) ?? []
  const delta: RowDelta = {
    keyColumns: keyColumns ?? [],
    deletedKeys: [],
    insertedRows: [],
    updatedCount: 0,
  }
  let sizeBytesOfDelta = 0
  const changes: AsyncIterable<RowChange> = diffRows(
    { objects, rows: live.rows, columns: live.columns },
    { objects, rows: target.rows, columns: target.columns },
    { keyColumns, scratchDirectory: options.scratchDirectory, signal: options.signal },
  )
  for await (const change of changes) {
    if (keyColumns === undefined) return { kind: 'reload' }
    if (change.kind === 'updated') delta.updatedCount++
    if (change.kind !== 'inserted') {
      const fields = splitFields(change.before)
      const key = liveKey.map((position) => fields[position]).join('\t')
      delta.deletedKeys.push(key)
      sizeBytesOfDelta += key.length + STRING_OVERHEAD_BYTES
    }
    if (change.kind !== 'deleted') {
      delta.insertedRows.push(change.after)
      sizeBytesOfDelta += change.after.length + STRING_OVERHEAD_BYTES
    }
    const changeCount = Math.max(delta.deletedKeys.length, delta.insertedRows.length)
    if (changeCount > maxChanges || sizeBytesOfDelta > budget.sizeBytes) return { kind: 'reload' }
  }
  budget.sizeBytes -= sizeBytesOfDelta
  const isEqual = delta.deletedKeys.length === 0 && delta.insertedRows.length === 0
  return isEqual ? { kind: 'equal' } : { kind: 'delta', delta }
}
