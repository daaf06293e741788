import { createHash } from 'node:crypto'

const LINE_FEED = 0x0a

/** Sums stay below this, so that they are a group in which order does not count. */
const MODULUS = 1n << 256n

/**
 * Returns a digest of COPY text that is the same for the same rows in any order.
 *
 * The sum of the rows' SHA-256: rows that occur twice count twice.
 */
export async function digestRows(source: AsyncIterable<Uint8Array>): Promise<string> {
  let sum = 0n
  let unfinished: Uint8Array[] = []
  for await (const bytes of source) {
    let start = 0
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      const hash = createHash('sha256')
      for (const piece of unfinished) hash.update(piece)
      unfinished = []
      const digest = hash.update(bytes.subarray(start, end)).digest('hex')
      sum = (sum + BigInt(`0x${digest}`)) % MODULUS
      start = end + 1
    }
    // The buffer may be used again by whoever fills it.
    if (start < bytes.length) unfinished.push(bytes.slice(start))
  }
  return sum.toString(16)
}
