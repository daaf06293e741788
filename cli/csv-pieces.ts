const LINES_PER_PIECE = 1_000

/** Joins lines to pieces that are worth a write. */
export async function* csvPieces(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let piece: string[] = []
  for await (const line of lines) {
    piece.push(`${line}\n`)
    if (piece.length < LINES_PER_PIECE) continue
    yield Buffer.from(piece.join(''))
    piece = []
  }
  if (piece.length > 0) yield Buffer.from(piece.join(''))
}
