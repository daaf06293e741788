import type { CopyStreamQuery } from 'pg-copy-streams'

export type CopyInOutcome =
  | { kind: 'loaded'; rowCount: number }
  | { kind: 'sourceFailed'; error: unknown }
  | { kind: 'serverFailed'; error: unknown }

/**
 * Writes a source into a COPY stream, one piece at a time.
 *
 * After a server error pg-copy-streams has no connection any more and throws on
 * every use. So each write is awaited, and the outcome is looked at before the next.
 */
export async function runCopyIn(copy: {
  stream: CopyStreamQuery
  start: (stream: CopyStreamQuery) => void
  source: AsyncIterable<Uint8Array>
}): Promise<CopyInOutcome> {
  const { stream } = copy
  let outcome: CopyInOutcome | undefined
  const settled = new Promise<CopyInOutcome>((resolve) => {
    const settle = (how: CopyInOutcome) => {
      outcome ??= how
      resolve(outcome)
    }
    stream.on('error', (error) => settle({ kind: 'serverFailed', error }))
    stream.once('finish', () => settle({ kind: 'loaded', rowCount: stream.rowCount }))
  })
  copy.start(stream)
  try {
    for await (const piece of copy.source) {
      if (outcome !== undefined) return outcome
      if (piece.length === 0) continue
      await Promise.race([written(stream, piece), settled])
    }
  } catch (error) {
    if (outcome !== undefined) return outcome
    // Sends CopyFail; the server answers with an error of its own, which ends the statement.
    stream.destroy(new Error('the source of the rows failed'))
    await settled
    return { kind: 'sourceFailed', error }
  }
  if (outcome !== undefined) return outcome
  stream.end()
  return settled
}

/** A write that fails is told by the stream's error event instead. */
function written(stream: CopyStreamQuery, piece: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(piece, (error) => {
      if (!error) resolve()
    })
  })
}
