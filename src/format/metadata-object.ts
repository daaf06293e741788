import { SnapError } from '../errors.ts'

/**
 * The frame of every metadata object: one ASCII line that says what follows,
 * `snap <kind> <version>\n`, then the body.
 *
 * @see store-format.md §5 "Metadata objects"
 */
export type MetadataKind = 'commit' | 'tree' | 'node'

/** Longest header line there can be; decoding looks no further for its line feed. */
const MAX_HEADER_BYTES = 64
const HEADER_PATTERN = /^snap ([a-z]{1,20}) ([1-9][0-9]{0,8})$/

/** Returns the header line of `kind` followed by `body`. */
export function encodeMetadataObject(
  kind: MetadataKind,
  formatVersion: number,
  body: Uint8Array,
): Uint8Array {
  return Buffer.concat([Buffer.from(`snap ${kind} ${formatVersion}\n`, 'latin1'), body])
}

/**
 * Returns the body of a metadata object of the expected kind and version, without copying it.
 *
 * @throws what `decodeVersionedObject` throws
 */
export function decodeMetadataObject(
  kind: MetadataKind,
  formatVersion: number,
  bytes: Uint8Array,
): Uint8Array {
  return decodeVersionedObject(kind, [formatVersion], bytes).body
}

/**
 * Returns version and body of a metadata object of the expected kind; the body is not copied.
 *
 * @param formatVersions  those that are known, ascending
 * @throws OBJECT_KIND_UNEXPECTED  the header names another kind, or there is no header
 * @throws FORMAT_UNSUPPORTED      the kind is right and the version is not known
 */
export function decodeVersionedObject<V extends number>(
  kind: MetadataKind,
  formatVersions: readonly V[],
  bytes: Uint8Array,
): { formatVersion: V; body: Uint8Array } {
  const header = readHeader(bytes)
  if (header?.kind !== kind) {
    const found = header?.kind ?? 'no header'
    throw new SnapError('OBJECT_KIND_UNEXPECTED', `expected a ${kind}, found ${found}`, {
      expected: kind,
      found,
    })
  }
  const formatVersion = formatVersions.find((version) => version === header.formatVersion)
  if (formatVersion === undefined) {
    throw new SnapError(
      'FORMAT_UNSUPPORTED',
      `cannot read a ${kind} of version ${header.formatVersion}`,
      {
        expected: `${kind} ${formatVersions.join(' or ')}`,
        found: `${kind} ${header.formatVersion}`,
      },
      { hint: 'update snap' },
    )
  }
  return { formatVersion, body: bytes.subarray(header.sizeBytes) }
}

/** Returns the kind that the header line names, or `undefined` when there is no header line. */
export function findMetadataKind(bytes: Uint8Array): string | undefined {
  return readHeader(bytes)?.kind
}

function readHeader(
  bytes: Uint8Array,
): { kind: string; formatVersion: number; sizeBytes: number } | undefined {
  const end = bytes.subarray(0, MAX_HEADER_BYTES).indexOf(0x0a)
  if (end === -1) return undefined
  const line = Buffer.from(bytes.subarray(0, end)).toString('latin1')
  const match = HEADER_PATTERN.exec(line)
  if (match === null) return undefined
  return { kind: match[1]!, formatVersion: Number(match[2]), sizeBytes: end + 1 }
}
