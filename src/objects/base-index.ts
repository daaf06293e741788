import { indexLineageAt, type PackIndex, type Sketch } from '../format/pack.ts'

/** How much a number of a sketch says, by its place: the third stands for the first column alone. */
const WEIGHTS = [2, 2, 1] as const

/** One line of a pack index. */
interface Line {
  pack: PackIndex
  position: number
}

/**
 * Finds the newest stored chunk that is like another, by their sketches.
 *
 * A hash table from each number of a sketch to the newest chunk that has it: of a
 * thousand states of one chunk only the last is worth building on. Takes 20 to
 * 40 bytes for each chunk that has no newer like it.
 */
export class BaseIndex {
  readonly #packs: PackIndex[] = []
  /** Place of a pack in `#packs` + 1, and position in it; 0 where empty. Lengths are a power of two. */
  #packNumbers = new Uint32Array(1024)
  #positions = new Uint32Array(1024)
  #count = 0

  /** Takes in the chunks of a pack. Packs of version 1 say nothing of theirs. */
  addPack(pack: PackIndex): void {
    if (pack.version === 1) return
    this.#packs.push(pack)
    const neededCount = this.#count + pack.entryCount * WEIGHTS.length
    if (neededCount > this.#packNumbers.length * 0.6) this.#grow(neededCount)
    else this.#insertAll(pack, this.#packs.length)
  }

  /** Returns the line of the chunk that has most in common, by what its numbers say; of equals the newest. */
  find(sketch: Sketch): Line | undefined {
    let best: Line | undefined
    let bestRank = 0
    for (const [place, feature] of sketch.entries()) {
      if (feature === 0) continue
      const slot = this.#slotOf(place, feature)
      const line = this.#lineAt(slot)
      if (line === undefined) continue
      const { sketch: other, generation } = indexLineageAt(line.pack, line.position)!
      const weight = WEIGHTS.reduce<number>(
        (sum, each, i) => (other[i] === sketch[i] ? sum + each : sum),
        0,
      )
      const rank = weight * 0x10000 + generation + 1
      if (rank > bestRank) [best, bestRank] = [line, rank]
    }
    return best
  }

  #insertAll(pack: PackIndex, packNumber: number): void {
    for (let position = 0; position < pack.entryCount; position++) {
      const { sketch } = indexLineageAt(pack, position)!
      for (const [place, feature] of sketch.entries()) {
        if (feature !== 0) this.#insert({ pack, position }, packNumber, place, feature)
      }
    }
  }

  #insert(line: Line, packNumber: number, place: number, feature: number): void {
    const slot = this.#slotOf(place, feature)
    const known = this.#lineAt(slot)
    if (known === undefined) this.#count++
    else if (generationOf(known) > generationOf(line)) return
    this.#packNumbers[slot] = packNumber
    this.#positions[slot] = line.position
  }

  /** The slot that holds a number of a sketch, or the empty one where it belongs. */
  #slotOf(place: number, feature: number): number {
    const mask = this.#packNumbers.length - 1
    let slot = (feature + Math.imul(place, 0x9e3779b1)) & mask
    for (; ; slot = (slot + 1) & mask) {
      const line = this.#lineAt(slot)
      if (line === undefined) return slot
      if (indexLineageAt(line.pack, line.position)!.sketch[place] === feature) return slot
    }
  }

  #lineAt(slot: number): Line | undefined {
    const packNumber = this.#packNumbers[slot]!
    if (packNumber === 0) return undefined
    return { pack: this.#packs[packNumber - 1]!, position: this.#positions[slot]! }
  }

  #grow(neededCount: number): void {
    let { length } = this.#packNumbers
    while (neededCount > length * 0.6) length *= 2
    this.#packNumbers = new Uint32Array(length)
    this.#positions = new Uint32Array(length)
    this.#count = 0
    for (const [i, pack] of this.#packs.entries()) this.#insertAll(pack, i + 1)
  }
}

const generationOf = ({ pack, position }: Line) => indexLineageAt(pack, position)!.generation
