import { SnapError } from '../errors.ts'
import { STORE_VERSION } from './limits.ts'
import * as shape from './shape.ts'
import { decodeTextRecord, encodeTextRecord } from './text-record.ts'

/** The key whose presence makes a directory or prefix a store. */
export const STORE_FILE_KEY = 'format'

/** What `format` says of the whole store. */
export interface StoreFile {
  /** 32 hex digits drawn at `init`; tells stores apart. */
  storeId: string
  createdAt: string
  /** Names of what the store uses beyond version 1, ascending. */
  features: string[]
}

/** Every feature name this version reads and writes; version 1 begins with none. */
const KNOWN_FEATURES: readonly string[] = []

const storeFile = shape.object<StoreFile>({
  storeId: shape.text(/^[0-9a-f]{32}$/, '32 hex digits'),
  createdAt: shape.timestamp,
  features: shape.arrayOf(shape.text(/^[a-z][a-z0-9-]{0,40}$/, 'a feature name')),
})

/** Encodes the store file. */
export function encodeStoreFile(value: StoreFile): Uint8Array {
  return encodeTextRecord('store', STORE_VERSION, value)
}

/**
 * Decodes the store file.
 *
 * @throws STORE_CORRUPT       it is damaged
 * @throws FORMAT_UNSUPPORTED  its version, or a feature it names, is not known
 * @see store-format.md §9 "Versions and features"
 */
export function decodeStoreFile(bytes: Uint8Array): StoreFile {
  const file = decodeTextRecord(bytes, {
    key: STORE_FILE_KEY,
    kind: 'store',
    formatVersion: STORE_VERSION,
    check: (value) => storeFile(value, 'store'),
  })
  const unknown = file.features.filter((feature) => !KNOWN_FEATURES.includes(feature))
  if (unknown.length > 0) {
    throw new SnapError(
      'FORMAT_UNSUPPORTED',
      `cannot open a store that uses '${unknown.join("', '")}'`,
      { expected: KNOWN_FEATURES.join(', ') || 'no features', found: unknown.join(', ') },
      { hint: 'update snap' },
    )
  }
  return file
}
