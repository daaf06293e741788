import { objectIdOf } from '../format/object-id.ts'
import type { ObjectId } from '../format/values.ts'

/**
 * Where objects are put: an `ObjectWriter` for a commit, or a `HashingSink`
 * when only the ids are wanted (what differs from a commit?).
 */
export interface ObjectSink {
  /** Takes ownership of `bytes`; waits when the sink is behind. */
  put(kind: 'chunk' | 'metadata', bytes: Uint8Array): Promise<ObjectId>
}

/** Computes ids and keeps nothing. */
export class HashingSink implements ObjectSink {
  put(_kind: 'chunk' | 'metadata', bytes: Uint8Array): Promise<ObjectId> {
    return Promise.resolve(objectIdOf(bytes))
  }
}
