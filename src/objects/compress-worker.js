/**
 * Compresses objects off the calling thread, and checks what it has compressed.
 *
 * Plain JavaScript, because Node 20 cannot load TypeScript into a worker.
 */
import { parentPort } from 'node:worker_threads'
import { compressAndVerify } from './compress.js'

if (parentPort === null) throw new Error('compress-worker.js runs as a worker thread only')
const port = parentPort

port.on('message', (/** @type {{ jobId: number, id: string, bytes: Uint8Array }} */ job) => {
  try {
    const { encoding, stored } = compressAndVerify(job.id, job.bytes)
    // The raw form is handed back in the buffer it came in; a frame is copied out of its scratch space.
    const owned = encoding === 'raw' ? stored : stored.slice()
    const transfer = /** @type {ArrayBuffer} */ (owned.buffer)
    port.postMessage({ jobId: job.jobId, encoding, stored: owned }, [transfer])
  } catch (error) {
    port.postMessage({ jobId: job.jobId, failure: String(error) })
  }
})
