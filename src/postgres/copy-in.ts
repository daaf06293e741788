import type { CopyStreamQuery } from 'pg-copy-streams'

export type CopyInOutcome =
  | { kind: 'loaded'; rowCount: number }
  | { kind: 'sourceFailed'; error: unknown }
  | { kind: 'serverFailed'; error: unknown }

/**
 * Writes a source into a COPY stream, one piece at a time.
 *
 * Each write is awaited: pg-copy-streams keeps no connection after a server
 * error and would throw out of a socket event if pieces were still queued then.
 */
export async function runCopyIn(copy: {
  stream: CopyStreamQuery
  start: (stream: CopyStreamQuery) => void
  source: AsyncIterable<Uint8Array>
}): Promise<CopyInOutcome> {
  const { stream } = copy
  const answer = new Promise<CopyInOutcome>((resolve) => {
    stream.on('error', (error) => resolve({ kind: 'serverFailed', error }))
    stream.once('finish', () => resolve({ kind: 'loaded', rowCount: stream.rowCount }))
  })
  copy.start(stream)
  try {
    for await (const piece of copy.source) {
      if (piece.length === 0) continue
      const failure = await Promise.race([written(stream, piece), answer])
      if (failure !== undefined) return failure
    }
  } catch (error) {
    // Sends CopyFail; the server answers with an error of its own, which ends the statement.
    stream.destroy(new Error('the source of the rows failed'))
    await answer
    return { kind: 'sourceFailed', error }
  }
  stream.end()
  return answer
}

function written(stream: CopyStreamQuery, piece: Uint8Array): Promise<undefined> {
  // A rejected write is reported through the stream's error event, which `answer` waits for.
  return new Promise((resolve) => {
    stream.write(piece, (error) => {
      if (!error) resolve(undefined)
    })
  })
}
