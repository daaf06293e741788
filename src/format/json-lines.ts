import { SnapError } from '../errors.ts'
import { decodeCanonicalJson, encodeCanonicalJson } from './canonical-json.ts'
import { MAX_OBJECT_BYTES } from './limits.ts'

const LINE_FEED = 0x0a

/** Encodes one row of a JSON stream: canonical JSON and a line feed. */
export function encodeJsonLine(value: unknown): Uint8Array {
  const json = encodeCanonicalJson(value)
  const line = new Uint8Array(json.length + 1)
  line.set(json)
  line[json.length] = LINE_FEED
  return line
}

/**
 * Decodes a stream of canonical JSON lines, whatever pieces it arrives in.
 *
 * Lazy; yields in the order of the stream and holds one line at a time.
 *
 * @param check  returns its argument typed, or throws
 * @throws OBJECT_CORRUPT  a line is not canonical JSON, fails `check`, or lacks its line feed
 */
export async function* decodeJsonLines<T>(
  source: AsyncIterable<Uint8Array>,
  check: (value: unknown) => T,
): AsyncIterable<T> {
  let pieces: Uint8Array[] = []
  let lineSizeBytes = 0
  for await (const bytes of source) {
    let start = 0
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      pieces.push(bytes.subarray(start, end))
      yield check(decodeCanonicalJson(Buffer.concat(pieces)))
      pieces = []
      lineSizeBytes = 0
      start = end + 1
    }
    if (start === bytes.length) continue
    lineSizeBytes += bytes.length - start
    if (lineSizeBytes > MAX_OBJECT_BYTES)
      throw badLine(`a line of more than ${MAX_OBJECT_BYTES} bytes`)
    pieces.push(bytes.slice(start))
  }
  if (pieces.length > 0) throw badLine('a last line without a line feed')
}

function badLine(found: string): SnapError {
  return new SnapError('OBJECT_CORRUPT', `cannot decode JSON lines: the stream holds ${found}`, {
    expected: 'canonical JSON lines',
    found,
  })
}
