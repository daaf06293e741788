import type { ObjectId } from '../format/values.ts'

/** What fsck can find, and how bad it is. `must`: something is lost or unreadable. `should`: nothing is, yet it ought not to be so. */
export const FINDING_SEVERITIES = {
  FORMAT_CORRUPT: 'must',
  KEY_UNREADABLE: 'must',
  KEY_UNKNOWN: 'should',
  PACK_CORRUPT: 'must',
  ENTRY_CORRUPT: 'must',
  CHUNK_ENDS_INSIDE_ROW: 'must',
  OBJECT_MISSING: 'must',
  OBJECT_INVALID: 'must',
  MANIFEST_TOTALS_WRONG: 'must',
  REF_CORRUPT: 'must',
  REF_SEQUENCE_BROKEN: 'must',
  REF_NAME_CONFLICT: 'should',
  HEAD_MISSING: 'must',
  LOCK_CORRUPT: 'must',
  OPERATION_CORRUPT: 'must',
  OPERATION_START_MISSING: 'must',
  PRUNED_CORRUPT: 'must',
} as const

export type FindingCode = keyof typeof FINDING_SEVERITIES

/** One violation of an invariant of store-format.md §8. */
export interface Finding {
  code: FindingCode
  severity: 'must' | 'should'
  /** The file that is wrong, when it is one file. */
  key?: string
  objectId?: ObjectId
  message: string
  /** Commits whose state cannot be restored whole because of it. */
  affects: ObjectId[]
}

/** Makes a finding; its severity follows from its code. */
export function newFinding(
  code: FindingCode,
  message: string,
  subject: { key?: string; objectId?: ObjectId } = {},
): Finding {
  return { code, severity: FINDING_SEVERITIES[code], ...subject, message, affects: [] }
}
