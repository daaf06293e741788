import { randomBytes } from 'node:crypto'
import type { Backend } from '../backend/backend.ts'
import { InvariantError } from '../errors.ts'
import { encodePackEnd, PACK_HEAD, type PackIndex, type PackIndexEntry } from '../format/pack.ts'
import { ENTRY_HEAD_BYTES, type EntryHeader, encodeEntryHead } from '../format/pack-entry.ts'

/** Room beyond the target for the entry that reaches it. */
const SLACK_BYTES = 512 * 1024

/** A pack being filled, in one piece of memory that is used again for the next pack. */
export class PackBuilder {
  readonly #targetBytes: number
  #bytes = new Uint8Array(0)
  #entries: PackIndexEntry[] = []
  #sizeBytes = PACK_HEAD.length

  constructor(targetBytes: number) {
    this.#targetBytes = targetBytes
  }

  /** Size so far, without the index and trailer to come. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Appends one entry; `stored` is copied. Returns the bytes it takes. */
  add(
    header: EntryHeader,
    stored: Uint8Array,
    { baseId, lineage }: Pick<PackIndexEntry, 'baseId' | 'lineage'> = {},
  ): number {
    const entryBytes = ENTRY_HEAD_BYTES + stored.length
    this.#makeRoomFor(entryBytes)
    this.#bytes.set(encodeEntryHead(header, stored), this.#sizeBytes)
    this.#bytes.set(stored, this.#sizeBytes + ENTRY_HEAD_BYTES)
    this.#entries.push({ ...header, offsetBytes: this.#sizeBytes, baseId, lineage })
    this.#sizeBytes += entryBytes
    return entryBytes
  }

  /** Writes the pack. When the promise resolves it is durable; its index is returned. */
  async write(backend: Backend): Promise<PackIndex> {
    const { end, index } = encodePackEnd(this.#entries, randomBytes(16))
    const entries = this.#bytes.subarray(0, this.#sizeBytes)
    const outcome = await backend.create(index.packKey, [entries, end])
    if (outcome === 'exists') throw new InvariantError(`pack ${index.packKey} was drawn twice`)
    return index
  }

  /** Begins another pack. */
  clear(): void {
    this.#entries = []
    this.#sizeBytes = PACK_HEAD.length
  }

  #makeRoomFor(sizeBytes: number): void {
    const neededBytes = this.#sizeBytes + sizeBytes
    if (neededBytes <= this.#bytes.length) return
    // At once what a whole pack takes: the system provides no memory before it is written to, and
    // growing by steps would leave each step behind for the collector.
    const grown = new Uint8Array(Math.max(neededBytes, this.#targetBytes + SLACK_BYTES))
    grown.set(this.#bytes.subarray(0, this.#sizeBytes))
    grown.set(PACK_HEAD)
    this.#bytes = grown
  }
}
