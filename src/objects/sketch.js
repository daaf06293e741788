/**
 * What a chunk of rows is like, in three numbers. Plain JavaScript, because the
 * worker threads need it.
 *
 * Each number is the least of a hash over the chunk's rows: two chunks share it
 * with the probability that a row of one is in the other, wherever it stands
 * (Broder, "On the resemblance and containment of documents"). Hashed are keys
 * and not rows, so that a row which changed in place is still the same: the
 * first two columns for two of the numbers, each over half of the rows, and the
 * first column alone for the third. The first column may say little (a tenant,
 * a flag), the second may change in every row; mostly one of them serves.
 */

/** Longer keys are told apart by this much of them. */
const MAX_KEY_BYTES = 64
const TAB = 0x09
const LINE_FEED = 0x0a

/**
 * Computes the sketch of a chunk. 0 where it has no row that counts for a number.
 *
 * @param {Uint8Array} bytes
 * @returns {[number, number, number]}
 */
export function sketchOf(bytes) {
  let even = 0
  let odd = 0
  let first = 0
  for (let start = 0; start < bytes.length; ) {
    const limit = Math.min(bytes.length, start + MAX_KEY_BYTES)
    let hash = 0x811c9dc5
    let columnHash = 0
    let end = start
    for (; end < limit; end++) {
      const byte = bytes[end] ?? 0
      if (byte === LINE_FEED) break
      if (byte === TAB) {
        if (columnHash !== 0) break
        columnHash = mix(hash)
      }
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    const key = mix(hash)
    if (columnHash === 0) columnHash = key
    // 0 says that there is none, so the least of what is one higher.
    if ((key & 1) === 0) even = even === 0 ? key + 1 : Math.min(even, key + 1)
    else odd = odd === 0 ? key : Math.min(odd, key)
    first = first === 0 ? columnHash : Math.min(first, columnHash)
    const lineFeed = bytes.indexOf(LINE_FEED, end)
    if (lineFeed === -1) break
    start = lineFeed + 1
  }
  return [even, odd, first >>> 0]
}

/**
 * Makes the sketch of a chunk one that only chunks of its family share: rows of a hundred tables
 * have the keys 1, 2, 3, and nothing else in common.
 *
 * @param {readonly [number, number, number]} sketch
 * @param {number} family  0 leaves the sketch as it is
 * @returns {[number, number, number]}
 */
export function sketchInFamily([even, odd, first], family) {
  const inFamily = (/** @type {number} */ feature) =>
    feature === 0 ? 0 : Math.max(1, (feature ^ family) >>> 0)
  return [inFamily(even), inFamily(odd), inFamily(first)]
}

/** @param {number} hash */
function mix(hash) {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
