import type { Backend } from '../../src/backend/backend.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { compressHere } from '../../src/objects/compressor.ts'
import { ObjectDatabase } from '../../src/objects/object-database.ts'
import { PackBuilder } from '../../src/objects/pack-builder.ts'
import { sketchOf } from '../../src/objects/sketch.js'

/** Rows that hardly compress: 400 of 80 bytes. */
export const ROW_COUNT = 400

/**
 * A state of a chunk of rows: those that were changed have the number of the change in them.
 *
 * @param changes  row numbers, in the order in which they were changed
 */
export function rowsAfter(changes: readonly number[], table = 'users'): string {
  const changedBy = new Map(changes.map((row, i) => [row % ROW_COUNT, i + 1]))
  return Array.from({ length: ROW_COUNT }, (_, i) => {
    const noise = objectIdOf(Buffer.from(`${table} ${i} ${changedBy.get(i) ?? ''}`))
    return `${i}\t${table} ${i}\t${noise}\n`
  }).join('')
}

/** Puts chunks, each durable before the next, and returns their ids. */
export async function putChunks(
  objects: ObjectDatabase,
  chunks: readonly (string | { rows: string; family: number })[],
  options: { compressionThreads?: number; withDeltas?: boolean } = {},
): Promise<ObjectId[]> {
  const writer = objects.newWriter({ compressionThreads: 0, ...options })
  try {
    const ids: ObjectId[] = []
    for (const chunk of chunks) {
      const { rows, family = 0 } = typeof chunk === 'string' ? { rows: chunk } : chunk
      ids.push(await writer.put('chunk', Buffer.from(rows), family))
      await writer.flush()
    }
    return ids
  } finally {
    await writer.close()
  }
}

/** Writes a pack by hand: chunks, each as a delta on the one given with it, or whole. */
export async function writePackOf(
  backend: Backend,
  entries: readonly { rows: string; base?: string }[],
): Promise<string> {
  const builder = new PackBuilder(100_000)
  for (const { rows, base } of entries) {
    const bytes = Buffer.from(rows)
    const baseBytes = base === undefined ? undefined : Buffer.from(base)
    const id = objectIdOf(bytes)
    const { encoding, stored } = compressHere(id, bytes, baseBytes)
    const header = { id, kind: 'chunk', encoding, sizeBytes: bytes.length } as const
    builder.add({ ...header, storedSizeBytes: stored.length }, stored, {
      baseId: baseBytes === undefined ? undefined : objectIdOf(baseBytes),
      lineage: { sketch: sketchOf(bytes), generation: 0 },
    })
  }
  return (await builder.write(backend)).packKey
}

/** Reads every one of the chunks, by a reader that knows nothing yet. */
export async function readAll(backend: Backend, ids: readonly ObjectId[]): Promise<string[]> {
  const objects = ObjectDatabase.open(backend)
  const chunks = await Promise.all(ids.map((id) => objects.readChunk(id)))
  return chunks.map((bytes) => Buffer.from(bytes).toString())
}
