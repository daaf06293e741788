/** What a listing tells of one key. */
export interface BackendEntry {
  key: string
  sizeBytes: number
  /** When the key was created, by the clock of the place itself, which need not be this machine's. */
  createdAt: Date
}

/**
 * Where a store's bytes live: a flat map from keys to immutable byte strings.
 *
 * Keys are relative, `/`-separated, ASCII (`packs/9b/9bc1….pack`). The one
 * write is create-if-absent, because it is the one condition every directory
 * and every S3-compatible service can keep; refs, locks and packs are all built
 * on it. A backend knows nothing of what the bytes mean.
 */
export interface Backend {
  /** For messages: a directory, a bucket URL. Never holds a secret. */
  readonly location: string

  /**
   * Creates `key` from the concatenation of `parts` unless it exists.
   *
   * When the promise resolves to `'created'` the bytes are durable and wholly
   * visible; until then no reader sees the key. Of concurrent creators of one
   * key exactly one gets `'created'`. A failure leaves nothing visible.
   *
   * @throws BACKEND_FULL, BACKEND_READ_ONLY, BACKEND_UNAVAILABLE
   */
  create(key: string, parts: readonly Uint8Array[]): Promise<'created' | 'exists'>

  /**
   * Reads `key` whole, or `sizeBytes` bytes from `offsetBytes`. The returned bytes belong to the caller.
   *
   * @throws BACKEND_KEY_MISSING  no such key
   * @throws BACKEND_UNAVAILABLE  I/O failure, or the range ends past the end of the value
   */
  read(key: string, range?: { offsetBytes: number; sizeBytes: number }): Promise<Uint8Array>

  /** Returns the size of the value in bytes, or `undefined` when there is no such key. */
  findSizeBytes(key: string): Promise<number | undefined>

  /** Lists every key that begins with `prefix`, in ascending byte order. */
  list(prefix: string): AsyncIterable<BackendEntry>

  /** Removes `key`; absent is fine. Durable when resolved. */
  remove(key: string): Promise<void>

  /**
   * Removes what writers that were killed have left behind unnamed, where a place has such things
   * and they were last written before `before`, by the clock that dates keys. Absent: it has none.
   */
  removeLeftovers?(before: Date): Promise<{ fileCount: number; sizeBytes: number }>

  close(): Promise<void>
}
