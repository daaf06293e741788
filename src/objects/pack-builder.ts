import { randomBytes } from 'node:crypto'
import type { Backend } from '../backend/backend.ts'
import { InvariantError } from '../errors.ts'
import { encodePackEnd, PACK_HEAD, type PackIndex, type PackIndexEntry } from '../format/pack.ts'
import { type EntryHeader, encodeEntryHead } from '../format/pack-entry.ts'

/** A pack being filled in memory. */
export class PackBuilder {
  readonly #parts: Uint8Array[] = [PACK_HEAD]
  readonly #entries: PackIndexEntry[] = []
  #sizeBytes = PACK_HEAD.length

  /** Size so far, without the index and trailer to come. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Appends one entry. `stored` is kept, not copied. Returns the bytes it takes. */
  add(header: EntryHeader, stored: Uint8Array): number {
    const head = encodeEntryHead(header, stored)
    this.#entries.push({ ...header, offsetBytes: this.#sizeBytes })
    this.#parts.push(head, stored)
    this.#sizeBytes += head.length + stored.length
    return head.length + stored.length
  }

  /** Writes the pack. When the promise resolves it is durable; its index is returned. */
  async write(backend: Backend): Promise<PackIndex> {
    const { end, index } = encodePackEnd(this.#entries, randomBytes(16))
    const outcome = await backend.create(index.packKey, [...this.#parts, end])
    if (outcome === 'exists') throw new InvariantError(`pack ${index.packKey} was drawn twice`)
    return index
  }
}
