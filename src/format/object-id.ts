import { createHash } from 'node:crypto'
import type { ObjectId } from './values.ts'

/** Length of an object id in its binary form. */
export const OBJECT_ID_BYTES = 32

const OBJECT_ID_PATTERN = /^[0-9a-f]{64}$/

/** Returns the id of an object: SHA-256 of its uncompressed bytes. */
export function objectIdOf(bytes: Uint8Array): ObjectId {
  return createHash('sha256').update(bytes).digest('hex') as ObjectId
}

/** Tells whether `text` is an object id in its one written form: 64 lower-case hex digits. */
export function isObjectId(text: unknown): text is ObjectId {
  return typeof text === 'string' && OBJECT_ID_PATTERN.test(text)
}

/** Returns the 32 bytes of an id, in a fresh array. */
export function objectIdToBytes(id: ObjectId): Uint8Array {
  return Uint8Array.from(Buffer.from(id, 'hex'))
}

/** Returns the id whose 32 bytes begin at `offsetBytes`. */
export function objectIdFromBytes(bytes: Uint8Array, offsetBytes = 0): ObjectId {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offsetBytes, OBJECT_ID_BYTES).toString(
    'hex',
  ) as ObjectId
}

/** Returns the form of an id that messages show: its first 12 digits. */
export function shortId(id: ObjectId): string {
  return id.slice(0, 12)
}
