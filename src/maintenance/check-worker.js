/**
 * Looks at pieces of packs off the calling thread. Plain JavaScript, because Node 20 cannot load
 * TypeScript into a worker.
 */
import { parentPort } from 'node:worker_threads'
import { findDoubtfulEntries } from './find-doubtful-entries.js'

if (parentPort === null) throw new Error('check-worker.js runs as a worker thread only')
const port = parentPort

/** @typedef {{ bytes: Uint8Array<ArrayBuffer>, offsetBytes: number, heads: Uint8Array }} Piece */

port.on('message', (/** @type {Piece} */ { bytes, offsetBytes, heads }) => {
  const doubtful = findDoubtfulEntries(bytes, offsetBytes, heads)
  // Handed back rather than dropped: the piece is freed where it was read, or looked at again there.
  port.postMessage({ doubtful, bytes }, [bytes.buffer])
})
