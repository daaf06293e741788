import { Worker } from 'node:worker_threads'
import { InvariantError, SnapError } from '../errors.ts'
import type { Sketch } from '../format/pack.ts'
import type { EntryEncoding } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import { compressAndVerify, maxFrameBytes } from './compress.js'

/** An object in the form in which a pack stores it. */
export interface CompressedObject {
  encoding: EntryEncoding
  /** Overwritten when the slot is released, or by the next call of `compressHere`. */
  stored: Uint8Array
}

/** Longest object that a slot takes: chunks are shorter. */
const SLOT_BYTES = 256 * 1024

/** Enough that a thread finds its next object waiting; 9 MiB of memory if all are full. */
const SLOTS_PER_THREAD = 12

type WorkerRequest =
  | { kind: 'sketch'; sizeBytes: number }
  | { kind: 'compress'; id: ObjectId; sizeBytes: number; baseSizeBytes: number }

type WorkerAnswer =
  | { slotNumber: number; result: unknown }
  | { slotNumber: number; failure: string }

interface Waiting {
  resolve: (slot: Slot) => void
  reject: (error: unknown) => void
}

/**
 * Compresses on a few worker threads, started when first needed.
 *
 * Objects are handed over in slots of memory that both sides share, of which
 * there is a fixed number: that bounds memory, and `takeSlot` waits while all
 * are in use. Buffers transferred instead, one for each object, took 100 MB more
 * before the collector got to them. Threads hold the process open only while
 * they have work.
 */
export class Compressor {
  readonly #threadCount: number
  #threads: Worker[] = []
  readonly #free: Slot[] = []
  readonly #waiting: Waiting[] = []
  #failure: unknown

  /** @param threadCount  0 takes no object; use `compressHere` */
  constructor(threadCount: number) {
    this.#threadCount = threadCount
  }

  /** Tells whether an object may go through a slot. */
  accepts(sizeBytes: number): boolean {
    return this.#threadCount > 0 && sizeBytes <= SLOT_BYTES
  }

  /** Returns a slot; waits for one to be released if all are taken. It must be released. */
  async takeSlot(): Promise<Slot> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#free.length === 0 && this.#threads.length < this.#threadCount) this.#startThread()
    const slot = this.#free.pop()
    if (slot !== undefined) return slot
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Ends the threads; work in progress is rejected. Safe to call twice. */
  async close(): Promise<void> {
    this.#fail(
      new SnapError('ABORTED', 'compression was interrupted', { operation: 'writing objects' }),
    )
    await Promise.all(this.#threads.splice(0).map((worker) => worker.terminate()))
  }

  #startThread(): void {
    const slots = Array.from({ length: SLOTS_PER_THREAD }, newSlotMemory)
    const worker = new Worker(new URL('./compress-worker.js', import.meta.url), {
      workerData: slots,
    })
    worker.unref()
    const release = (slot: Slot) => {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(slot)
      else next.resolve(slot)
    }
    const jobs = new Jobs(worker)
    slots.forEach((memory, number) => {
      this.#free.push(new Slot({ memory, number, jobs, release }))
    })
    const failAll = (error: unknown) => {
      jobs.rejectAll(error)
      this.#fail(error)
    }
    worker.on('error', (cause) => failAll(new InvariantError(cause.message, { cause })))
    worker.on('exit', () => {
      jobs.rejectAll(this.#failure ?? new InvariantError('a compression thread has ended'))
    })
    this.#threads.push(worker)
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

/** What one thread is working on, by slot number. */
class Jobs {
  readonly #worker: Worker
  readonly #jobs = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: unknown) => void }
  >()

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (answer: WorkerAnswer) => {
      const job = this.#jobs.get(answer.slotNumber)
      this.#jobs.delete(answer.slotNumber)
      if (this.#jobs.size === 0) worker.unref()
      if ('failure' in answer) job?.reject(new InvariantError(answer.failure))
      else job?.resolve(answer.result)
    })
  }

  run(slotNumber: number, request: WorkerRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#jobs.set(slotNumber, { resolve, reject })
      this.#worker.ref()
      this.#worker.postMessage({ slotNumber, ...request })
    })
  }

  rejectAll(error: unknown): void {
    for (const job of this.#jobs.values()) job.reject(error)
    this.#jobs.clear()
  }
}

interface SlotMemory {
  input: Uint8Array
  base: Uint8Array
  frame: Uint8Array
}

/** A place for one object on its way through a thread. */
export class Slot {
  readonly #memory: SlotMemory
  readonly #number: number
  readonly #jobs: Jobs
  readonly #release: (slot: Slot) => void
  #sizeBytes = 0

  constructor(slot: {
    memory: SlotMemory
    number: number
    jobs: Jobs
    release: (slot: Slot) => void
  }) {
    this.#memory = slot.memory
    this.#number = slot.number
    this.#jobs = slot.jobs
    this.#release = slot.release
  }

  /** Copies the object that the slot is to be used for. */
  load(bytes: Uint8Array): void {
    this.#memory.input.set(bytes)
    this.#sizeBytes = bytes.length
  }

  /** Computes the sketch of the loaded object. */
  async sketch(): Promise<Sketch> {
    const request = { kind: 'sketch', sizeBytes: this.#sizeBytes } as const
    return (await this.#jobs.run(this.#number, request)) as Sketch
  }

  /**
   * Compresses the loaded object, decompresses it again and checks it against its id.
   *
   * The result lasts until the slot is released.
   *
   * @param base  an object like it, that the result may be a delta on; copied before the call returns
   */
  async compress(id: ObjectId, base?: Uint8Array): Promise<CompressedObject> {
    const fittingBase = base !== undefined && base.length <= SLOT_BYTES ? base : undefined
    if (fittingBase !== undefined) this.#memory.base.set(fittingBase)
    const sizeBytes = this.#sizeBytes
    const baseSizeBytes = fittingBase?.length ?? 0
    const request = { kind: 'compress', id, sizeBytes, baseSizeBytes } as const
    const compressed = (await this.#jobs.run(this.#number, request)) as CompressedFrame
    return storedForm(compressed, this.#memory.input.subarray(0, sizeBytes), this.#memory.frame)
  }

  release(): void {
    this.#release(this)
  }
}

type CompressedFrame = ReturnType<typeof compressAndVerify>

function storedForm(
  { encoding, frameSizeBytes }: CompressedFrame,
  bytes: Uint8Array,
  frameBytes: Uint8Array,
): CompressedObject {
  return { encoding, stored: encoding === 'raw' ? bytes : frameBytes.subarray(0, frameSizeBytes) }
}

let frame = new Uint8Array(0)

/**
 * Compresses on the calling thread; for objects too long or too few for a thread.
 *
 * The result is `bytes` itself, or scratch memory that the next call overwrites.
 */
export function compressHere(id: ObjectId, bytes: Uint8Array, base?: Uint8Array): CompressedObject {
  const maxBytes = maxFrameBytes(bytes.length)
  if (frame.length < maxBytes) frame = new Uint8Array(maxBytes)
  return storedForm(compressAndVerify(id, bytes, frame, base), bytes, frame)
}

function newSlotMemory(): SlotMemory {
  return {
    input: new Uint8Array(new SharedArrayBuffer(SLOT_BYTES)),
    base: new Uint8Array(new SharedArrayBuffer(SLOT_BYTES)),
    frame: new Uint8Array(new SharedArrayBuffer(maxFrameBytes(SLOT_BYTES))),
  }
}
