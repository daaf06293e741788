import { throwIfAborted } from '../errors.ts'
import type { StreamReader } from './walk-manifest.ts'

/**
 * Reads as another reader does, until somebody asks it to stop: whatever walks
 * streams through it then ends between two reads.
 *
 * @param operation  what is interrupted, for the error: `writing the dump`
 */
export function abortableReader(
  objects: StreamReader,
  signal: AbortSignal | undefined,
  operation: string,
): StreamReader {
  if (signal === undefined) return objects
  return {
    readNode: async (id) => {
      throwIfAborted(signal, operation)
      return objects.readNode(id)
    },
    readChunk: async (id) => {
      throwIfAborted(signal, operation)
      return objects.readChunk(id)
    },
  }
}
