import type { ObjectId } from '../format/values.ts'

/** Two hundred chunks: neighbours in a table mostly build on neighbours. */
const MAX_CACHED_BYTES = 16 * 1024 * 1024

/**
 * Bases that were decoded a short while ago, so that chunks read in order do not
 * decode the one they share again. What was not used for longest goes first.
 */
export class BaseCache {
  readonly #bases = new Map<ObjectId, Uint8Array>()
  #sizeBytes = 0

  /** The bytes must not be changed. */
  find(id: ObjectId): Uint8Array | undefined {
    const base = this.#bases.get(id)
    if (base === undefined) return undefined
    this.#bases.delete(id)
    this.#bases.set(id, base)
    return base
  }

  /** Replaces what is known of the object. */
  add(id: ObjectId, base: Uint8Array): void {
    this.#sizeBytes += base.length - (this.#bases.get(id)?.length ?? 0)
    this.#bases.delete(id)
    this.#bases.set(id, base)
    for (const [oldest, { length }] of this.#bases) {
      if (this.#sizeBytes <= MAX_CACHED_BYTES) break
      this.#bases.delete(oldest)
      this.#sizeBytes -= length
    }
  }
}
