/**
 * Compresses objects off the calling thread, in memory that both share.
 *
 * Plain JavaScript, because Node 20 cannot load TypeScript into a worker.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { compressAndVerify } from './compress.js'

if (parentPort === null) throw new Error('compress-worker.js runs as a worker thread only')
const port = parentPort

/** Objects come in the first half of a slot; frames go into the second. */
const slots = /** @type {{ input: Uint8Array, frame: Uint8Array }[]} */ (workerData)

port.on('message', (/** @type {{ slotNumber: number, id: string, sizeBytes: number }} */ job) => {
  const { slotNumber, id, sizeBytes } = job
  const slot = slots[slotNumber]
  try {
    if (slot === undefined) throw new Error(`there is no slot ${slotNumber}`)
    const frameSizeBytes = compressAndVerify(id, slot.input.subarray(0, sizeBytes), slot.frame)
    port.postMessage({ slotNumber, frameSizeBytes })
  } catch (error) {
    port.postMessage({ slotNumber, failure: String(error) })
  }
})
