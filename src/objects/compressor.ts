import { Worker } from 'node:worker_threads'
import { InvariantError, SnapError } from '../errors.ts'
import type { EntryEncoding } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import { compressAndVerify } from './compress.js'

/** An object in the form in which a pack stores it. */
export interface CompressedObject {
  encoding: EntryEncoding
  stored: Uint8Array
}

type WorkerAnswer = { jobId: number } & (CompressedObject | { failure: string })

interface Job {
  resolve: (result: CompressedObject) => void
  reject: (error: Error) => void
}

interface Thread {
  worker: Worker
  jobs: Map<number, Job>
}

/**
 * Compresses on a few worker threads, started when first needed.
 *
 * Threads hold the process open only while they have work.
 */
export class Compressor {
  readonly #threadCount: number
  readonly #threads: Thread[] = []
  #nextJobId = 1

  /** @param threadCount  0 compresses on the calling thread */
  constructor(threadCount: number) {
    this.#threadCount = threadCount
  }

  /**
   * Returns the stored form of an object, decompressed again and checked against its id.
   *
   * `bytes` is copied before the call returns, so the caller may reuse it at once.
   */
  compress(id: ObjectId, bytes: Uint8Array): Promise<CompressedObject> {
    if (this.#threadCount === 0) return Promise.resolve(compressHere(id, bytes))
    const thread = this.#idlestThread()
    const jobId = this.#nextJobId++
    return new Promise((resolve, reject) => {
      thread.jobs.set(jobId, { resolve, reject })
      thread.worker.ref()
      // A copy of exactly this object is transferred: sent as it is, a view would take its whole
      // underlying buffer along, which may be a much larger network buffer.
      const copy = Uint8Array.from(bytes)
      thread.worker.postMessage({ jobId, id, bytes: copy }, [copy.buffer])
    })
  }

  /** Ends the threads; work in progress is rejected. Safe to call twice. */
  async close(): Promise<void> {
    const threads = this.#threads.splice(0)
    for (const thread of threads) {
      rejectAll(
        thread,
        new SnapError('ABORTED', 'writing objects was interrupted', {
          operation: 'writing objects',
        }),
      )
    }
    await Promise.all(threads.map((thread) => thread.worker.terminate()))
  }

  #idlestThread(): Thread {
    const idlest = this.#threads.reduce<Thread | undefined>(
      (best, thread) => (best === undefined || thread.jobs.size < best.jobs.size ? thread : best),
      undefined,
    )
    if (idlest !== undefined && (idlest.jobs.size === 0 || this.#isComplete())) return idlest
    const thread = startThread()
    this.#threads.push(thread)
    return thread
  }

  #isComplete(): boolean {
    return this.#threads.length >= this.#threadCount
  }
}

/**
 * Compresses on the calling thread; for objects too small or too few for a thread.
 *
 * @returns  bytes that belong to the caller
 */
export function compressHere(id: ObjectId, bytes: Uint8Array): CompressedObject {
  const { encoding, stored } = compressAndVerify(id, bytes)
  return { encoding, stored: stored.slice() }
}

function startThread(): Thread {
  const worker = new Worker(new URL('./compress-worker.js', import.meta.url))
  const thread: Thread = { worker, jobs: new Map() }
  worker.unref()
  worker.on('message', (answer: WorkerAnswer) => {
    const job = thread.jobs.get(answer.jobId)
    thread.jobs.delete(answer.jobId)
    if (thread.jobs.size === 0) worker.unref()
    if ('failure' in answer) job?.reject(new InvariantError(answer.failure))
    else job?.resolve(answer)
  })
  worker.on('error', (cause) => rejectAll(thread, new InvariantError(cause.message, { cause })))
  worker.on('exit', () => rejectAll(thread, new InvariantError('a compression thread has ended')))
  return thread
}

function rejectAll(thread: Thread, error: Error): void {
  for (const job of thread.jobs.values()) job.reject(error)
  thread.jobs.clear()
}
