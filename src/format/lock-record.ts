import * as shape from './shape.ts'
import { decodeTextRecord, encodeTextRecord } from './text-record.ts'

const LOCK_VERSION = 1

/** `shared` holders put up with each other; an `exclusive` holder with no one. */
export type LockMode = 'shared' | 'exclusive'

/** Who holds the store, and what tells whether that process still lives. */
export interface LockRecord {
  pid: number
  host: string
  /** Differs between two processes that had the same pid; null where the system does not tell. */
  processStart: string | null
  operation: string
  mode: LockMode
  startedAt: string
}

const lockRecord = shape.object<LockRecord>({
  pid: shape.count,
  host: shape.string,
  processStart: shape.nullable(shape.string),
  operation: shape.string,
  mode: shape.oneOf('shared', 'exclusive'),
  startedAt: shape.timestamp,
})

/**
 * Encodes one lock record.
 *
 * @see store-format.md §7 "Locks"
 */
export function encodeLockRecord(value: LockRecord): Uint8Array {
  return encodeTextRecord('lock', LOCK_VERSION, lockRecord(value, 'lock record'))
}

/**
 * Decodes one lock record.
 *
 * @param key  where the bytes were read, for the message
 * @throws STORE_CORRUPT       the record is damaged
 * @throws FORMAT_UNSUPPORTED  it is of an unknown version
 */
export function decodeLockRecord(bytes: Uint8Array, key: string): LockRecord {
  return decodeTextRecord(bytes, {
    key,
    kind: 'lock',
    formatVersion: LOCK_VERSION,
    check: (value) => lockRecord(value, 'lock record'),
  })
}
