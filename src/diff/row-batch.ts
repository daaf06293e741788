import { SnapError } from '../errors.ts'
import { shortId } from '../format/object-id.ts'
import { readChunk, type StreamReader } from '../objects/walk-manifest.ts'
import type { ChunkGroup } from './chunk-diff.ts'

/** Whole rows of COPY text, one after the other. */
export interface RowBatch {
  bytes: Uint8Array
  /** Where each row ends: the offset of its line feed. */
  rowEnds: Uint32Array
}

/** Groups read ahead of the one being used: hides the latency of one read behind another. */
const GROUPS_IN_FLIGHT = 4

const LINE_FEED = 0x0a

/** V8's longest string has 2^29 - 24 characters; a longer row could not be handed out as row text. */
const MAX_ROW_BYTES = 2 ** 29 - 24

/**
 * Reads the rows of chunk groups, one batch for each group.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 * @throws FORMAT_UNSUPPORTED  a row has more than 512 MiB of COPY text
 */
export async function* readRowBatches(
  objects: StreamReader,
  groups: Iterable<ChunkGroup>,
): AsyncGenerator<RowBatch> {
  const ahead: Promise<RowBatch>[] = []
  for (const group of groups) {
    const rows = readGroup(objects, group)
    // A reader that stops early, or an earlier group that fails, leaves this one unawaited.
    rows.catch(() => {})
    ahead.push(rows)
    if (ahead.length >= GROUPS_IN_FLIGHT) yield await ahead.shift()!
  }
  for (const rows of ahead) yield await rows
}

/** Finds the row ends in `bytes`. */
export function findRowEnds(bytes: Uint8Array, rowCountExpected: number): Uint32Array {
  let rowEnds = new Uint32Array(rowCountExpected)
  let rowCount = 0
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, end + 1)) {
    if (rowCount === rowEnds.length) {
      const larger = new Uint32Array(2 * rowCount + 16)
      larger.set(rowEnds)
      rowEnds = larger
    }
    rowEnds[rowCount++] = end
  }
  return rowEnds.subarray(0, rowCount)
}

async function readGroup(objects: StreamReader, group: ChunkGroup): Promise<RowBatch> {
  const pieces = await Promise.all(group.map((chunk) => readChunk(objects, chunk)))
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  const rowCount = group.reduce((sum, chunk) => sum + chunk.rowCount, 0)
  const rowEnds = findRowEnds(bytes, rowCount)
  const endOffset = (rowEnds.at(-1) ?? -1) + 1
  if (endOffset !== bytes.length) throw endsInsideRow(group, bytes.length - endOffset)
  // Only a row that was split can be as long.
  if (bytes.length > MAX_ROW_BYTES && group.length > 1) assertNoRowTooLong(rowEnds)
  return { bytes, rowEnds }
}

function endsInsideRow(group: ChunkGroup, surplusBytes: number): SnapError {
  const { id } = group.at(-1)!
  return new SnapError('OBJECT_CORRUPT', `chunk '${shortId(id)}' ends inside a row`, {
    objectId: id,
    expected: 'a chunk that holds a row end ends with one',
    found: `${surplusBytes} bytes after the last row end`,
  })
}

function assertNoRowTooLong(rowEnds: Uint32Array): void {
  for (const [row, end] of rowEnds.entries()) {
    const sizeBytes = end - (row === 0 ? 0 : rowEnds[row - 1]! + 1)
    if (sizeBytes <= MAX_ROW_BYTES) continue
    throw new SnapError('FORMAT_UNSUPPORTED', 'cannot compare a row of more than 512 MiB', {
      expected: `at most ${MAX_ROW_BYTES} bytes`,
      found: `${sizeBytes} bytes`,
    })
  }
}
