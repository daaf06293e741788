import { decodeManifestNode } from '../format/manifest-node.ts'
import { objectIdOf } from '../format/object-id.ts'
import type { ObjectId } from '../format/values.ts'
import type { ObjectSink } from './object-sink.ts'
import type { StreamReader } from './walk-manifest.ts'

/** A few small streams that no store holds, kept in memory. */
export class MemoryOverlay implements ObjectSink {
  readonly #objects = new Map<ObjectId, Uint8Array>()

  put(_kind: 'chunk' | 'metadata', bytes: Uint8Array): Promise<ObjectId> {
    const id = objectIdOf(bytes)
    this.#objects.set(id, bytes)
    return Promise.resolve(id)
  }

  /** Reads what has been put, and all else from `objects`. */
  over(objects: StreamReader): StreamReader {
    return {
      readNode: async (id) => {
        const bytes = this.#objects.get(id)
        return bytes === undefined ? objects.readNode(id) : decodeManifestNode(bytes)
      },
      readChunk: async (id) => this.#objects.get(id) ?? objects.readChunk(id),
    }
  }
}
