import { throwIfAborted } from '../errors.ts'
import { emit, type Reporter } from '../events.ts'
import type { ManifestRef, Tree } from '../format/values.ts'
import { type StreamReader, walkChunks } from '../objects/walk-manifest.ts'

/** Every row stream of a tree, in the order in which a restore reads them. */
export function manifestsOf(tree: Tree): ManifestRef[] {
  return [
    tree.schema,
    ...tree.tables.flatMap(({ rows }) => (rows === null ? [] : [rows])),
    tree.sequences,
    tree.largeObjects.metadata,
    tree.largeObjects.pages,
  ]
}

/** Enough reads in flight to hide a disk's latency behind hashing. */
const READS_IN_FLIGHT = 4

/**
 * Reads every object of some row streams and checks it against its id.
 *
 * Nothing of a database may be touched before this has returned for all that a restore will read.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT  the first object that is not as it must be
 */
export async function verifyObjects(
  objects: StreamReader,
  manifests: readonly ManifestRef[],
  options: { reporter?: Reporter | undefined; signal?: AbortSignal | undefined } = {},
): Promise<{ objectCount: number; sizeBytes: number }> {
  const totalSizeBytes = manifests.reduce((sum, manifest) => sum + manifest.sizeBytes, 0)
  const totals = { objectCount: 0, sizeBytes: 0 }
  emit(options.reporter, { kind: 'phaseStarted', phase: 'verifyObjects' })

  const chunks = (async function* () {
    for (const manifest of manifests) yield* walkChunks(objects, manifest)
  })()
  await Promise.all(
    Array.from({ length: READS_IN_FLIGHT }, async () => {
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
        throwIfAborted(options.signal, 'verification')
        await objects.readChunk(next.value.id)
        totals.objectCount++
        totals.sizeBytes += next.value.sizeBytes
        emit(options.reporter, { kind: 'objectsChecked', ...totals, totalSizeBytes })
      }
    }),
  )
  return totals
}
