/**
 * Compresses one object and decompresses the result again. Shared by the
 * calling thread and the worker threads, hence plain JavaScript.
 */
import { createHash } from 'node:crypto'
import binding from 'zstd-napi/binding.js'

/**
 * Level 1: levels 3 and 6 took 1.5 and 4.7 times as long on table rows, for
 * frames 0 and 3 percent smaller.
 */
const LEVEL = 1

/**
 * Level 3 for deltas: at level 1 the tables that zstd looks matches up in are smaller than base and
 * object together, and a quarter of the matches is missed.
 */
const DELTA_LEVEL = 3

/** A delta this many times smaller than the object is taken without looking whether it needs one. */
const CLEAR_GAIN = 8

/** Otherwise it must be this share of the frame without a base: it costs who reads it a second read. */
const WORTHWHILE_SHARE = 0.8

/** zstd takes a dictionary that begins so for one of its own making (RFC 8878, "Dictionary Format"). */
const DICTIONARY_MAGIC = [0x37, 0xa4, 0x30, 0xec]

/** Below, there is nothing to gain; and zstd ignores dictionaries of fewer than 8 bytes. */
const MIN_BASE_BYTES = 256

const compressor = new binding.CCtx()
const decompressor = new binding.DCtx()
let copy = new Uint8Array(0)
let plainFrame = new Uint8Array(0)

/**
 * Returns how long the frame of an object of `sizeBytes` can become.
 *
 * @param {number} sizeBytes
 */
export function maxFrameBytes(sizeBytes) {
  return binding.compressBound(sizeBytes)
}

/**
 * Tells whether zstd takes an object for a dictionary as it is.
 *
 * @param {Uint8Array} object
 */
export function canBeBase(object) {
  return object.length >= MIN_BASE_BYTES && DICTIONARY_MAGIC.some((byte, i) => object[i] !== byte)
}

/**
 * Compresses an object into `frame`, and checks what has become of it.
 *
 * The frame has been decompressed again, and the outcome hashed: a fault of the
 * compressor or of memory is found before the frame is the only copy.
 *
 * @param {string} id  of the object, in hex
 * @param {Uint8Array} bytes
 * @param {Uint8Array} frame  `maxFrameBytes(bytes.length)` bytes or more
 * @param {Uint8Array} [base]  an object like it, to be used if it makes the frame smaller
 * @returns {{ encoding: 'raw' | 'zstd' | 'delta', frameSizeBytes: number }}
 *   `raw`: the frame is no smaller than the object, and not to be used
 */
export function compressAndVerify(id, bytes, frame, base) {
  const { frameSizeBytes, isDelta } = compress(bytes, frame, base)
  if (frameSizeBytes >= bytes.length) {
    verify(id, bytes)
    return { encoding: 'raw', frameSizeBytes }
  }
  if (copy.length < bytes.length) copy = new Uint8Array(bytes.length)
  const restored = copy.subarray(0, bytes.length)
  decompressInto(restored, frame.subarray(0, frameSizeBytes), isDelta ? base : undefined)
  verify(id, restored)
  return { encoding: isDelta ? 'delta' : 'zstd', frameSizeBytes }
}

/**
 * @param {Uint8Array} bytes
 * @param {Uint8Array} frame
 * @param {Uint8Array | undefined} base
 */
function compress(bytes, frame, base) {
  if (base === undefined || !canBeBase(base)) {
    return { frameSizeBytes: compressor.compress(frame, bytes, LEVEL), isDelta: false }
  }
  const deltaSizeBytes = compressor.compressUsingDict(frame, bytes, base, DELTA_LEVEL)
  if (deltaSizeBytes <= bytes.length / CLEAR_GAIN) {
    return { frameSizeBytes: deltaSizeBytes, isDelta: true }
  }
  const maxBytes = maxFrameBytes(bytes.length)
  if (plainFrame.length < maxBytes) plainFrame = new Uint8Array(maxBytes)
  const plainSizeBytes = compressor.compress(plainFrame, bytes, LEVEL)
  if (deltaSizeBytes <= plainSizeBytes * WORTHWHILE_SHARE) {
    return { frameSizeBytes: deltaSizeBytes, isDelta: true }
  }
  frame.set(plainFrame.subarray(0, plainSizeBytes))
  return { frameSizeBytes: plainSizeBytes, isDelta: false }
}

/**
 * Decompresses zstd data that holds exactly as many bytes as `target`.
 *
 * @param {Uint8Array} target
 * @param {Uint8Array} stored
 * @param {Uint8Array} [base]  what a delta builds on
 */
export function decompressInto(target, stored, base) {
  const sizeBytes =
    base === undefined
      ? decompressor.decompress(target, stored)
      : decompressor.decompressUsingDict(target, stored, base)
  if (sizeBytes !== target.length) {
    throw new Error(`the frame holds ${sizeBytes} bytes, not ${target.length}`)
  }
}

/**
 * @param {string} id
 * @param {Uint8Array} bytes
 */
function verify(id, bytes) {
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== id) throw new Error(`object ${id} hashes to ${found} after compression`)
}
