import type { Backend } from '../backend/backend.ts'
import { isSnapError, SnapError } from '../errors.ts'
import { decodeCommit } from '../format/commit.ts'
import { MAX_DELTA_CHAIN } from '../format/limits.ts'
import { decodeManifestNode } from '../format/manifest-node.ts'
import { shortId } from '../format/object-id.ts'
import { findPackId, type PackIndex, type Sketch } from '../format/pack.ts'
import {
  decodeEntry,
  type EntryHeader,
  type EntryKind,
  entrySizeBytes,
} from '../format/pack-entry.ts'
import { decodeTree } from '../format/tree.ts'
import type { Commit, ManifestNode, ObjectId, Tree } from '../format/values.ts'
import { BaseCache } from './base-cache.ts'
import { decodeObject, decodeUnhashed } from './decode-object.ts'
import { ObjectIndex, type StoredObject } from './object-index.ts'
import { ObjectMarks } from './object-marks.ts'
import { ObjectPresence } from './object-presence.ts'
import { ObjectWriter, type ObjectWriterOptions } from './object-writer.ts'
import { readPackIndex } from './read-pack-index.ts'

const INDEX_READS_IN_FLIGHT = 16

/** Packs whose indexes are read for one object that those read so far do not list; twice as many the next time. */
const FIRST_BATCH = 64

/** How the bases of a delta are read. */
interface Reading {
  /** The deltas that led here: what builds on itself must not be followed for ever. */
  path: readonly ObjectId[]
  /** Check what is read against its id. */
  isHashed: boolean
}

const HASHED: Reading = { path: [], isHashed: true }

/** How often packs are listed for one object while each listing brings a change. */
const MAX_LISTINGS = 4

interface ListedPack {
  packKey: string
  packSizeBytes: number
}

/**
 * Reads objects by id from the packs of a store.
 *
 * Everything handed out has been hashed against its id. The index over all packs
 * is built in memory from the packs themselves, from the newest on and for a
 * single object no further than that is found, with what it builds on: what is
 * asked for after a commit was made of it is mostly in its packs. A pack whose end
 * is damaged is left out, named when one of its objects is missed, and so replaced
 * when the same objects are written again.
 */
export class ObjectDatabase {
  readonly backend: Backend
  readonly #index = new ObjectIndex()
  readonly #bases = new BaseCache()
  /** Packs that could not be read when they were last listed, with the reason. */
  readonly #damagedPacks = new Map<string, SnapError>()
  readonly #skipsUnreadablePacks: boolean
  #listing: Promise<void> | undefined
  /** Packs of the last listing and of this process since. */
  readonly #listed = new Set<string>()
  /** Those of them whose indexes have not been read yet, the newest last. */
  #unread: ListedPack[] = []
  #batch = FIRST_BATCH
  #reading: Promise<void> | undefined

  private constructor(backend: Backend, skipsUnreadablePacks: boolean) {
    this.backend = backend
    this.#skipsUnreadablePacks = skipsUnreadablePacks
  }

  /**
   * Opens the objects of a store. Reads nothing until something is asked for.
   *
   * @param options.skipsUnreadablePacks  treats a pack that cannot be read as a damaged one, to get
   *   on with the others; otherwise every call throws BACKEND_UNAVAILABLE
   */
  static open(backend: Backend, options: { skipsUnreadablePacks?: boolean } = {}): ObjectDatabase {
    return new ObjectDatabase(backend, options.skipsUnreadablePacks ?? false)
  }

  /** Tells whether an index lists the object. Its bytes are not looked at. */
  async has(id: ObjectId): Promise<boolean> {
    return (await this.findEntry(id)) !== undefined
  }

  /** Returns where an object lies, as a chunk or metadata if `kind` is given; the first place if there are several. */
  async findEntry(id: ObjectId, kind?: EntryKind): Promise<StoredObject | undefined> {
    return (await this.findEntries(id, kind))[0]
  }

  /** Returns every place where an object lies; not those of deltas whose base lies nowhere. */
  async findEntries(id: ObjectId, kind?: EntryKind): Promise<StoredObject[]> {
    await this.#load()
    return this.#copiesOf(id, kind).filter((entry) => this.#index.isWhole(entry))
  }

  /**
   * Returns the base of a delta, and the base of that, down to the object that is none. Of a base
   * that lies in several places, the one that is no delta.
   *
   * @returns  undefined when one of them is not stored
   */
  findBases(entry: StoredObject): StoredObject[] | undefined {
    const bases: StoredObject[] = []
    for (let { id, baseId } = entry; baseId !== undefined; ) {
      const base = this.#copiesOf(baseId, 'chunk').find((copy) => this.#index.isWhole(copy))
      if (base === undefined || bases.length > MAX_DELTA_CHAIN || base.id === id) return undefined
      bases.push(base)
      id = base.id
      baseId = base.baseId
    }
    return bases
  }

  /** Returns the newest stored chunk that is like one with this sketch. */
  async findSimilar(sketch: Sketch): Promise<StoredObject | undefined> {
    await this.#load()
    return this.#index.findSimilar(sketch)
  }

  /**
   * Returns what is missing of the bases behind an object, if that is why it cannot be read.
   */
  findMissingBase(id: ObjectId): ObjectId | undefined {
    const seen = new Set<ObjectId>([id])
    for (const next of seen) {
      const copies = this.#copiesOf(next, 'chunk')
      if (copies.length === 0 && next !== id) return next
      for (const { baseId } of copies) if (baseId !== undefined) seen.add(baseId)
    }
    return undefined
  }

  /** Returns the ids that begin with `prefix` (hex digits), ascending. */
  async idsWithPrefix(prefix: string): Promise<ObjectId[]> {
    await this.#load()
    return this.#index.idsWithPrefix(prefix)
  }

  /**
   * Reads one object and checks it against its id.
   *
   * Does one ranged read. When a copy is damaged or gone and there is another, that one is read.
   * The returned bytes are uncompressed and belong to the caller.
   *
   * @throws OBJECT_MISSING          no readable pack holds `id`
   * @throws OBJECT_CORRUPT          what is stored does not hash to `id`
   * @throws OBJECT_KIND_UNEXPECTED  `id` is stored, but not as `kind`
   * @throws BACKEND_UNAVAILABLE     I/O failure
   */
  async read(id: ObjectId, kind?: EntryKind): Promise<Uint8Array> {
    const found = await this.#readKnownCopy(id, kind)
    if (found !== undefined) return found
    // Another process may have written it, or moved it to another pack, since packs were listed;
    // and again while they are: a pack that is written in a folder already listed takes the place
    // of one in a folder still to come. A listing that has brought no change has told all.
    for (let attempt = 0; attempt < MAX_LISTINGS; attempt++) {
      const hasChanged = await this.refresh()
      const foundNow = await this.#readAnyCopy(id, kind)
      if (foundNow !== undefined) return foundNow
      if (!hasChanged) break
    }
    throw this.#missing(id, kind)
  }

  /**
   * Reads a stored copy in the form in which its pack holds it, checked against its id.
   *
   * @throws OBJECT_CORRUPT, BACKEND_KEY_MISSING, BACKEND_UNAVAILABLE
   */
  async readStored(entry: StoredObject): Promise<{ header: EntryHeader; stored: Uint8Array }> {
    const bytes = await this.#readRange(entry)
    const base = await this.#readBaseOf(entry, HASHED)
    this.#decode(entry, bytes, { base, isHashed: true })
    return decodeEntry(bytes)
  }

  /** Reads one stored copy, checked against its id. @throws as `readStored` */
  async readCopy(entry: StoredObject): Promise<Uint8Array> {
    return this.#readEntry(entry, HASHED)
  }

  /**
   * Reads what a delta builds on; undefined of what is no delta. It is not hashed: whoever hashes
   * what is built on it knows.
   *
   * @throws OBJECT_MISSING, OBJECT_CORRUPT, BACKEND_UNAVAILABLE
   */
  async readBase(entry: StoredObject): Promise<Uint8Array | undefined> {
    return this.#readBaseOf(entry, { path: [], isHashed: false })
  }

  /** Begins to mark objects, none of them marked yet. Lists the packs again first. */
  async newMarks(): Promise<ObjectMarks> {
    await this.refresh()
    return new ObjectMarks(this.#index)
  }

  /** Begins to count what states name. Lists the packs again first. */
  async newPresence(): Promise<ObjectPresence> {
    await this.refresh()
    return new ObjectPresence(this.#index)
  }

  /** Packs whose index could not be read when they were last listed. */
  get damagedPackKeys(): string[] {
    return [...this.#damagedPacks.keys()].sort()
  }

  /** Reads a chunk: table rows, or a piece of another stream. @throws as `read` */
  async readChunk(id: ObjectId): Promise<Uint8Array> {
    return this.read(id, 'chunk')
  }

  /** Reads and decodes a commit. @throws as `read`, and FORMAT_UNSUPPORTED */
  async readCommit(id: ObjectId): Promise<Commit> {
    return decodeNamed(id, await this.read(id, 'metadata'), decodeCommit)
  }

  /** Reads and decodes a tree. @throws as `read`, and FORMAT_UNSUPPORTED */
  async readTree(id: ObjectId): Promise<Tree> {
    return decodeNamed(id, await this.read(id, 'metadata'), decodeTree)
  }

  /** Reads and decodes a manifest node. @throws as `read`, and FORMAT_UNSUPPORTED */
  async readNode(id: ObjectId): Promise<ManifestNode> {
    return decodeNamed(id, await this.read(id, 'metadata'), decodeManifestNode)
  }

  /** Begins to write objects. The writer must be closed. */
  newWriter(options: ObjectWriterOptions = {}): ObjectWriter {
    return new ObjectWriter(this, options)
  }

  /**
   * Lists the packs again: takes in new ones, forgets those that are gone or cut off.
   *
   * @returns  whether there was any such
   */
  async refresh(): Promise<boolean> {
    await this.#listing?.catch(() => {})
    await this.#reading?.catch(() => {})
    const before = new Set(this.#listed)
    this.#listing = this.#listPacks()
    await this.#load()
    return (
      before.size !== this.#listed.size || [...before].some((packKey) => !this.#listed.has(packKey))
    )
  }

  /** Takes in a pack that this process has written. */
  addPack(pack: PackIndex): void {
    this.#listed.add(pack.packKey)
    this.#index.addPack(pack)
  }

  /** Forgets a pack that turned out to be gone or cut off, so that its objects are written again. */
  dropPack(packKey: string): void {
    this.#listed.delete(packKey)
    this.#index.removePacks([packKey])
  }

  /** Takes in every pack. */
  async #load(): Promise<void> {
    await this.#list()
    while (await this.#loadMore(this.#unread.length)) {
      // Until nothing is left, of which another caller may be reading some.
    }
  }

  #list(): Promise<void> {
    this.#listing ??= this.#listPacks()
    return this.#listing.catch((error) => {
      // A failed listing is tried again by the next caller.
      this.#listing = undefined
      throw error
    })
  }

  async #listPacks(): Promise<void> {
    const listed: (ListedPack & { createdAt: Date })[] = []
    for await (const { key, sizeBytes, createdAt } of this.backend.list('packs/')) {
      if (findPackId(key) === undefined) continue
      listed.push({ packKey: key, packSizeBytes: sizeBytes, createdAt })
    }
    this.#listed.clear()
    for (const { packKey } of listed) this.#listed.add(packKey)
    this.#index.removePacks(this.#index.packKeys().filter((packKey) => !this.#listed.has(packKey)))
    this.#damagedPacks.clear()
    this.#unread = listed
      .filter(({ packKey }) => !this.#index.hasPack(packKey))
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
  }

  /** Takes in the newest `count` packs that have not been. Returns false when there are none. */
  async #loadMore(count: number): Promise<boolean> {
    if (this.#reading === undefined) {
      if (this.#unread.length === 0) return false
      const packs = this.#unread.splice(-Math.max(1, count))
      this.#reading = this.#loadPacks(packs).finally(() => {
        this.#reading = undefined
      })
    }
    await this.#reading
    return true
  }

  async #loadPacks(packs: ListedPack[]): Promise<void> {
    const readNext = async () => {
      for (let pack = packs.pop(); pack !== undefined; pack = packs.pop()) {
        try {
          await this.#loadPack(pack)
        } catch (error) {
          // Tried again by the next caller, as are those that nobody gets to now.
          this.#unread.push(...packs.splice(0), pack)
          throw error
        }
      }
    }
    // All of them, before anybody may begin anew.
    const outcomes = await Promise.allSettled(
      Array.from({ length: INDEX_READS_IN_FLIGHT }, readNext),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  async #loadPack(pack: ListedPack): Promise<void> {
    try {
      this.#index.addPack(await readPackIndex(this.backend, pack))
    } catch (error) {
      // Removed since the listing: then it is not there.
      if (isSnapError(error, 'BACKEND_KEY_MISSING')) return
      const isSkipped =
        isSnapError(error, 'PACK_CORRUPT') ||
        (this.#skipsUnreadablePacks && isSnapError(error, 'BACKEND_UNAVAILABLE'))
      if (!isSkipped) throw error
      this.#damagedPacks.set(pack.packKey, error)
    }
  }

  /** Looks among the packs of the last listing, of which it reads no more indexes than it has to. */
  async #readKnownCopy(
    id: ObjectId,
    kind: EntryKind | undefined,
    reading: Reading = HASHED,
  ): Promise<Uint8Array | undefined> {
    await this.#list()
    try {
      let found = await this.#readAnyCopy(id, kind, reading)
      while (found === undefined && (await this.#loadMore(this.#batch))) {
        this.#batch *= 2
        found = await this.#readAnyCopy(id, kind, reading)
      }
      return found
    } catch (error) {
      if (!isSnapError(error, 'OBJECT_CORRUPT') || this.#unread.length === 0) throw error
      // There may be a sound copy in a pack whose index has not been read.
      await this.#load()
      return this.#readAnyCopy(id, kind, reading)
    }
  }

  /** Returns `undefined` when no index lists the object, or all packs that should hold it are gone. */
  async #readAnyCopy(
    id: ObjectId,
    kind: EntryKind | undefined,
    reading: Reading = HASHED,
  ): Promise<Uint8Array | undefined> {
    let damage: unknown
    for (const entry of this.#copiesOf(id, kind)) {
      try {
        return await this.#readEntry(entry, reading)
      } catch (error) {
        const isGone =
          isSnapError(error, 'BACKEND_KEY_MISSING') || isSnapError(error, 'OBJECT_MISSING')
        if (isGone) continue
        if (!isSnapError(error, 'OBJECT_CORRUPT')) throw error
        damage = error
      }
    }
    if (damage !== undefined) throw damage
    return undefined
  }

  /** Copies of an object, those first that need no base: they take one read, and lead in no circle. */
  #copiesOf(id: ObjectId, kind: EntryKind | undefined): StoredObject[] {
    const copies = [...this.#index.find(id)].filter(
      (entry) => kind === undefined || entry.kind === kind,
    )
    if (copies.length < 2) return copies
    const rankOf = ({ baseId }: StoredObject) => (baseId === undefined ? 0 : 1)
    return copies.sort((a, b) => rankOf(a) - rankOf(b))
  }

  /**
   * Bases are at first not hashed, for the object that is built on them is: what is wrong with
   * them shows there, and is then looked for.
   */
  async #readEntry(entry: StoredObject, reading: Reading): Promise<Uint8Array> {
    if (entry.baseId === undefined || !reading.isHashed)
      return this.#readOnce(entry, reading, reading)
    try {
      return await this.#readOnce(entry, reading, { ...reading, isHashed: false })
    } catch (error) {
      if (!isSnapError(error, 'OBJECT_CORRUPT')) throw error
      return this.#readOnce(entry, reading, reading)
    }
  }

  async #readOnce(
    entry: StoredObject,
    reading: Reading,
    readingBase: Reading,
  ): Promise<Uint8Array> {
    // At once: the pack index names the whole chain, so that it takes the time of one read.
    const [bytes, base] = await Promise.all([
      this.#readRange(entry),
      this.#readBaseOf(entry, readingBase),
    ])
    return this.#decode(entry, bytes, { base, isHashed: reading.isHashed })
  }

  async #readBaseOf(entry: StoredObject, reading: Reading): Promise<Uint8Array | undefined> {
    const { id, baseId } = entry
    if (baseId === undefined) return undefined
    const path = [...reading.path, id]
    if (path.includes(baseId) || path.length > MAX_DELTA_CHAIN) {
      throw corruptEntry(entry, 'a base that does not build on it', `base ${baseId}`)
    }
    const known = reading.isHashed ? undefined : this.#bases.find(baseId)
    if (known !== undefined) return known
    const base = await this.#readKnownCopy(baseId, 'chunk', { ...reading, path })
    if (base === undefined) throw this.#missing(baseId, 'chunk')
    this.#bases.add(baseId, base)
    return base
  }

  #decode(
    entry: StoredObject,
    bytes: Uint8Array,
    { base, isHashed }: { base: Uint8Array | undefined; isHashed: boolean },
  ): Uint8Array {
    const { packKey, offsetBytes } = entry
    try {
      const decode = isHashed ? decodeObject : decodeUnhashed
      const { header, object } = decode(bytes, { packKey, base })
      if (header.id === entry.id) return object
      throw corruptEntry(entry, `entry ${entry.id} at ${offsetBytes}`, `entry ${header.id}`)
    } catch (cause) {
      if (!isSnapError(cause, 'OBJECT_CORRUPT') || cause.data.objectId !== undefined) throw cause
      throw corruptEntry(entry, cause.data.expected, cause.data.found, cause)
    }
  }

  async #readRange(entry: StoredObject): Promise<Uint8Array> {
    const { packKey, packSizeBytes, offsetBytes } = entry
    try {
      return await this.backend.read(packKey, { offsetBytes, sizeBytes: entrySizeBytes(entry) })
    } catch (cause) {
      if (!isSnapError(cause, 'BACKEND_UNAVAILABLE')) throw cause
      const found = await this.backend.findSizeBytes(packKey)
      if (found === undefined || found >= packSizeBytes) throw cause
      throw corruptEntry(entry, `a pack of ${packSizeBytes} bytes`, `${found} bytes`, cause)
    }
  }

  #missing(id: ObjectId, kind: EntryKind | undefined): SnapError {
    const other = [...this.#index.find(id)].find((entry) => entry.kind !== kind)
    if (kind !== undefined && other !== undefined) {
      return new SnapError(
        'OBJECT_KIND_UNEXPECTED',
        `object '${shortId(id)}' is ${other.kind}, not ${kind}`,
        { objectId: id, expected: kind, found: other.kind },
      )
    }
    const missingBase = this.findMissingBase(id)
    if (missingBase !== undefined) {
      return new SnapError(
        'OBJECT_MISSING',
        `object '${shortId(id)}' cannot be read: its base '${shortId(missingBase)}' is missing`,
        { objectId: missingBase },
        { hint: "run 'snap fsck' to list what else is affected" },
      )
    }
    const [packKey, cause] = [...this.#damagedPacks][0] ?? []
    return new SnapError(
      'OBJECT_MISSING',
      packKey === undefined
        ? `object '${shortId(id)}' is missing`
        : `object '${shortId(id)}' is missing; pack '${packKey}' is damaged`,
      { objectId: id },
      { cause, hint: "run 'snap fsck' to list what else is affected" },
    )
  }
}

/** Decodes an object and adds its id to what the decoder, which sees only bytes, complains of. */
function decodeNamed<T>(id: ObjectId, bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T {
  try {
    return decode(bytes)
  } catch (cause) {
    if (isSnapError(cause, 'OBJECT_CORRUPT') || isSnapError(cause, 'OBJECT_KIND_UNEXPECTED')) {
      throw new SnapError(
        cause.code,
        `object '${shortId(id)}': ${cause.message}`,
        { ...cause.data, objectId: id },
        { cause },
      )
    }
    throw cause
  }
}

function corruptEntry(
  entry: StoredObject,
  expected: string,
  found: string,
  cause?: unknown,
): SnapError {
  return new SnapError(
    'OBJECT_CORRUPT',
    `object '${shortId(entry.id)}' in '${entry.packKey}' is damaged`,
    { objectId: entry.id, key: entry.packKey, expected, found },
    { cause, hint: "run 'snap fsck' to list what else is affected" },
  )
}
