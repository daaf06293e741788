import { SnapError } from '../errors.ts'
import { objectIdOf, shortId } from '../format/object-id.ts'
import { decodeEntry, type EntryHeader } from '../format/pack-entry.ts'
import { decompressInto } from './compress.js'

export interface DecodeOptions {
  packKey: string
  offsetBytes?: number
  /** The object that a delta builds on. */
  base?: Uint8Array | undefined
}

/**
 * Decodes the pack entry at `offsetBytes` into the object it holds, and checks it against its id.
 *
 * The returned bytes belong to the caller and never share memory with `bytes`.
 *
 * @throws OBJECT_CORRUPT      CRC, frame, length or id differ
 * @throws FORMAT_UNSUPPORTED  the entry is of an unknown kind or encoding
 */
export function decodeObject(
  bytes: Uint8Array,
  options: DecodeOptions,
): { header: EntryHeader; object: Uint8Array } {
  const decoded = decodeUnhashed(bytes, options)
  const found = objectIdOf(decoded.object)
  const { id } = decoded.header
  if (found !== id) throw corruptObject(decoded.header, options.packKey, id, found)
  return decoded
}

/**
 * As `decodeObject`, but for the id: of use where what is built on the object is checked against its own.
 *
 * @throws as `decodeObject`
 */
export function decodeUnhashed(
  bytes: Uint8Array,
  { packKey, offsetBytes = 0, base }: DecodeOptions,
): { header: EntryHeader; object: Uint8Array } {
  const { header, stored } = decodeEntry(bytes, offsetBytes)
  if (header.encoding === 'raw') return { header, object: stored.slice() }
  if (header.encoding === 'zstd') return { header, object: decompress(header, stored, packKey) }
  // The head says what the pack index did not: one of the two is damaged.
  if (base === undefined) throw corruptObject(header, packKey, 'no delta', 'a delta')
  return { header, object: decompress(header, stored, packKey, base) }
}

function decompress(
  header: EntryHeader,
  stored: Uint8Array,
  packKey: string,
  base?: Uint8Array,
): Uint8Array {
  // Exactly the announced size, which is within limits: a frame that holds more fails, and
  // cannot make a reader allocate.
  const object = Buffer.allocUnsafeSlow(header.sizeBytes)
  try {
    decompressInto(object, stored, base)
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw corruptObject(header, packKey, `a zstd frame of ${header.sizeBytes} bytes`, found, cause)
  }
  return object
}

function corruptObject(
  header: EntryHeader,
  packKey: string,
  expected: string,
  found: string,
  cause?: unknown,
): SnapError {
  return new SnapError(
    'OBJECT_CORRUPT',
    `object '${shortId(header.id)}' in '${packKey}' is damaged`,
    { objectId: header.id, key: packKey, expected, found },
    { cause, hint: "run 'snap fsck' to list what else is affected" },
  )
}
