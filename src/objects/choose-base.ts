import { SnapError } from '../errors.ts'
import { MAX_DELTA_OBJECT_BYTES } from '../format/limits.ts'
import { type Lineage, MAX_GENERATION, type Sketch } from '../format/pack.ts'
import type { ObjectId } from '../format/values.ts'
import { BaseCache } from './base-cache.ts'
import { canBeBase } from './compress.js'
import type { ObjectDatabase } from './object-database.ts'
import type { StoredObject } from './object-index.ts'

/** Of every four states of a chunk, three build on the one before. */
const STRIDE = 4

/** No writer makes a longer chain; reading the last of it takes this many small frames more. */
const MAX_CHAIN = 12

export interface ChosenBase {
  id: ObjectId
  bytes: Uint8Array
}

/**
 * Chooses what new chunks are stored as deltas on: older chunks that are like them.
 *
 * Were each built on the one before, the thousandth state of a chunk would take a
 * thousand reads; were all built on the first, it would hold a thousand changes. So
 * the n-th builds on the (n − 4^k)-th, where 4^k is the largest power of four that
 * divides n, as in Subversion's skip deltas, to base 4: the chain is at most three
 * times the digits of n, and a change is stored as often as n has digits.
 *
 * A base that cannot be read is none. Who calls holds the store lock, so that what
 * is chosen is not collected before the delta is named.
 */
export class BaseChooser {
  readonly #objects: ObjectDatabase
  readonly #read = new BaseCache()

  constructor(objects: ObjectDatabase) {
    this.#objects = objects
  }

  /** Returns what is known of a new chunk with this sketch, and what to build it on, if anything. */
  async choose(
    id: ObjectId,
    sketch: Sketch,
  ): Promise<{ lineage: Lineage; base: ChosenBase | undefined }> {
    const similar = await this.#objects.findSimilar(sketch)
    if (similar?.lineage === undefined)
      return { lineage: { sketch, generation: 0 }, base: undefined }
    const generation = Math.min(similar.lineage.generation + 1, MAX_GENERATION)
    const lineage = { sketch, generation }
    const bases = this.#objects.findBases(similar)
    // A chain that is not whole may end in this very object, which is written because it is lost.
    if (bases === undefined || similar.id === id) return { lineage, base: undefined }
    const chain = [similar, ...bases]
    const base = chain.find(
      (entry) =>
        entry.baseId === undefined ||
        (entry.lineage?.generation ?? 0) <= generationToBuildOn(generation),
    )
    const isShort = base !== undefined && chain.length - chain.indexOf(base) <= MAX_CHAIN
    return { lineage, base: isShort ? await this.#readBase(base) : undefined }
  }

  async #readBase({ id, sizeBytes }: StoredObject): Promise<ChosenBase | undefined> {
    if (sizeBytes > MAX_DELTA_OBJECT_BYTES) return undefined
    const known = this.#read.find(id)
    if (known !== undefined) return { id, bytes: known }
    try {
      const bytes = await this.#objects.readChunk(id)
      if (!canBeBase(bytes)) return undefined
      this.#read.add(id, bytes)
      return { id, bytes }
    } catch (error) {
      // Stored whole, the chunk needs nothing of what is damaged or out of reach.
      if (!(error instanceof SnapError)) throw error
      return undefined
    }
  }
}

/** Lowers the last digit that is not 0, of `generation` to base 4, by one. */
function generationToBuildOn(generation: number): number {
  let step = 1
  while (generation % (step * STRIDE) === 0) step *= STRIDE
  return generation - step
}
