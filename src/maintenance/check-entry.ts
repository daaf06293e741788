import { isSnapError } from '../errors.ts'
import type { PackIndexEntry } from '../format/pack.ts'
import type { EntryHeader } from '../format/pack-entry.ts'
import { decodeObject } from '../objects/decode-object.ts'
import { type Finding, newFinding } from './finding.ts'

/**
 * Checks one entry of a pack: CRC, frame, id, and that it is the one its index line names.
 *
 * @param piece  bytes of the pack that hold the entry, from `offsetBytes` on
 */
export function checkEntry(
  entry: PackIndexEntry,
  piece: { packKey: string; bytes: Uint8Array; offsetBytes: number },
): Finding | undefined {
  const { packKey, bytes } = piece
  const subject = { key: packKey, objectId: entry.id }
  const entryAt = `the entry at byte ${entry.offsetBytes}`
  try {
    const offsetBytes = entry.offsetBytes - piece.offsetBytes
    const { header, object } = decodeObject(bytes, { packKey, offsetBytes })
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
