import { SnapError } from '../errors.ts'
import { MAX_NODE_ENTRIES, MAX_NODE_LEVEL, MAX_OBJECT_BYTES, MIN_NODE_ENTRIES } from './limits.ts'
import { decodeMetadataObject, encodeMetadataObject } from './metadata-object.ts'
import { OBJECT_ID_BYTES, objectIdFromBytes } from './object-id.ts'
import type { ChunkRef, ManifestNode, ManifestRef, ObjectId } from './values.ts'

/**
 * One node of a manifest's hash tree: `level` u8, `entryCount` u32, then entries
 * of 40 bytes (level 0) or 56 bytes (higher levels), big-endian throughout.
 *
 * @see store-format.md §5.4 "Manifest node"
 */
const NODE_VERSION = 1
const HEAD_BYTES = 5
const CHUNK_ENTRY_BYTES = OBJECT_ID_BYTES + 4 + 4
const CHILD_ENTRY_BYTES = OBJECT_ID_BYTES + 8 + 8 + 8
const MAX_UINT32 = 0xffff_ffff

/**
 * Encodes a manifest node. Equal nodes have equal bytes.
 *
 * @throws OBJECT_CORRUPT  a number or the entry count is out of range
 */
export function encodeManifestNode(node: ManifestNode): Uint8Array {
  assertNodeIsValid(node)
  const entryCount = 'chunks' in node ? node.chunks.length : node.children.length
  const entryBytes = 'chunks' in node ? CHUNK_ENTRY_BYTES : CHILD_ENTRY_BYTES
  const body = Buffer.alloc(HEAD_BYTES + entryCount * entryBytes)
  body.writeUInt8(node.level, 0)
  body.writeUInt32BE(entryCount, 1)
  let offset = HEAD_BYTES
  if ('chunks' in node) {
    for (const chunk of node.chunks) {
      body.write(chunk.id, offset, 'hex')
      body.writeUInt32BE(chunk.sizeBytes, offset + 32)
      body.writeUInt32BE(chunk.rowCount, offset + 36)
      offset += CHUNK_ENTRY_BYTES
    }
  } else {
    for (const child of node.children) {
      body.write(child.rootId, offset, 'hex')
      body.writeBigUInt64BE(BigInt(child.sizeBytes), offset + 32)
      body.writeBigUInt64BE(BigInt(child.rowCount), offset + 40)
      body.writeBigUInt64BE(BigInt(child.chunkCount), offset + 48)
      offset += CHILD_ENTRY_BYTES
    }
  }
  return encodeMetadataObject('node', NODE_VERSION, body)
}

/**
 * Decodes a manifest node.
 *
 * @throws OBJECT_KIND_UNEXPECTED  the bytes are no manifest node
 * @throws FORMAT_UNSUPPORTED      they are one of an unknown version
 * @throws OBJECT_CORRUPT          their length, a count or a number is out of range
 */
export function decodeManifestNode(bytes: Uint8Array): ManifestNode {
  const body = decodeMetadataObject('node', NODE_VERSION, bytes)
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  if (body.length < HEAD_BYTES) throw corruptNode(`${HEAD_BYTES} bytes or more`, `${body.length}`)
  const level = view.getUint8(0)
  const entryCount = view.getUint32(1)
  const entryBytes = level === 0 ? CHUNK_ENTRY_BYTES : CHILD_ENTRY_BYTES
  const expectedBytes = HEAD_BYTES + entryCount * entryBytes
  // Checked before anything is built, so a wrong count cannot make a reader allocate.
  if (body.length !== expectedBytes) throw corruptNode(`${expectedBytes} bytes`, `${body.length}`)

  const offsets = Array.from({ length: entryCount }, (_, i) => HEAD_BYTES + i * entryBytes)
  const node: ManifestNode =
    level === 0
      ? {
          level: 0,
          chunks: offsets.map((offset) => ({
            id: objectIdFromBytes(body, offset),
            sizeBytes: view.getUint32(offset + 32),
            rowCount: view.getUint32(offset + 36),
          })),
        }
      : {
          level,
          children: offsets.map((offset) => ({
            rootId: objectIdFromBytes(body, offset),
            sizeBytes: Number(view.getBigUint64(offset + 32)),
            rowCount: Number(view.getBigUint64(offset + 40)),
            chunkCount: Number(view.getBigUint64(offset + 48)),
          })),
        }
  assertNodeIsValid(node)
  return node
}

/** Returns what a node's entries add up to, as a reference to the node would state it. */
export function totalsOfNode(node: ManifestNode): Omit<ManifestRef, 'rootId'> {
  if ('chunks' in node) {
    return {
      sizeBytes: sum(node.chunks.map((chunk) => chunk.sizeBytes)),
      rowCount: sum(node.chunks.map((chunk) => chunk.rowCount)),
      chunkCount: node.chunks.length,
    }
  }
  return {
    sizeBytes: sum(node.children.map((child) => child.sizeBytes)),
    rowCount: sum(node.children.map((child) => child.rowCount)),
    chunkCount: sum(node.children.map((child) => child.chunkCount)),
  }
}

/**
 * Tells whether a node ends after an entry of this id, `entryCount` entries long.
 *
 * The ids decide, so that lists with a stretch in common share its nodes: one id
 * in 128 ends a node that has its minimum, which makes nodes of 32 + 127 entries
 * on average (a geometric distribution begun at 32, cut off at 512).
 */
export function endsManifestNode(id: ObjectId, entryCount: number): boolean {
  if (entryCount >= MAX_NODE_ENTRIES) return true
  if (entryCount < MIN_NODE_ENTRIES) return false
  return Number.parseInt(id.slice(-2), 16) % 128 === 0
}

function assertNodeIsValid(node: ManifestNode): void {
  if (node.level > MAX_NODE_LEVEL) {
    throw corruptNode(`level 0 to ${MAX_NODE_LEVEL}`, `level ${node.level}`)
  }
  const entryCount = 'chunks' in node ? node.chunks.length : node.children.length
  if (entryCount > MAX_NODE_ENTRIES || (entryCount === 0 && node.level > 0)) {
    throw corruptNode(`1 to ${MAX_NODE_ENTRIES} entries`, `${entryCount}`)
  }
  if ('chunks' in node) node.chunks.forEach(assertChunkIsValid)
  else node.children.forEach(assertChildIsValid)
}

function assertChunkIsValid(chunk: ChunkRef): void {
  if (!isIntegerWithin(chunk.sizeBytes, 1, MAX_OBJECT_BYTES)) {
    throw corruptNode(`a chunk of 1 to ${MAX_OBJECT_BYTES} bytes`, `${chunk.sizeBytes}`)
  }
  if (!isIntegerWithin(chunk.rowCount, 0, Math.min(chunk.sizeBytes, MAX_UINT32))) {
    throw corruptNode('no more rows than bytes', `${chunk.rowCount}`)
  }
}

function assertChildIsValid(child: ManifestRef): void {
  const { sizeBytes, rowCount, chunkCount } = child
  const isValid =
    isIntegerWithin(sizeBytes, 1, Number.MAX_SAFE_INTEGER) &&
    isIntegerWithin(rowCount, 0, sizeBytes) &&
    isIntegerWithin(chunkCount, 1, sizeBytes)
  if (!isValid) {
    throw corruptNode('counts within the size', `${sizeBytes}/${rowCount}/${chunkCount}`)
  }
}

function isIntegerWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function corruptNode(expected: string, found: string): SnapError {
  return new SnapError('OBJECT_CORRUPT', `cannot accept a manifest node: expected ${expected}`, {
    expected,
    found,
  })
}
