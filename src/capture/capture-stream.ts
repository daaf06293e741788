import { type RowChunk, RowChunker } from '../chunker/row-chunker.ts'
import type { ManifestRef } from '../format/values.ts'
import { ManifestWriter } from '../objects/manifest-writer.ts'
import type { ObjectSink } from '../objects/object-sink.ts'
import { nextRows, type RangeReading } from './range-reading.ts'

/**
 * Cuts a stream of rows into chunks, puts them into the sink and returns the root of their manifest.
 *
 * Memory stays bounded by one chunk and what the sink holds back.
 *
 * @param onProgress  called after each chunk with running totals of this stream
 */
export async function captureStream(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sink: ObjectSink,
  onProgress?: (totals: { rowCount: number; sizeBytes: number }) => void,
): Promise<ManifestRef> {
  const chunker = new RowChunker()
  const manifest = new ManifestWriter(sink)
  const totals = { rowCount: 0, sizeBytes: 0 }

  const putAll = async (chunks: Iterable<RowChunk>) => {
    for (const { bytes, rowCount } of chunks) {
      const sizeBytes = bytes.length
      const id = await sink.put('chunk', bytes)
      await manifest.add({ id, sizeBytes, rowCount })
      totals.rowCount += rowCount
      totals.sizeBytes += sizeBytes
      onProgress?.(totals)
    }
  }

  for await (const buffer of source) await putAll(chunker.push(buffer))
  await putAll(chunker.finish())
  return manifest.finish()
}

/**
 * Captures the rows of a table that is read by ranges, all of them.
 *
 * @returns how much each range gave, too
 */
export async function captureRanges(
  reading: Pick<RangeReading<unknown>, 'ranges' | 'rowsOf'>,
  sink: ObjectSink,
  onProgress?: (totals: { rowCount: number; sizeBytes: number }) => void,
): Promise<{ rows: ManifestRef; rangeSizesBytes: number[] }> {
  const rangeSizesBytes: number[] = []
  const inOrder = nextRows(reading, reading.ranges.length, rangeSizesBytes)
  return { rows: await captureStream(inOrder, sink, onProgress), rangeSizesBytes }
}

/** Captures values as canonical JSON lines, one row each, in the order given. */
export function captureLines<T>(
  values: Iterable<T>,
  encode: (value: T) => Uint8Array,
  sink: ObjectSink,
): Promise<ManifestRef> {
  const lines = function* () {
    for (const value of values) yield encode(value)
  }
  return captureStream(lines(), sink)
}
