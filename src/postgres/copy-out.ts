import type { CopyToStreamQuery } from 'pg-copy-streams'
import type { Conversation } from './session.ts'

/**
 * Reads a COPY stream to its end, and leaves the connection ready whatever happens.
 *
 * pg-copy-streams takes the socket away from pg while rows flow and gives it
 * back at CopyDone. Destroying its stream half-way would keep the socket for
 * ever, so an early end cancels the statement and reads on until the server stops.
 */
export async function* readCopyOut(copy: {
  stream: CopyToStreamQuery
  start: (stream: CopyToStreamQuery) => void
  cancel: () => Promise<void>
}): AsyncGenerator<Buffer, void, undefined> {
  const { stream } = copy
  const settled = untilReady(stream)
  let hasFailed = false
  settled.catch(() => {
    hasFailed = true
  })
  copy.start(stream)
  let isReadToEnd = false
  try {
    for await (const piece of stream.iterator({ destroyOnReturn: false })) yield piece
    isReadToEnd = true
    await settled
  } finally {
    if (!isReadToEnd && !hasFailed) {
      await copy.cancel()
      stream.resume()
      // Not the stream's own end: it may have failed already, while the cancellation was on its way.
      await settled.catch(() => undefined)
    }
  }
}

/**
 * Resolves when the server is ready for the next statement, rejects with its error.
 *
 * An error can still come after the last row (at the implicit commit), when the
 * stream has ended and nobody else listens.
 */
function untilReady(stream: CopyToStreamQuery): Promise<void> {
  const conversation = stream as unknown as Conversation
  return new Promise((resolve, reject) => {
    conversation.handleReadyForQuery = () => resolve()
    stream.on('error', reject)
  })
}
