import { isSnapError, SnapError } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import { decodeEntry, type EntryHeader } from '../format/pack-entry.ts'
import { decodeObject } from '../objects/decode-object.ts'
import type { StoredObject } from '../objects/object-index.ts'
import { type Finding, newFinding } from './finding.ts'

/**
 * Checks one entry of a pack: CRC, frame, id, and that it is the one its index line names.
 *
 * @param piece  bytes of the pack that hold the entry, from `offsetBytes` on
 * @param readBase  reads what a delta builds on. Where that is missing, only the CRC of the delta is
 *   checked: whether anything needs it, this look cannot tell
 */
export async function checkEntry(
  entry: StoredObject,
  piece: { bytes: Uint8Array; offsetBytes: number },
  readBase: (entry: StoredObject) => Promise<Uint8Array | undefined>,
): Promise<Finding | undefined> {
  const { packKey } = entry
  const { bytes } = piece
  const subject = { key: packKey, objectId: entry.id }
  const entryAt = `the entry at byte ${entry.offsetBytes}`
  try {
    const offsetBytes = entry.offsetBytes - piece.offsetBytes
    let base: Uint8Array | undefined
    try {
      base = await readBase(entry)
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      decodeEntry(bytes, offsetBytes)
      if (isSnapError(error, 'OBJECT_MISSING')) return undefined
      const problem = `${entryAt} is a delta whose base '${shortId(entry.baseId!)}' cannot be read`
      return newFinding('ENTRY_CORRUPT', problem, subject)
    }
    const { header, object } = decodeObject(bytes, { packKey, offsetBytes, base })
    if (!isSameHeader(header, entry)) {
      const problem = `${entryAt} is not the one that the pack index names`
      return newFinding('ENTRY_CORRUPT', problem, subject)
    }
    if (header.kind === 'chunk' && endsInsideRow(object)) {
      const problem = `${entryAt} is a chunk that ends inside a row, after the end of another`
      return newFinding('CHUNK_ENDS_INSIDE_ROW', problem, subject)
    }
    return undefined
  } catch (error) {
    return newFinding('ENTRY_CORRUPT', describeDamage(error, entryAt), subject)
  }
}

function describeDamage(error: unknown, entryAt: string): string {
  if (isSnapError(error, 'OBJECT_CORRUPT')) {
    const { expected, found } = error.data
    return `${entryAt} is damaged: expected ${expected}, found ${found}`
  }
  if (isSnapError(error, 'FORMAT_UNSUPPORTED')) return error.message
  throw error
}

const LINE_FEED = 0x0a

const endsInsideRow = (chunk: Uint8Array) => chunk.at(-1) !== LINE_FEED && chunk.includes(LINE_FEED)

function isSameHeader(a: EntryHeader, b: EntryHeader): boolean {
  return (
    a.id === b.id &&
    a.kind === b.kind &&
    a.encoding === b.encoding &&
    a.storedSizeBytes === b.storedSizeBytes &&
    a.sizeBytes === b.sizeBytes
  )
}
