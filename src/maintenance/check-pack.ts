import { isSnapError, SnapError } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import {
  decodePackEnd,
  decodePackTrailer,
  indexEntryAt,
  PACK_HEAD,
  PACK_TRAILER_BYTES,
  type PackIndex,
} from '../format/pack.ts'
import { decodeEntry, type EntryHeader } from '../format/pack-entry.ts'
import { decodeObject } from '../objects/decode-object.ts'
import type { StoredObject } from '../objects/object-index.ts'
import { type Finding, newFinding } from './finding.ts'

/** What a look at every byte of one pack has shown. */
export interface PackCheck {
  findings: Finding[]
  objectCount: number
}

/**
 * Checks every byte of a pack: head, index, trailer, name, and each entry's CRC, frame and id.
 *
 * @param readBase  reads what a delta builds on. Where that is missing, only the CRC of the delta is
 *   checked: whether anything needs it, this look cannot tell
 */
export async function checkPack(
  packKey: string,
  bytes: Uint8Array,
  readBase: (entry: StoredObject) => Promise<Uint8Array | undefined>,
): Promise<PackCheck> {
  const findings: Finding[] = []
  if (Buffer.compare(bytes.subarray(0, PACK_HEAD.length), PACK_HEAD) !== 0) {
    findings.push(newFinding('PACK_CORRUPT', 'the pack does not begin as a pack', { key: packKey }))
  }
  const index = findIndex(packKey, bytes, findings)
  if (index === undefined) return { findings, objectCount: 0 }
  for (let position = 0; position < index.entryCount; position++) {
    const entry = indexEntryAt(index, position)
    const subject = { key: packKey, objectId: entry.id }
    const entryAt = `the entry at byte ${entry.offsetBytes}`
    try {
      const { offsetBytes } = entry
      let base: Uint8Array | undefined
      try {
        base = await readBase({ ...entry, packKey, packSizeBytes: index.packSizeBytes })
      } catch (error) {
        if (!(error instanceof SnapError)) throw error
        decodeEntry(bytes, offsetBytes)
        if (isSnapError(error, 'OBJECT_MISSING')) continue
        const problem = `${entryAt} is a delta whose base '${shortId(entry.baseId!)}' cannot be read`
        findings.push(newFinding('ENTRY_CORRUPT', problem, subject))
        continue
      }
      const { header, object } = decodeObject(bytes, { packKey, offsetBytes, base })
      if (!isSameHeader(header, entry)) {
        const problem = `${entryAt} is not the one that the pack index names`
        findings.push(newFinding('ENTRY_CORRUPT', problem, subject))
      } else if (header.kind === 'chunk' && endsInsideRow(object)) {
        const problem = `${entryAt} is a chunk that ends inside a row, after the end of another`
        findings.push(newFinding('CHUNK_ENDS_INSIDE_ROW', problem, subject))
      }
    } catch (error) {
      findings.push(newFinding('ENTRY_CORRUPT', describeDamage(error, entryAt), subject))
    }
  }
  return { findings, objectCount: index.entryCount }
}

function findIndex(packKey: string, bytes: Uint8Array, findings: Finding[]): PackIndex | undefined {
  const pack = { packKey, packSizeBytes: bytes.length }
  try {
    const trailer = bytes.subarray(Math.max(0, bytes.length - PACK_TRAILER_BYTES))
    const { indexOffsetBytes } = decodePackTrailer(trailer, pack)
    return decodePackEnd(bytes.subarray(indexOffsetBytes), pack)
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    findings.push(newFinding('PACK_CORRUPT', error.message, { key: packKey }))
    return undefined
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
