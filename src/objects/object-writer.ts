import { availableParallelism } from 'node:os'
import { InvariantError, SnapError } from '../errors.ts'
import { MAX_OBJECT_BYTES, PACK_TARGET_BYTES } from '../format/limits.ts'
import { objectIdOf } from '../format/object-id.ts'
import { indexIdAt, type Lineage } from '../format/pack.ts'
import type { EntryHeader, EntryKind } from '../format/pack-entry.ts'
import type { ObjectId } from '../format/values.ts'
import { BaseChooser, type ChosenBase } from './choose-base.ts'
import { type CompressedObject, Compressor, compressHere, type Slot } from './compressor.ts'
import type { ObjectDatabase } from './object-database.ts'
import type { StoredObject } from './object-index.ts'
import { PackBuilder } from './pack-builder.ts'
import { sketchInFamily, sketchOf } from './sketch.js'

export interface ObjectWriterOptions {
  /** Worker threads; 0 compresses on the calling thread. Default: one fewer than the machine has, at least 1. */
  compressionThreads?: number
  /**
   * Store chunks as deltas on older ones like them, and note what is needed to find those. Default
   * true; false writes packs that readers of version 1 know. What is chosen as a base must be kept
   * from collection, by the store lock.
   */
  withDeltas?: boolean
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
  /** Of the new ones, those that are stored as what differs from an older chunk. */
  deltaObjectCount: number
  /** What the new ones take in packs. */
  storedSizeBytes: number
}

/** An object on its way into a pack. */
interface ObjectToStore extends Pick<EntryHeader, 'id' | 'kind' | 'sizeBytes'> {
  family: number
  lineage?: Lineage
  /** What it may become a delta on. */
  base?: ChosenBase | undefined
}

/** Two packs by turns: entries of one kind go to the one, while the other is being written. */
interface Lane {
  filling: PackBuilder
  /** Free for use once `written` has resolved. */
  spare: PackBuilder
  /** Objects on their way into a pack; these never reject. */
  inWork: Set<Promise<void>>
  /** Entries are appended, and packs sealed, one after the other. */
  lastTurn: Promise<void>
  written: Promise<void>
}

/**
 * Writes objects that are not stored yet into packs.
 *
 * Chunks and metadata go to packs of their own. Metadata is written only when
 * every chunk put before it is durable, so whatever the packs of a store hold,
 * the objects named in it are held too, even if a process is killed between two
 * packs. The pack being filled, the one being written and a fixed number of
 * objects in work are all that is kept in memory.
 *
 * After any failure the writer is of no more use: every later call throws the
 * same error. What is already in packs stays; it is unreachable, and found again
 * by the next writer that is given the same objects.
 */
export class ObjectWriter {
  readonly #objects: ObjectDatabase
  readonly #compressor: Compressor
  /** Absent: without deltas. */
  readonly #bases: BaseChooser | undefined
  readonly #packTargetBytes: number
  readonly #lanes: Record<EntryKind, Lane>
  /** Put by this writer and not yet in the index. */
  readonly #pending: Record<EntryKind, Set<ObjectId>> = { chunk: new Set(), metadata: new Set() }
  /** Packs that were looked at because an object in them was to be reused. */
  readonly #packChecks = new Map<string, Promise<boolean>>()
  readonly #totals: WriteTotals = {
    objectCount: 0,
    sizeBytes: 0,
    newObjectCount: 0,
    newSizeBytes: 0,
    deltaObjectCount: 0,
    storedSizeBytes: 0,
  }
  #failure: { error: unknown } | undefined

  constructor(objects: ObjectDatabase, options: ObjectWriterOptions) {
    const threadCount = options.compressionThreads ?? Math.max(1, availableParallelism() - 1)
    this.#objects = objects
    this.#compressor = new Compressor(threadCount)
    this.#bases = options.withDeltas === false ? undefined : new BaseChooser(objects)
    this.#packTargetBytes = options.packTargetBytes ?? PACK_TARGET_BYTES
    this.#lanes = {
      chunk: newLane(this.#packTargetBytes),
      metadata: newLane(this.#packTargetBytes),
    }
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
   * @param family  of `familyOf`: a chunk becomes a delta only on one that was put with the same
   * @throws ABORTED  the writer was closed or aborted
   * @throws BACKEND_FULL, BACKEND_READ_ONLY, BACKEND_UNAVAILABLE  an earlier pack could not be written
   */
  async put(kind: EntryKind, bytes: Uint8Array, family = 0): Promise<ObjectId> {
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
      await this.#store({ id, kind, sizeBytes: bytes.length, family }, bytes)
    } catch (error) {
      this.#fail(error)
    }
    this.#throwIfUnusable()
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
      await this.#writeAll('metadata')
      await this.#writeAll('chunk')
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
    for (const entry of await this.#objects.findEntries(id, kind)) {
      if (await this.#areReadable([entry, ...(this.#objects.findBases(entry) ?? [])])) return true
    }
    return false
  }

  /** A delta is as good as stored nowhere when the pack of a base is gone. */
  async #areReadable(entries: readonly StoredObject[]): Promise<boolean> {
    for (const { packKey, packSizeBytes } of entries) {
      if (!(await this.#isPackThere(packKey, packSizeBytes))) return false
    }
    return true
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

  /** Resolves when `bytes` may be reused; the object may still be on its way into a pack. */
  async #store(object: ObjectToStore, bytes: Uint8Array): Promise<void> {
    const { kind } = object
    // Metadata is a thousandth of the data, and for a small commit no thread need be started.
    if (kind === 'metadata' || !this.#compressor.accepts(bytes.length)) {
      await this.#track(kind, this.#storeHere(object, bytes))
      return
    }
    const slot = await this.#compressor.takeSlot()
    slot.load(bytes)
    const work = this.#storeThrough(slot, object)
    // Not waited for: this is where compression runs beside the caller. Its failure poisons.
    void this.#track(
      kind,
      work.finally(() => slot.release()),
    ).catch(() => {})
  }

  /** Compresses on the calling thread. */
  async #storeHere(object: ObjectToStore, bytes: Uint8Array): Promise<void> {
    if (object.kind === 'metadata' || this.#bases === undefined) {
      return this.#append(object, () => compressHere(object.id, bytes))
    }
    const { lineage, base } = await this.#bases.choose(
      object.id,
      sketchInFamily(sketchOf(bytes), object.family),
    )
    await this.#append({ ...object, lineage, base }, () =>
      compressHere(object.id, bytes, base?.bytes),
    )
  }

  /** Compresses what the slot is loaded with on its thread. */
  async #storeThrough(slot: Slot, object: ObjectToStore): Promise<void> {
    if (this.#bases === undefined) {
      const result = await slot.compress(object.id)
      return this.#append(object, () => result)
    }
    const { lineage, base } = await this.#bases.choose(
      object.id,
      sketchInFamily(await slot.sketch(), object.family),
    )
    const result = await slot.compress(object.id, base?.bytes)
    await this.#append({ ...object, lineage, base }, () => result)
  }

  /** Appends one object to its lane's pack, after those that came before it. */
  #append(
    { base, lineage, id, kind, sizeBytes }: ObjectToStore,
    compress: () => CompressedObject,
  ): Promise<void> {
    const lane = this.#lanes[kind]
    return this.#inTurn(lane, async () => {
      const { encoding, stored } = compress()
      const header = { id, kind, sizeBytes, encoding, storedSizeBytes: stored.length }
      const baseId = encoding === 'delta' ? base?.id : undefined
      if (baseId !== undefined) this.#totals.deltaObjectCount++
      this.#totals.storedSizeBytes += lane.filling.add(header, stored, { baseId, lineage })
      if (lane.filling.sizeBytes >= this.#packTargetBytes) await this.#seal(kind)
    })
  }

  /** Lets `flush` and `close` wait for work in progress. */
  async #track(kind: EntryKind, work: Promise<void>): Promise<void> {
    const { inWork } = this.#lanes[kind]
    const settled = work.catch((error) => this.#fail(error)).finally(() => inWork.delete(settled))
    inWork.add(settled)
    await work
  }

  /**
   * Begins to write the lane's pack, once the one before it is written.
   *
   * Runs in the lane's turn only, where no other entry is appended meanwhile: metadata that came
   * while this waits for chunks could name chunks it did not wait for.
   */
  async #seal(kind: EntryKind): Promise<void> {
    const lane = this.#lanes[kind]
    await lane.written
    if (lane.filling.isEmpty) return
    if (kind === 'metadata') await this.#writeAll('chunk')
    this.#throwIfUnusable()
    const pack = lane.filling
    lane.filling = lane.spare
    lane.spare = pack
    lane.written = pack.write(this.#objects.backend).then((index) => {
      pack.clear()
      this.#objects.addPack(index)
      for (let position = 0; position < index.entryCount; position++) {
        this.#pending[kind].delete(indexIdAt(index, position))
      }
    })
    // Whoever waits for it next sees the failure; until then it must not count as unhandled.
    lane.written.catch((error) => this.#fail(error))
  }

  /** Writes everything of one kind that has been put so far. */
  async #writeAll(kind: EntryKind): Promise<void> {
    const lane = this.#lanes[kind]
    await Promise.all(lane.inWork)
    await this.#inTurn(lane, () => this.#seal(kind))
    await lane.written
  }

  #inTurn(lane: Lane, work: () => Promise<void>): Promise<void> {
    lane.lastTurn = lane.lastTurn.then(work)
    return lane.lastTurn
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  #throwIfUnusable(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function newLane(packTargetBytes: number): Lane {
  return {
    filling: new PackBuilder(packTargetBytes),
    spare: new PackBuilder(packTargetBytes),
    inWork: new Set(),
    lastTurn: Promise.resolve(),
    written: Promise.resolve(),
  }
}
