import { createHash } from 'node:crypto'
import { isSnapError, SnapError } from '../errors.ts'
import { decodeCanonicalJson, encodeCanonicalJson } from './canonical-json.ts'
import { MAX_TEXT_RECORD_BYTES } from './limits.ts'

/**
 * The frame of the small files beside the packs: `format`, ref records, lock records, records of pruned
 * commits and of operations.
 *
 *     snap <kind> <version>
 *     <canonical JSON>
 *     sha256 <64 hex digits over the two lines before, line feeds included>
 *
 * First and last line keep this form in every version to come, so that any
 * reader can tell a damaged record from one it is too old for.
 *
 * @see store-format.md §3 "Text records"
 */
export type TextRecordKind = 'store' | 'ref' | 'lock' | 'pruned' | 'operation' | 'kept' | 'ended'

const CHECKSUM_LINE_BYTES = 'sha256 '.length + 64 + 1
const RECORD_PATTERN = /^snap ([a-z]{1,20}) ([1-9][0-9]{0,8})\n([^\n]*)\n$/

/** Encodes a text record; `value` is what its JSON line holds. */
export function encodeTextRecord(
  kind: TextRecordKind,
  formatVersion: number,
  value: unknown,
): Uint8Array {
  const json = Buffer.from(encodeCanonicalJson(value))
  const lines = Buffer.concat([
    Buffer.from(`snap ${kind} ${formatVersion}\n`),
    json,
    Buffer.from('\n'),
  ])
  return Buffer.concat([lines, Buffer.from(checksumLine(lines))])
}

/**
 * Decodes a text record and hands its JSON value to `check`.
 *
 * @param check  returns its argument typed, or throws OBJECT_CORRUPT
 * @throws STORE_CORRUPT       the checksum differs, or the record is not what `check` accepts
 * @throws FORMAT_UNSUPPORTED  checksum and kind are right and the version is not known
 */
export function decodeTextRecord<T>(
  bytes: Uint8Array,
  expected: {
    key: string
    kind: TextRecordKind
    formatVersion: number
    check: (value: unknown) => T
  },
): T {
  const { key, kind, formatVersion } = expected
  if (bytes.length > MAX_TEXT_RECORD_BYTES) {
    throw corruptRecord(key, `${MAX_TEXT_RECORD_BYTES} bytes or fewer`, `${bytes.length} bytes`)
  }
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const checksumOffsetBytes = Math.max(0, record.length - CHECKSUM_LINE_BYTES)
  const lines = record.subarray(0, checksumOffsetBytes)
  const found = record.subarray(checksumOffsetBytes).toString('latin1')
  if (found !== checksumLine(lines)) {
    throw corruptRecord(key, checksumLine(lines).trim(), JSON.stringify(found))
  }
  const match = RECORD_PATTERN.exec(lines.toString('latin1'))
  if (match === null || match[1] !== kind) {
    throw corruptRecord(key, `a ${kind} record`, match?.[1] ?? 'other text')
  }
  if (Number(match[2]) !== formatVersion) {
    throw new SnapError(
      'FORMAT_UNSUPPORTED',
      `cannot read '${key}' of version ${match[2]}`,
      { expected: `${kind} ${formatVersion}`, found: `${kind} ${match[2]}` },
      { hint: 'update snap' },
    )
  }
  try {
    return expected.check(decodeCanonicalJson(Buffer.from(match[3]!, 'latin1')))
  } catch (cause) {
    if (!isSnapError(cause, 'OBJECT_CORRUPT')) throw cause
    throw corruptRecord(key, cause.data.expected, cause.data.found, cause)
  }
}

function checksumLine(lines: Uint8Array): string {
  return `sha256 ${createHash('sha256').update(lines).digest('hex')}\n`
}

function corruptRecord(key: string, expected: string, found: string, cause?: unknown): SnapError {
  return new SnapError(
    'STORE_CORRUPT',
    `'${key}' is damaged`,
    { key, expected, found: found.slice(0, 200) },
    { cause, hint: "run 'snap fsck' to list what else is affected" },
  )
}
