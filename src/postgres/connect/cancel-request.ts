import { once } from 'node:events'
import type { DatabaseAddress } from '../address/database-address.ts'
import { openSocket } from './open-socket.ts'

/** A server that does not answer by then will not hear of the cancellation either. */
const CANCEL_TIMEOUT_MS = 15_000

/**
 * Asks the server to stop what a connection is doing, through a second connection.
 *
 * Resolves when the server has taken the request, not when the statement has
 * ended. The request goes encrypted if the connection was.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html "Canceling Requests in Progress"
 */
export async function sendCancelRequest(
  address: DatabaseAddress,
  target: { processId: number; secretKey: number; isEncrypted: boolean },
): Promise<void> {
  const timeout = AbortSignal.timeout(CANCEL_TIMEOUT_MS)
  const { socket } = await openSocket(address, target.isEncrypted, timeout)
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(80877102, 4)
  request.writeInt32BE(target.processId, 8)
  request.writeInt32BE(target.secretKey, 12)
  // The server closes the connection without an answer; some platforms report that as a reset.
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  socket.resume()
  socket.write(request)
  await closed
}
