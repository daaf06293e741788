import type { Backend } from '../backend/backend.ts'
import { isSnapError, SnapError } from '../errors.ts'
import {
  decodePackEnd,
  decodePackTrailer,
  PACK_TRAILER_BYTES,
  type PackIndex,
} from '../format/pack.ts'

/** Read at first from the end of a pack: holds the index of 700 objects or more, which most packs stay below. */
const FIRST_READ_BYTES = 64 * 1024

/**
 * Reads and checks the index at the end of a pack, in one or two ranged reads.
 *
 * @throws PACK_CORRUPT         the end of the pack is not as its name says, or cut off
 * @throws BACKEND_KEY_MISSING  there is no such pack
 */
export async function readPackIndex(
  backend: Backend,
  pack: { packKey: string; packSizeBytes: number },
): Promise<PackIndex> {
  const { packKey, packSizeBytes } = pack
  const end = await readEnd(backend, pack, Math.min(FIRST_READ_BYTES, packSizeBytes))
  const trailer = end.subarray(Math.max(0, end.length - PACK_TRAILER_BYTES))
  const endSizeBytes = packSizeBytes - decodePackTrailer(trailer, pack).indexOffsetBytes
  if (endSizeBytes <= end.length) {
    // Copied, so that the entries read along with a short index are not kept in memory.
    return decodePackEnd(end.slice(end.length - endSizeBytes), { packKey, packSizeBytes })
  }
  return decodePackEnd(await readEnd(backend, pack, endSizeBytes), { packKey, packSizeBytes })
}

async function readEnd(
  backend: Backend,
  pack: { packKey: string; packSizeBytes: number },
  sizeBytes: number,
): Promise<Uint8Array> {
  const offsetBytes = pack.packSizeBytes - sizeBytes
  try {
    return await backend.read(pack.packKey, { offsetBytes, sizeBytes })
  } catch (cause) {
    const found = await backend.findSizeBytes(pack.packKey)
    if (found === undefined || found >= pack.packSizeBytes || !isSnapError(cause)) throw cause
    throw new SnapError(
      'PACK_CORRUPT',
      `pack '${pack.packKey}' is cut off`,
      { packKey: pack.packKey, expected: `${pack.packSizeBytes} bytes`, found: `${found} bytes` },
      { cause },
    )
  }
}
