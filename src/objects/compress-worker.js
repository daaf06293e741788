/**
 * Compresses objects off the calling thread, in memory that both share.
 *
 * Plain JavaScript, because Node 20 cannot load TypeScript into a worker.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { compressAndVerify } from './compress.js'
import { sketchOf } from './sketch.js'

if (parentPort === null) throw new Error('compress-worker.js runs as a worker thread only')
const port = parentPort

/** An object, another like it where there is one, and the frame that becomes of them. */
const slots = /** @type {{ input: Uint8Array, base: Uint8Array, frame: Uint8Array }[]} */ (
  workerData
)

/**
 * @typedef {{ kind: 'sketch', slotNumber: number, sizeBytes: number }
 *   | { kind: 'compress', slotNumber: number, id: string, sizeBytes: number, baseSizeBytes: number }} Job
 */

port.on('message', (/** @type {Job} */ job) => {
  const { slotNumber } = job
  try {
    port.postMessage({ slotNumber, result: work(job) })
  } catch (error) {
    port.postMessage({ slotNumber, failure: String(error) })
  }
})

/** @param {Job} job */
function work(job) {
  const slot = slots[job.slotNumber]
  if (slot === undefined) throw new Error(`there is no slot ${job.slotNumber}`)
  const bytes = slot.input.subarray(0, job.sizeBytes)
  if (job.kind === 'sketch') return sketchOf(bytes)
  const base = job.baseSizeBytes === 0 ? undefined : slot.base.subarray(0, job.baseSizeBytes)
  return compressAndVerify(job.id, bytes, slot.frame, base)
}
