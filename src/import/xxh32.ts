/** The 32-bit xxHash with seed 0, which LZ4 frames are checked by (xxHash specification 0.1.1). */
export class Xxh32 {
  readonly #lanes = Uint32Array.of(PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1)
  readonly #stripe = Buffer.alloc(STRIPE_BYTES)
  #inStripe = 0
  #sizeBytes = 0

  update(bytes: Uint8Array): this {
    this.#sizeBytes += bytes.length
    let from = 0
    while (from < bytes.length) {
      const taken = Math.min(STRIPE_BYTES - this.#inStripe, bytes.length - from)
      this.#stripe.set(bytes.subarray(from, from + taken), this.#inStripe)
      from += taken
      this.#inStripe += taken
      if (this.#inStripe < STRIPE_BYTES) break
      for (let lane = 0; lane < 4; lane++) {
        const word = this.#stripe.readUInt32LE(4 * lane)
        const mixed = (this.#lanes[lane]! + Math.imul(word, PRIME_2)) | 0
        this.#lanes[lane] = Math.imul(rotate(mixed, 13), PRIME_1)
      }
      this.#inStripe = 0
    }
    return this
  }

  /** An unsigned number. */
  digest(): number {
    const [a, b, c, d] = this.#lanes
    let hash =
      this.#sizeBytes >= STRIPE_BYTES
        ? rotate(a!, 1) + rotate(b!, 7) + rotate(c!, 12) + rotate(d!, 18)
        : PRIME_5
    hash = (hash + this.#sizeBytes) | 0
    let at = 0
    for (; at + 4 <= this.#inStripe; at += 4) {
      const mixed = (hash + Math.imul(this.#stripe.readUInt32LE(at), PRIME_3)) | 0
      hash = Math.imul(rotate(mixed, 17), PRIME_4)
    }
    for (; at < this.#inStripe; at++) {
      const mixed = (hash + Math.imul(this.#stripe[at]!, PRIME_5)) | 0
      hash = Math.imul(rotate(mixed, 11), PRIME_1)
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
    return (hash ^ (hash >>> 16)) >>> 0
  }
}

const STRIPE_BYTES = 16
const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

const rotate = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits))
