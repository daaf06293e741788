import { isSnapError } from '../errors.ts'
import type { ManifestRef } from '../format/values.ts'
import type { ObjectDatabase } from './object-database.ts'
import { readNodes } from './read-nodes.ts'
import { type StreamReader, walkChunks } from './walk-manifest.ts'

/** Their roots are read together and held in memory; each is a few hundred bytes in a small stream. */
const STREAMS_AT_ONCE = 1000

/**
 * Returns those of `streams` of which every node can be read, and every chunk is listed by a pack.
 *
 * Chunks are not read.
 *
 * @throws BACKEND_UNAVAILABLE
 */
export async function findWholeStreams(
  objects: ObjectDatabase,
  streams: readonly ManifestRef[],
): Promise<Set<ManifestRef>> {
  const whole = new Set<ManifestRef>()
  for (let from = 0; from < streams.length; from += STREAMS_AT_ONCE) {
    const some = streams.slice(from, from + STREAMS_AT_ONCE)
    const roots = await readNodes(
      objects,
      some.map(({ rootId }) => rootId),
    )
    const reader: StreamReader = {
      readNode: async (id) => roots.get(id) ?? objects.readNode(id),
      readChunk: (id) => objects.readChunk(id),
    }
    for (const stream of some) {
      if (await isWhole(objects, reader, stream)) whole.add(stream)
    }
  }
  return whole
}

async function isWhole(
  objects: ObjectDatabase,
  reader: StreamReader,
  stream: ManifestRef,
): Promise<boolean> {
  try {
    for await (const { id } of walkChunks(reader, stream)) {
      if (!(await objects.has(id))) return false
    }
    return true
  } catch (error) {
    if (isSnapError(error, 'OBJECT_MISSING') || isSnapError(error, 'OBJECT_CORRUPT')) return false
    throw error
  }
}
