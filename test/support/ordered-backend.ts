import type { Backend, BackendEntry } from '../../src/backend/backend.ts'
import { findMetadataKind } from '../../src/format/metadata-object.ts'
import { findPackId } from '../../src/format/pack.ts'
import { decodeRefRecord } from '../../src/format/ref-record.ts'
import { ObjectDatabase } from '../../src/objects/object-database.ts'
import { parseRefRecordKey } from '../../src/refs/ref-name.ts'
import { listReferences } from './references.ts'

/**
 * A backend that refuses any write out of the order of store-format.md §10: a
 * ref record that names an object no durable pack holds, or a metadata pack that
 * names one. What it lets through could be cut off after any write.
 */
export class OrderedBackend implements Backend {
  readonly #backend: Backend
  /** Keys in the order in which they became durable. */
  readonly written: string[] = []
  /** Called when a key is gone. */
  onRemove: (key: string) => Promise<void> = async () => {}

  constructor(backend: Backend) {
    this.#backend = backend
  }

  get location(): string {
    return this.#backend.location
  }

  async create(key: string, parts: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    if (parseRefRecordKey(key) !== undefined) await this.#assertRefMayBeWritten(key, parts)
    const outcome = await this.#backend.create(key, parts)
    if (outcome === 'created') this.written.push(key)
    if (findPackId(key) !== undefined) await this.#assertPackIsClosed(key)
    return outcome
  }

  async read(key: string, range?: { offsetBytes: number; sizeBytes: number }): Promise<Uint8Array> {
    return this.#backend.read(key, range)
  }

  async findSizeBytes(key: string): Promise<number | undefined> {
    return this.#backend.findSizeBytes(key)
  }

  list(prefix: string): AsyncIterable<BackendEntry> {
    return this.#backend.list(prefix)
  }

  async remove(key: string): Promise<void> {
    await this.#backend.remove(key)
    await this.onRemove(key)
  }

  async close(): Promise<void> {
    return this.#backend.close()
  }

  async #assertRefMayBeWritten(key: string, parts: readonly Uint8Array[]): Promise<void> {
    const { newId } = decodeRefRecord(Buffer.concat(parts), key)
    if (newId === null || (await ObjectDatabase.open(this.#backend).has(newId))) return
    throw new Error(`'${key}' names commit ${newId}, which no durable pack holds`)
  }

  async #assertPackIsClosed(packKey: string): Promise<void> {
    const objects = ObjectDatabase.open(this.#backend)
    for (const id of await objects.idsWithPrefix('')) {
      const entry = await objects.findEntry(id, 'metadata')
      if (entry?.packKey !== packKey) continue
      const bytes = await objects.read(id, 'metadata')
      for (const named of listReferences(bytes)) {
        if (await objects.has(named)) continue
        const kind = findMetadataKind(bytes)
        throw new Error(
          `'${packKey}' holds ${kind} ${id}, which names ${named}: no pack holds that`,
        )
      }
    }
  }
}
