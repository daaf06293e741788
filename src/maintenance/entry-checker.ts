import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { InvariantError } from '../errors.ts'
import { findDoubtfulEntries } from './find-doubtful-entries.js'

/** Some consecutive entries of a pack. */
export interface PackPiece {
  /** In a buffer of their own. */
  bytes: Uint8Array
  /** Where they begin in the pack. */
  offsetBytes: number
  /** Of the pack index, 46 bytes for each entry. */
  heads: Uint8Array
}

interface Answer {
  /** Which of the entries, 0-based. */
  doubtful: number[]
  /** Of the piece, again the caller's. */
  bytes: Uint8Array
}

/** What starting a thread costs is what checking this many stored bytes costs. */
const WORTH_A_THREAD_BYTES = 4 * 1024 * 1024

/**
 * Looks at pieces of packs on as many threads as the machine has, or on the calling one where
 * there is too little to do. Threads are started as they are needed.
 */
export class EntryChecker {
  readonly threadCount: number
  readonly #idle: Worker[] = []
  readonly #all: Worker[] = []
  readonly #waiting: ((worker: Worker) => void)[] = []

  /** @param sizeBytes  of all pieces together */
  constructor(sizeBytes: number) {
    const worthwhile = Math.floor(sizeBytes / WORTH_A_THREAD_BYTES)
    this.threadCount = Math.min(availableParallelism(), worthwhile)
  }

  /** Returns the entries that are not beyond doubt. Takes over `piece.bytes` until then. */
  async check(piece: PackPiece): Promise<Answer> {
    if (this.threadCount === 0) {
      return {
        doubtful: findDoubtfulEntries(piece.bytes, piece.offsetBytes, piece.heads),
        bytes: piece.bytes,
      }
    }
    const worker = await this.#take()
    try {
      return await askWorker(worker, piece)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(worker)
      else next(worker)
    }
  }

  /** Ends the threads. No piece may be on its way. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()))
  }

  #take(): Promise<Worker> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return Promise.resolve(idle)
    if (this.#all.length < this.threadCount) {
      const worker = new Worker(new URL('./check-worker.js', import.meta.url))
      this.#all.push(worker)
      return Promise.resolve(worker)
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

function askWorker(worker: Worker, piece: PackPiece): Promise<Answer> {
  const { buffer, byteLength } = piece.bytes
  const bytes = buffer.byteLength === byteLength ? piece.bytes : piece.bytes.slice()
  return new Promise<Answer>((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off('message', onMessage)
      worker.off('error', onError)
      worker.off('exit', onExit)
      act()
    }
    const onMessage = (answer: Answer) => settle(() => resolve(answer))
    const onError = (cause: Error) =>
      settle(() => reject(new InvariantError(cause.message, { cause })))
    const onExit = () => settle(() => reject(new InvariantError('a checking thread has ended')))
    worker.on('message', onMessage)
    worker.on('error', onError)
    worker.on('exit', onExit)
    worker.postMessage({ ...piece, bytes }, [bytes.buffer as ArrayBuffer])
  })
}
