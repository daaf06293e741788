import { decodeJsonLines } from '../format/json-lines.ts'
import type { ManifestRef } from '../format/values.ts'
import { readRows, type StreamReader } from './walk-manifest.ts'

/**
 * Reads a whole stream of JSON lines, in order: schema entries, sequences, large objects.
 *
 * @param check  of `format/stream-entries.ts`
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function readJsonStream<T>(
  objects: StreamReader,
  stream: ManifestRef,
  check: (value: unknown) => T,
): Promise<T[]> {
  const values: T[] = []
  for await (const value of decodeJsonLines(readRows(objects, stream), check)) values.push(value)
  return values
}
