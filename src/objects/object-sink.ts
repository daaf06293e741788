import { createHash } from 'node:crypto'
import { objectIdOf } from '../format/object-id.ts'
import type { ObjectId } from '../format/values.ts'

/**
 * Where objects are put: an `ObjectWriter` for a commit, or a `HashingSink`
 * when only the ids are wanted (what differs from a commit?).
 */
export interface ObjectSink {
  /**
   * Takes ownership of `bytes`; waits when the sink is behind.
   *
   * @param family  of `familyOf`: what a chunk came from is looked for among chunks of its family
   */
  put(kind: 'chunk' | 'metadata', bytes: Uint8Array, family?: number): Promise<ObjectId>
}

/** Returns the number that chunks of one table, or of another stream that is captured again and again, share. */
export function familyOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0)
}

/** Puts all chunks into `sink` as those of one family. */
export function inFamily(sink: ObjectSink, name: string): ObjectSink {
  const family = familyOf(name)
  return { put: (kind, bytes) => sink.put(kind, bytes, family) }
}

/** Computes ids and keeps nothing. */
export class HashingSink implements ObjectSink {
  put(_kind: 'chunk' | 'metadata', bytes: Uint8Array): Promise<ObjectId> {
    return Promise.resolve(objectIdOf(bytes))
  }
}
