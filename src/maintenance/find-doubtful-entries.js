/**
 * Tells which entries of a piece of a pack are beyond doubt, without making a value of any.
 *
 * Runs on worker threads too, hence plain JavaScript. It knows the ways in which an entry
 * can be right, and nothing of what can be wrong with one: whatever it does not know, an encoding
 * that is decoded elsewhere included, is doubtful, and for `checkEntry` to judge. So there is one
 * place that says what damage is, and this one may be as fast as it can.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { decompressInto } from '../objects/compress.js'

/** Offsets within an entry, and within a line of a pack index, which begins with the same bytes: store-format.md §4. */
const ID_BYTES = 32
const KIND_AT = 32
const ENCODING_AT = 33
const STORED_SIZE_AT = 34
const SIZE_AT = 38
const CRC_AT = 42
const HEAD_BYTES = 46
const LINE_BYTES = 46
const OFFSET_IN_LINE_AT = 42

const CHUNK = 1
const RAW = 1
const ZSTD = 2
const LINE_FEED = 0x0a

/** Chunks are shorter; for longer objects it grows. */
let scratch = new Uint8Array(256 * 1024)

/**
 * @param {Uint8Array} bytes  of the pack, from `offsetBytes` on
 * @param {number} offsetBytes
 * @param {Uint8Array} heads  of lines of the pack index, 46 bytes for each entry that lies wholly within `bytes`
 * @returns {number[]}  which of the entries, 0-based, ascending
 */
export function findDoubtfulEntries(bytes, offsetBytes, heads) {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const index = Buffer.from(heads.buffer, heads.byteOffset, heads.byteLength)
  const doubtful = []
  for (let line = 0; line * LINE_BYTES < index.length; line++) {
    if (!isBeyondDoubt(view, offsetBytes, index.subarray(line * LINE_BYTES))) doubtful.push(line)
  }
  return doubtful
}

/** @param {Buffer} bytes @param {number} offsetBytes @param {Buffer} line */
function isBeyondDoubt(bytes, offsetBytes, line) {
  const start = line.readUInt32BE(OFFSET_IN_LINE_AT) - offsetBytes
  const storedSizeBytes = line.readUInt32BE(STORED_SIZE_AT)
  const entry = bytes.subarray(start, start + HEAD_BYTES + storedSizeBytes)
  if (entry.length !== HEAD_BYTES + storedSizeBytes) return false
  if (entry.compare(line, 0, CRC_AT, 0, CRC_AT) !== 0) return false
  const stored = entry.subarray(HEAD_BYTES)
  const fieldsCrc = crc32(entry.subarray(0, CRC_AT))
  // Node 20's crc32 forgets the value it is to go on from when it is given no bytes.
  const crc = stored.length === 0 ? fieldsCrc : crc32(stored, fieldsCrc)
  if (crc !== entry.readUInt32BE(CRC_AT)) return false
  const object = findObject(stored, entry[ENCODING_AT], entry.readUInt32BE(SIZE_AT))
  if (object === undefined) return false
  const id = createHash('sha256').update(object).digest()
  if (id.compare(line, 0, ID_BYTES) !== 0) return false
  return entry[KIND_AT] !== CHUNK || object.at(-1) === LINE_FEED || object.indexOf(LINE_FEED) === -1
}

/**
 * @param {Uint8Array} stored @param {number | undefined} encoding @param {number} sizeBytes
 * @returns {Uint8Array | undefined}  valid until the next call
 */
function findObject(stored, encoding, sizeBytes) {
  if (encoding === RAW) return stored
  if (encoding !== ZSTD) return undefined
  if (scratch.length < sizeBytes) scratch = new Uint8Array(sizeBytes)
  const object = scratch.subarray(0, sizeBytes)
  try {
    decompressInto(object, stored)
    return object
  } catch {
    return undefined
  }
}
