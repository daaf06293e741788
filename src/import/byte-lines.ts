import { quoteLiteral } from '../postgres/quote.ts'

/** Cuts bytes into lines, each with its line feed; the last may have none. */
export async function* byteLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  for await (const piece of source) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    let start = 0
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, start)
      if (end === -1) break
      const line = bytes.subarray(start, end + 1)
      yield rest.length === 0 ? line : Buffer.concat([...rest, line])
      rest = []
      start = end + 1
    }
    if (start < bytes.length) rest.push(bytes.subarray(start))
  }
  if (rest.length > 0) yield Buffer.concat(rest)
}

const LINE_FEED = 0x0a
const PIECE_BYTES = 1 << 18

/**
 * Takes the rows of a COPY from lines, up to and with the line `\.` that ends them.
 *
 * @throws whatever `onEnd` throws when the lines end before
 */
export async function* copyRows(
  lines: AsyncIterator<Buffer>,
  onEnd: () => void,
): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  let sizeBytes = 0
  for (;;) {
    const { value: line, done } = await lines.next()
    if (done) {
      onEnd()
      break
    }
    if (line.length <= 4 && /^\\\.\r?\n?$/.test(line.toString('latin1'))) break
    pieces.push(line)
    sizeBytes += line.length
    if (sizeBytes < PIECE_BYTES) continue
    yield Buffer.concat(pieces)
    pieces = []
    sizeBytes = 0
  }
  if (pieces.length > 0) yield Buffer.concat(pieces)
}

/**
 * Says in pg_dump's `COPY … FROM stdin` what its rows are written in, for the server to convert.
 *
 * @param encoding  PostgreSQL's name
 */
export function withEncoding(copyStatement: string, encoding: string): string {
  const statement = copyStatement.trim().replace(/;$/, '')
  return encoding === 'UTF8' ? statement : `${statement} WITH (ENCODING ${quoteLiteral(encoding)})`
}
