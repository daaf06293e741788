import { InvariantError, isSnapError, throwIfAborted } from '../errors.ts'
import { PACK_TARGET_BYTES } from '../format/limits.ts'
import type { EntryKind } from '../format/pack-entry.ts'
import { compressHere } from '../objects/compressor.ts'
import type { ObjectDatabase } from '../objects/object-database.ts'
import type { StoredObject } from '../objects/object-index.ts'
import type { MarkedEntry, ObjectMarks } from '../objects/object-marks.ts'
import { PackBuilder } from '../objects/pack-builder.ts'

export interface RepackTotals {
  /** Packs that are gone. */
  removedPackCount: number
  removedSizeBytes: number
  newPackCount: number
  newSizeBytes: number
  /** Packs that stay because an object in them is damaged and has no sound copy. */
  damagedPackKeys: string[]
}

/**
 * Removes packs, after what is needed of them lies in others.
 *
 * Entries are copied as they are stored, deltas too, each decoded and hashed on the way. A
 * pack is removed only when every needed object in it is durable elsewhere; that
 * a copy elsewhere is sound is looked at, not believed. Whatever is interrupted
 * leaves at worst objects in two packs, which the next run puts right.
 */
export class Repacker {
  readonly #objects: ObjectDatabase
  readonly #marks: ObjectMarks
  /** Every pack that is to go: what lies only in these has to be copied. */
  readonly #going: ReadonlySet<string>
  readonly #targetBytes: number
  readonly #withDeltas: boolean
  readonly #signal: AbortSignal | undefined
  readonly #builders: Record<EntryKind, PackBuilder>
  /** Objects in builders or in packs written here, by kind. */
  readonly #copied: Record<EntryKind, Set<string>> = { chunk: new Set(), metadata: new Set() }
  /** Packs whose needed objects are all copied, to be removed once the builders are written. */
  #emptied: { packKey: string; sizeBytes: number }[] = []
  readonly totals: RepackTotals = {
    removedPackCount: 0,
    removedSizeBytes: 0,
    newPackCount: 0,
    newSizeBytes: 0,
    damagedPackKeys: [],
  }

  constructor(
    objects: ObjectDatabase,
    marks: ObjectMarks,
    options: {
      going: ReadonlySet<string>
      packTargetBytes?: number | undefined
      /** Default true; false writes what is a delta whole. */
      withDeltas?: boolean | undefined
      signal?: AbortSignal | undefined
    },
  ) {
    this.#objects = objects
    this.#marks = marks
    this.#going = options.going
    this.#targetBytes = options.packTargetBytes ?? PACK_TARGET_BYTES
    this.#withDeltas = options.withDeltas ?? true
    this.#signal = options.signal
    this.#builders = {
      chunk: new PackBuilder(this.#targetBytes),
      metadata: new PackBuilder(this.#targetBytes),
    }
  }

  /** Takes what is needed out of a pack and removes it: now, or when enough has come together. */
  async empty(pack: { packKey: string; sizeBytes: number }): Promise<void> {
    let isDamaged = false
    for (const entry of this.#marks.entriesOf(pack.packKey)) {
      if (entry.mark === 'none') continue
      throwIfAborted(this.#signal, 'garbage collection')
      if (!(await this.#secure(entry))) isDamaged = true
      if (this.#builders[entry.kind].sizeBytes >= this.#targetBytes) await this.#write()
    }
    if (isDamaged) this.totals.damagedPackKeys.push(pack.packKey)
    else this.#emptied.push(pack)
    // Nothing of it waits to be written: it need not wait either.
    if (this.#builders.chunk.isEmpty && this.#builders.metadata.isEmpty) await this.#removeEmptied()
  }

  /** Writes what has been copied, then removes the packs it came from. */
  async finish(): Promise<void> {
    await this.#write()
  }

  /**
   * Sees to it that a sound copy of an object lies outside of the packs that go, or in a builder.
   *
   * One that needs no base comes first. Where there are only deltas, several of them, the object is
   * written whole: of deltas on one another, each of which can do without the other, it would
   * depend on the choice whether the ones that are left can still be decoded.
   */
  async #secure(entry: MarkedEntry): Promise<boolean> {
    if (this.#copied[entry.kind].has(entry.id)) return true
    const copies = await this.#objects.findEntries(entry.id, entry.kind)
    const isStaying = ({ packKey }: StoredObject) => !this.#going.has(packKey)
    const whole = copies.filter(({ baseId }) => baseId === undefined)
    const isGoing = (copy: StoredObject) => !isStaying(copy)
    for (const copy of [...whole.filter(isStaying), ...whole.filter(isGoing)]) {
      if (await this.#attempt(() => this.#keep(copy))) return true
    }
    const [only, other] = copies
    if (only?.baseId !== undefined && other === undefined && this.#withDeltas) {
      return this.#attempt(() => this.#keep(only))
    }
    for (const copy of copies) {
      if (copy.baseId === undefined) continue
      if (await this.#attempt(() => this.#keepWhole(copy))) return true
    }
    return false
  }

  /** Checks a copy, and takes it over as it is stored if its pack goes. */
  async #keep(copy: StoredObject): Promise<void> {
    const { header, stored } = await this.#objects.readStored(copy)
    if (!this.#going.has(copy.packKey)) return
    this.#builders[copy.kind].add(header, stored, this.#withDeltas ? copy : {})
    this.#copied[copy.kind].add(copy.id)
  }

  async #keepWhole(copy: StoredObject): Promise<void> {
    const { id, kind, sizeBytes } = copy
    const { encoding, stored } = compressHere(id, await this.#objects.readCopy(copy))
    const header = { id, kind, sizeBytes, encoding, storedSizeBytes: stored.length }
    const lineage = this.#withDeltas ? copy.lineage : undefined
    this.#builders[kind].add(header, stored, { lineage })
    this.#copied[kind].add(id)
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      // Itself, or what it builds on.
      const isGone =
        isSnapError(error, 'BACKEND_KEY_MISSING') || isSnapError(error, 'OBJECT_MISSING')
      if (!isGone && !isSnapError(error, 'OBJECT_CORRUPT')) throw error
      return false
    }
  }

  async #write(): Promise<void> {
    for (const kind of ['chunk', 'metadata'] as const) {
      const builder = this.#builders[kind]
      if (builder.isEmpty) continue
      const pack = await builder.write(this.#objects.backend)
      builder.clear()
      this.totals.newPackCount++
      this.totals.newSizeBytes += pack.packSizeBytes
    }
    await this.#removeEmptied()
  }

  async #removeEmptied(): Promise<void> {
    if (!this.#builders.chunk.isEmpty || !this.#builders.metadata.isEmpty) {
      throw new InvariantError('a pack was to be removed before its objects were written')
    }
    for (const { packKey, sizeBytes } of this.#emptied) {
      await this.#objects.backend.remove(packKey)
      this.totals.removedPackCount++
      this.totals.removedSizeBytes += sizeBytes
    }
    this.#emptied = []
  }
}
