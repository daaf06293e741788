import { InvariantError, SnapError } from '../errors.ts'
import { MAX_JSON_DEPTH } from './limits.ts'

/**
 * JSON with exactly one encoding of each value, so that equal values have equal
 * bytes and equal ids.
 *
 * Keys ascend in code unit order, nothing is spaced, numbers are integers
 * within ±(2^53 − 1) and never −0, and strings are escaped as ECMAScript's
 * JSON.stringify escapes them (a lone surrogate as `\udXXX`). Decoding accepts
 * nothing else: what was decoded is encoded again and must give the same bytes.
 *
 * @see store-format.md §5.1 "Canonical JSON"
 */

/**
 * Encodes a value of plain objects, arrays, strings, integers, booleans and null.
 *
 * A value that canonical JSON cannot hold is a programmer's error, not a user's.
 */
export function encodeCanonicalJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(write(value, 0))
}

/**
 * Decodes canonical JSON.
 *
 * @throws OBJECT_CORRUPT  `bytes` is not the canonical encoding of any value
 */
export function decodeCanonicalJson(bytes: Uint8Array): unknown {
  let value: unknown
  let text: string
  let encoded: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
    // The engine's own writer is several times as fast, and what it writes as it was read is
    // canonical unless a key or a number is not.
    if (isInCanonicalOrder(value, 0) && JSON.stringify(value) === text) return value
    encoded = write(value, 0)
  } catch (cause) {
    throw notCanonical('bytes that do not parse', cause)
  }
  // Of valid UTF-8 equal texts are equal bytes.
  if (encoded !== text) throw notCanonical('another encoding of its value')
  return value
}

/** Tells whether keys ascend as they stand, numbers are such as may be written, and nothing is nested too deeply. */
function isInCanonicalOrder(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || value === null) return true
  // What is too deep is left to `write`, which says so.
  if (depth >= MAX_JSON_DEPTH) return false
  if (Array.isArray(value)) return value.every((item) => isInCanonicalOrder(item, depth + 1))
  let previous: string | undefined
  for (const [key, field] of Object.entries(value)) {
    if (previous !== undefined && key <= previous) return false
    if (!isInCanonicalOrder(field, depth + 1)) return false
    previous = key
  }
  return true
}

function write(value: unknown, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw new InvariantError('canonical JSON is nested too deeply')
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new InvariantError(`canonical JSON cannot hold the number ${value}`)
    }
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`
  if (typeof value === 'object') {
    const fields = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${write(field, depth + 1)}`)
    return `{${fields.join(',')}}`
  }
  throw new InvariantError(`canonical JSON cannot hold a ${typeof value}`)
}

function notCanonical(found: string, cause?: unknown): SnapError {
  return new SnapError(
    'OBJECT_CORRUPT',
    `cannot decode canonical JSON: it holds ${found}`,
    { expected: 'canonical JSON', found },
    { cause },
  )
}
