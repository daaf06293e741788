import { MAX_PRUNED_COMMITS } from './limits.ts'
import * as shape from './shape.ts'
import { decodeTextRecord, encodeTextRecord } from './text-record.ts'
import type { ObjectId } from './values.ts'

const PRUNED_VERSION = 1

/** A commit that retention has removed: what its descendants need to know of it. */
export interface PrunedCommit {
  id: ObjectId
  /** Those of the commit itself, so that its ancestors are still found. */
  parentIds: ObjectId[]
  prunedAt: string
}

/** Names commits whose absence is intended. */
export interface PrunedRecord {
  /** Ascending by id. */
  commits: PrunedCommit[]
}

const fields = shape.object<PrunedRecord>({
  commits: shape.arrayOf(
    shape.object<PrunedCommit>({
      id: shape.objectId,
      parentIds: shape.arrayOf(shape.objectId),
      prunedAt: shape.timestamp,
    }),
  ),
})

const prunedRecord: shape.Shape<PrunedRecord> = (value, path) => {
  const record = fields(value, path)
  const { commits } = record
  const isAscending = commits.every(({ id }, i) => i === 0 || commits[i - 1]!.id < id)
  if (!isAscending) shape.mismatch(`${path}.commits`, 'ascending ids', commits[0]?.id)
  if (commits.length > MAX_PRUNED_COMMITS) {
    shape.mismatch(`${path}.commits`, `${MAX_PRUNED_COMMITS} or fewer`, commits.length)
  }
  return record
}

/**
 * Encodes one record of pruned commits.
 *
 * @see store-format.md §6.2 "Pruned commits"
 */
export function encodePrunedRecord(value: PrunedRecord): Uint8Array {
  return encodeTextRecord('pruned', PRUNED_VERSION, prunedRecord(value, 'pruned record'))
}

/**
 * Decodes one record of pruned commits.
 *
 * @param key  where the bytes were read, for the message
 * @throws STORE_CORRUPT       the record is damaged
 * @throws FORMAT_UNSUPPORTED  it is of an unknown version
 */
export function decodePrunedRecord(bytes: Uint8Array, key: string): PrunedRecord {
  return decodeTextRecord(bytes, {
    key,
    kind: 'pruned',
    formatVersion: PRUNED_VERSION,
    check: (value) => prunedRecord(value, 'pruned record'),
  })
}
