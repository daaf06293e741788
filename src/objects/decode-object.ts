import { SnapError } from '../errors.ts'
import { objectIdOf, shortId } from '../format/object-id.ts'
import { decodeEntry, type EntryHeader } from '../format/pack-entry.ts'
import { decompressInto } from './compress.js'

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
  options: { packKey: string; offsetBytes?: number },
): { header: EntryHeader; object: Uint8Array } {
  const { packKey, offsetBytes = 0 } = options
  const { header, stored } = decodeEntry(bytes, offsetBytes)
  const object = header.encoding === 'raw' ? stored.slice() : decompress(header, stored, packKey)
  const found = objectIdOf(object)
  if (found !== header.id) throw corruptObject(header, packKey, header.id, found)
  return { header, object }
}

function decompress(header: EntryHeader, stored: Uint8Array, packKey: string): Uint8Array {
  // Exactly the announced size, which is within limits: a frame that holds more fails, and
  // cannot make a reader allocate.
  const object = Buffer.allocUnsafeSlow(header.sizeBytes)
  try {
    decompressInto(object, stored)
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
