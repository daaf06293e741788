import { SnapError } from '../errors.ts'
import { bytesToRow } from '../format/copy-text.ts'
import { shortId } from '../format/object-id.ts'
import { readChunk, type StreamReader } from '../objects/walk-manifest.ts'
import type { ChunkGroup } from './chunk-diff.ts'

/** Groups read ahead of the one being used: hides the latency of one read behind another. */
const GROUPS_IN_FLIGHT = 4

const LINE_FEED = 0x0a

/** V8's longest string has 2^29 - 24 characters; a longer row cannot be held as row text. */
const MAX_ROW_BYTES = 2 ** 29 - 24

/**
 * Reads the rows of chunk groups, one batch of row text for each group.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 * @throws FORMAT_UNSUPPORTED  a row has more than 512 MiB of COPY text
 */
export async function* readRowBatches(
  objects: StreamReader,
  groups: Iterable<ChunkGroup>,
): AsyncGenerator<string[]> {
  const ahead: Promise<string[]>[] = []
  for (const group of groups) {
    const rows = readGroup(objects, group)
    // A reader that stops early, or an earlier group that fails, leaves this one unawaited.
    rows.catch(() => {})
    ahead.push(rows)
    if (ahead.length >= GROUPS_IN_FLIGHT) yield await ahead.shift()!
  }
  for (const rows of ahead) yield await rows
}

async function readGroup(objects: StreamReader, group: ChunkGroup): Promise<string[]> {
  const pieces = await Promise.all(group.map((chunk) => readChunk(objects, chunk)))
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  const rows: string[] = []
  let start = 0
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    if (end - start > MAX_ROW_BYTES) throw rowTooLong(end - start)
    rows.push(bytesToRow(bytes, start, end))
    start = end + 1
  }
  if (start !== bytes.length) throw endsInsideRow(group)
  return rows
}

function endsInsideRow(group: ChunkGroup): SnapError {
  const { id } = group.at(-1)!
  return new SnapError('OBJECT_CORRUPT', `chunk '${shortId(id)}' ends inside a row`, {
    objectId: id,
    expected: 'a chunk that holds a row end ends with one',
    found: 'bytes after the last row end',
  })
}

function rowTooLong(sizeBytes: number): SnapError {
  return new SnapError('FORMAT_UNSUPPORTED', 'cannot compare a row of more than 512 MiB', {
    expected: `at most ${MAX_ROW_BYTES} bytes`,
    found: `${sizeBytes} bytes`,
  })
}
