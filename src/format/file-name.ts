import { SnapError } from '../errors.ts'

/**
 * Names of files are bytes, and JSON is text: what is not UTF-8 in a name is written as lone
 * surrogates, U+DC80 for the byte 80 to U+DCFF for FF, as Python's `surrogateescape` (PEP 383) does.
 *
 * @see store-format.md §5.5 "Sources"
 */

const LOWEST_ESCAPED_BYTE = 0x80
const ESCAPE = 0xdc00

/** Returns the text of a name. Names that are UTF-8 are that text; every other has one of its own. */
export function formatFileName(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  if (!text.includes('\ufffd')) return text
  let escaped = ''
  for (let offset = 0; offset < bytes.length; ) {
    const sizeBytes = characterSizeBytes(bytes, offset)
    if (sizeBytes === 0) {
      escaped += String.fromCharCode(ESCAPE + bytes[offset]!)
      offset++
    } else {
      escaped += Buffer.from(bytes.subarray(offset, offset + sizeBytes)).toString('utf8')
      offset += sizeBytes
    }
  }
  return escaped
}

/**
 * Returns the bytes of a name.
 *
 * @throws OBJECT_CORRUPT  `formatFileName` would not write the name like this
 */
export function parseFileName(text: string): Buffer {
  const plain = Buffer.from(text, 'utf8')
  if (!plain.includes(REPLACEMENT)) return plain
  const pieces: Buffer[] = []
  for (const character of text) {
    const code = character.codePointAt(0)!
    const isEscaped = code >= ESCAPE + LOWEST_ESCAPED_BYTE && code <= ESCAPE + 0xff
    pieces.push(isEscaped ? Buffer.from([code - ESCAPE]) : Buffer.from(character, 'utf8'))
  }
  const bytes = Buffer.concat(pieces)
  if (formatFileName(bytes) === text) return bytes
  throw new SnapError('OBJECT_CORRUPT', 'cannot read the name of a file: it is not canonical', {
    expected: JSON.stringify(formatFileName(bytes)),
    found: JSON.stringify(text),
  })
}

/** U+FFFD in UTF-8: what decoders write for bytes that are no UTF-8, and encoders for lone surrogates. */
const REPLACEMENT = Buffer.from([0xef, 0xbf, 0xbd])

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Length of the UTF-8 character that begins at `offset`; 0 when none does. */
function characterSizeBytes(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset]!
  const sizeBytes = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (sizeBytes === 0 || offset + sizeBytes > bytes.length) return 0
  try {
    decoder.decode(bytes.subarray(offset, offset + sizeBytes))
    return sizeBytes
  } catch {
    return 0
  }
}
