import { SnapError } from '../errors.ts'
import { totalsOfNode } from '../format/manifest-node.ts'
import { shortId } from '../format/object-id.ts'
import type { ChunkRef, ManifestNode, ManifestRef, ObjectId } from '../format/values.ts'

/** What the nodes and chunks of a stream are read from; an `ObjectDatabase` is one. */
export interface StreamReader {
  readNode(id: ObjectId): Promise<ManifestNode>
  readChunk(id: ObjectId): Promise<Uint8Array>
}

/** Chunks read ahead of the one being used: hides the latency of one read behind another. */
const CHUNKS_IN_FLIGHT = 8

/**
 * Lists the chunks of a stream in order, from the root of its hash tree.
 *
 * Lazy; holds one node a level. Every node is checked against its id and against
 * what the reference to it says.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, OBJECT_KIND_UNEXPECTED
 */
export async function* walkChunks(
  objects: StreamReader,
  ref: ManifestRef,
): AsyncIterable<ChunkRef> {
  yield* walkNode(objects, ref, undefined)
}

/**
 * Reads a stream's bytes, chunk by chunk, in order; each chunk is checked against its id and size.
 *
 * A few chunks are read ahead. The bytes belong to the caller.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, OBJECT_KIND_UNEXPECTED
 */
export async function* readRows(
  objects: StreamReader,
  ref: ManifestRef,
): AsyncIterable<Uint8Array> {
  const ahead: Promise<Uint8Array>[] = []
  for await (const chunk of walkChunks(objects, ref)) {
    const bytes = readChunk(objects, chunk)
    // A reader that stops early, or an earlier chunk that fails, leaves this one unawaited.
    bytes.catch(() => {})
    ahead.push(bytes)
    if (ahead.length >= CHUNKS_IN_FLIGHT) yield await ahead.shift()!
  }
  for (const bytes of ahead) yield await bytes
}

async function* walkNode(
  objects: StreamReader,
  ref: ManifestRef,
  expectedLevel: number | undefined,
): AsyncIterable<ChunkRef> {
  const node = await objects.readNode(ref.rootId)
  assertNodeIsAsReferenced(ref, node, expectedLevel)
  if ('chunks' in node) {
    yield* node.chunks
    return
  }
  for (const child of node.children) yield* walkNode(objects, child, node.level - 1)
}

function assertNodeIsAsReferenced(
  ref: ManifestRef,
  node: ManifestNode,
  expectedLevel: number | undefined,
): void {
  const { rootId: _, ...expected } = ref
  const found = totalsOfNode(node)
  const isAsReferenced =
    (expectedLevel === undefined || node.level === expectedLevel) &&
    found.sizeBytes === expected.sizeBytes &&
    found.rowCount === expected.rowCount &&
    found.chunkCount === expected.chunkCount
  if (isAsReferenced) return
  throw new SnapError(
    'OBJECT_CORRUPT',
    `manifest node '${shortId(ref.rootId)}' is not as referenced`,
    {
      objectId: ref.rootId,
      expected: JSON.stringify({ level: expectedLevel ?? 'any', ...expected }),
      found: JSON.stringify({ level: node.level, ...found }),
    },
  )
}

/**
 * Reads a chunk and checks its length against what its manifest says.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function readChunk(objects: StreamReader, chunk: ChunkRef): Promise<Uint8Array> {
  const bytes = await objects.readChunk(chunk.id)
  if (bytes.length === chunk.sizeBytes) return bytes
  throw new SnapError(
    'OBJECT_CORRUPT',
    `chunk '${shortId(chunk.id)}' is not as long as its manifest says`,
    { objectId: chunk.id, expected: `${chunk.sizeBytes} bytes`, found: `${bytes.length} bytes` },
  )
}
