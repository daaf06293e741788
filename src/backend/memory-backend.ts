import { SnapError } from '../errors.ts'
import type { Backend, BackendEntry } from './backend.ts'

/** Keeps everything in memory; what it holds ends with the process. For tests, and as the plainest statement of the contract. */
export class MemoryBackend implements Backend {
  readonly location = 'memory'
  readonly #values = new Map<string, { bytes: Uint8Array; createdAt: Date }>()
  readonly #now: () => Date

  /** @param options.now  the clock that keys are dated by */
  constructor(options: { now?: () => Date } = {}) {
    this.#now = options.now ?? (() => new Date())
  }

  async create(key: string, parts: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    if (this.#values.has(key)) return 'exists'
    this.#values.set(key, {
      bytes: Uint8Array.from(Buffer.concat(parts)),
      createdAt: this.#now(),
    })
    return 'created'
  }

  async read(key: string, range?: { offsetBytes: number; sizeBytes: number }): Promise<Uint8Array> {
    const value = this.#values.get(key)?.bytes
    if (value === undefined) {
      throw new SnapError('BACKEND_KEY_MISSING', `cannot read '${key}': there is no such key`, {
        key,
      })
    }
    if (range === undefined) return value.slice()
    const end = range.offsetBytes + range.sizeBytes
    if (end > value.length) {
      throw new SnapError(
        'BACKEND_UNAVAILABLE',
        `cannot read '${key}' up to byte ${end}: it ends at byte ${value.length}`,
        { location: this.location },
      )
    }
    return value.slice(range.offsetBytes, end)
  }

  async findSizeBytes(key: string): Promise<number | undefined> {
    return this.#values.get(key)?.bytes.length
  }

  async *list(prefix: string): AsyncIterable<BackendEntry> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort()
    for (const key of keys) {
      const value = this.#values.get(key)
      if (value === undefined) continue
      yield { key, sizeBytes: value.bytes.length, createdAt: value.createdAt }
    }
  }

  async remove(key: string): Promise<void> {
    this.#values.delete(key)
  }

  async close(): Promise<void> {}
}
