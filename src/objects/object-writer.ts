import { availableParallelism } from 'node:os'
import { InvariantError, SnapError } from '../errors.ts'
import { MAX_OBJECT_BYTES, PACK_TARGET_BYTES } from '../format/limits.ts'
import { objectIdOf } from '../format/object-id.ts'
import { indexIdAt } from '../format/pack.ts'
import type { EntryKind } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import { ByteBudget } from './byte-budget.ts'
import { Compressor, compressHere } from './compressor.ts'
import type { ObjectDatabase } from './object-database.ts'
import { PackBuilder } from './pack-builder.ts'

/** Uncompressed bytes between `put` and a pack; enough to keep several threads busy. */
const IN_WORK_BYTES = 8 * 1024 * 1024

export interface ObjectWriterOptions {
  /** Worker threads; 0 compresses on the calling thread. Default: one fewer than the machine has, at least 1. */
  compressionThreads?: number
  /** When a pack is sealed. Default: `PACK_TARGET_BYTES`. */
  packTargetBytes?: number
}

/** Running totals of one writer. */
export interface WriteTotals {
  /** Every object put, stored already or not. */
  objectCount: number
  sizeBytes: number
  /** Those that had to be stored. */
  newObjectCount: number
  newSizeBytes: number
  /** What the new ones take in packs. */
  storedSizeBytes: number
}

/** The pack that entries of one kind go to, and the one before it that is being written. */
interface Lane {
  pack: PackBuilder
  /** Objects on their way into `pack`; these never reject. */
  inWork: Set<Promise<void>>
  /** Entries are appended one after the other, in the order in which they finish compressing. */
  appended: Promise<void>
  written: Promise<void>
}

/**
 * Writes objects that are not stored yet into packs.
 *
 * Chunks and metadata go to packs of their own. Metadata is written only when
 * every chunk put before it is durable, so whatever the packs of a store hold,
 * the objects named in it are held too, even if a process is killed between two
 * packs. The pack being filled, the one being written and the objects in work
 * are all that is kept in memory.
 *
 * After any failure the writer is of no more use: every later call throws the
 * same error. What is already in packs stays; it is unreachable, and found again
 * by the next writer that is given the same objects.
 */
export class ObjectWriter {
  readonly #objects: ObjectDatabase
  readonly #compressor: Compressor
  readonly #budget = new ByteBudget(IN_WORK_BYTES)
  readonly #packTargetBytes: number
  readonly #lanes: Record<EntryKind, Lane> = { chunk: newLane(), metadata: newLane() }
  /** Put by this writer and not yet in the index. */
  readonly #pending: Record<EntryKind, Set<ObjectId>> = { chunk: new Set(), metadata: new Set() }
  /** Packs that were looked at because an object in them was to be reused. */
  readonly #packChecks = new Map<string, Promise<boolean>>()
  readonly #totals: WriteTotals = {
    objectCount: 0,
    sizeBytes: 0,
    newObjectCount: 0,
    newSizeBytes: 0,
    storedSizeBytes: 0,
  }
  #failure: { error: unknown } | undefined

  constructor(objects: ObjectDatabase, options: ObjectWriterOptions) {
    const threadCount = options.compressionThreads ?? Math.max(1, availableParallelism() - 1)
    this.#objects = objects
    this.#compressor = new Compressor(threadCount)
    this.#packTargetBytes = options.packTargetBytes ?? PACK_TARGET_BYTES
  }

  /** What has been put so far. A copy. */
  get totals(): WriteTotals {
    return { ...this.#totals }
  }

  /**
   * Takes an object, to be stored unless it already is, and returns its id.
   *
   * Resolves when the writer has room for it, which is how a fast caller is held
   * back; it is durable when a later `flush` resolves. The caller may reuse
   * `bytes` as soon as the promise has resolved.
   *
   * @throws ABORTED  the writer was closed or aborted
   * @throws BACKEND_FULL, BACKEND_READ_ONLY, BACKEND_UNAVAILABLE  an earlier pack could not be written
   */
  async put(kind: EntryKind, bytes: Uint8Array): Promise<ObjectId> {
    this.#throwIfUnusable()
    if (bytes.length > MAX_OBJECT_BYTES) {
      throw new InvariantError(`an object of ${bytes.length} bytes is too long to store`)
    }
    const id = objectIdOf(bytes)
    this.#totals.objectCount++
    this.#totals.sizeBytes += bytes.length
    try {
      const isStored = await this.#isStored(id, kind)
      // Asked after the wait, and nothing is waited for before it is added: two puts of one object
      // may run at the same time.
      if (isStored || this.#pending[kind].has(id)) return id
      this.#pending[kind].add(id)
      this.#totals.newObjectCount++
      this.#totals.newSizeBytes += bytes.length
      await this.#budget.take(bytes.length)
    } catch (error) {
      this.#fail(error)
    }
    this.#throwIfUnusable()
    this.#startStoring(id, kind, bytes)
    return id
  }

  /**
   * Writes every object whose `put` has resolved. When the promise resolves they are durable and
   * listed by the database.
   *
   * @throws as `put`
   */
  async flush(): Promise<void> {
    this.#throwIfUnusable()
    try {
      await Promise.all(this.#lanes.metadata.inWork)
      await this.#seal('metadata')
      await this.#lanes.metadata.written
      await this.#sealChunksAndWait()
    } catch (error) {
      this.#fail(error)
    }
    this.#throwIfUnusable()
  }

  /** Gives up what is not yet durable and ends the threads. Safe at any time, and twice. */
  async abort(): Promise<void> {
    this.#fail(
      new SnapError('ABORTED', 'writing objects was interrupted', { operation: 'writing objects' }),
    )
    await this.close()
  }

  /** Ends the threads. What was not flushed is lost. Safe at any time, and twice. */
  async close(): Promise<void> {
    this.#fail(new SnapError('ABORTED', 'the writer is closed', { operation: 'writing objects' }))
    await this.#compressor.close()
    for (const lane of Object.values(this.#lanes)) {
      await Promise.allSettled(lane.inWork)
      await Promise.allSettled([lane.written])
    }
  }

  async #isStored(id: ObjectId, kind: EntryKind): Promise<boolean> {
    for (const { packKey, packSizeBytes } of await this.#objects.findEntries(id, kind)) {
      if (await this.#isPackThere(packKey, packSizeBytes)) return true
    }
    return false
  }

  /** Looks once at each pack that is reused, so that writing again heals a store that lost one. */
  #isPackThere(packKey: string, packSizeBytes: number): Promise<boolean> {
    const known = this.#packChecks.get(packKey)
    if (known !== undefined) return known
    const check = this.#objects.backend.findSizeBytes(packKey).then((found) => {
      if (found === packSizeBytes) return true
      this.#objects.dropPack(packKey)
      return false
    })
    this.#packChecks.set(packKey, check)
    return check
  }

  #startStoring(id: ObjectId, kind: EntryKind, bytes: Uint8Array): void {
    const { inWork } = this.#lanes[kind]
    const sizeBytes = bytes.length
    const work = this.#store(id, kind, bytes)
      .catch((error) => this.#fail(error))
      .finally(() => {
        inWork.delete(work)
        this.#budget.give(sizeBytes)
      })
    inWork.add(work)
  }

  async #store(id: ObjectId, kind: EntryKind, bytes: Uint8Array): Promise<void> {
    const sizeBytes = bytes.length
    // Metadata is a thousandth of the data, and for a small commit no thread need be started.
    const { encoding, stored } =
      kind === 'metadata' ? compressHere(id, bytes) : await this.#compressor.compress(id, bytes)
    const header = { id, kind, encoding, storedSizeBytes: stored.length, sizeBytes }
    const lane = this.#lanes[kind]
    lane.appended = lane.appended.then(async () => {
      this.#totals.storedSizeBytes += lane.pack.add(header, stored)
      if (lane.pack.sizeBytes >= this.#packTargetBytes) await this.#seal(kind)
    })
    await lane.appended
  }

  /** Begins to write the lane's pack, once the one before it is written. */
  async #seal(kind: EntryKind): Promise<void> {
    const lane = this.#lanes[kind]
    await lane.written
    if (lane.pack.isEmpty) return
    if (kind === 'metadata') await this.#sealChunksAndWait()
    this.#throwIfUnusable()
    const pack = lane.pack
    lane.pack = new PackBuilder()
    lane.written = pack.write(this.#objects.backend).then((index) => {
      this.#objects.addPack(index)
      for (let position = 0; position < index.entryCount; position++) {
        this.#pending[kind].delete(indexIdAt(index, position))
      }
    })
    // Whoever waits for it next sees the failure; until then it must not count as unhandled.
    lane.written.catch((error) => this.#fail(error))
  }

  async #sealChunksAndWait(): Promise<void> {
    await Promise.all(this.#lanes.chunk.inWork)
    await this.#seal('chunk')
    await this.#lanes.chunk.written
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwIfUnusable(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function newLane(): Lane {
  return {
    pack: new PackBuilder(),
    inWork: new Set(),
    appended: Promise.resolve(),
    written: Promise.resolve(),
  }
}
