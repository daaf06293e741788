import { LocalBackend } from '../backend/local-backend.ts'
import { objectIdOf } from '../format/object-id.ts'
import type { ObjectId } from '../format/values.ts'
import { ObjectDatabase } from './object-database.ts'
import type { ObjectSink } from './object-sink.ts'
import type { StreamReader } from './walk-manifest.ts'

/**
 * A store with a scratch directory laid over it: what is put goes to the
 * directory unless the store holds it, and is read from where it is.
 */
export interface ScratchOverlay {
  sink: ObjectSink
  /** Reads what has been put, once `flush` has resolved, and all that the store holds. */
  objects: StreamReader
  flush(): Promise<void>
  /** Stops writing; what is in the directory can still be read. */
  close(): Promise<void>
}

/**
 * @param directory  empty, on a file system with room for what the store does not hold yet; the
 *                   caller removes it
 * @throws BACKEND_* when the directory cannot be written
 */
export async function openScratchOverlay(
  stored: ObjectDatabase,
  directory: string,
): Promise<ScratchOverlay> {
  const scratch = ObjectDatabase.open(await LocalBackend.open(directory))
  // What is read once and thrown away need not be small.
  const writer = scratch.newWriter({ withDeltas: false })
  const holderOf = async (id: ObjectId) => ((await scratch.has(id)) ? scratch : stored)
  return {
    sink: {
      async put(kind, bytes) {
        const id = objectIdOf(bytes)
        const entry = await stored.findEntry(id, kind)
        return entry === undefined ? writer.put(kind, bytes) : id
      },
    },
    objects: {
      readNode: async (id) => (await holderOf(id)).readNode(id),
      readChunk: async (id) => (await holderOf(id)).readChunk(id),
    },
    flush: () => writer.flush(),
    close: () => writer.close(),
  }
}
