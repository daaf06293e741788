/**
 * Reads a few rows from anywhere in a table, without reading what lies before them.
 *
 * The hash tree counts rows, so the way to the n-th leads past everything that
 * ends before it; only the chunks that hold the page are read.
 */
import { bytesToRow } from '../format/copy-text.ts'
import type { ManifestRef, TableEntry } from '../format/values.ts'
import { readChunk, type StreamReader } from '../objects/walk-manifest.ts'

const LINE_FEED = 0x0a

/**
 * Reads the rows from the `firstRow`-th on (0-based), as row text (`splitFields` and `decodeField` read it).
 *
 * @returns  `rowCount` rows; fewer at the end of the table, none behind it or where the state does not hold rows
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function readTablePage(
  objects: StreamReader,
  table: Pick<TableEntry, 'rows'>,
  page: { firstRow: number; rowCount: number },
): Promise<string[]> {
  const { rows } = table
  if (rows === null || page.firstRow >= rows.rowCount) return []
  const wanted = Math.min(page.rowCount, rows.rowCount - page.firstRow)
  const found: string[] = []
  /** Rows that are still to be passed over. */
  let left = page.firstRow
  let begun: Uint8Array[] = []
  for await (const { bytes, skippedRowCount } of readFrom(objects, rows, page.firstRow)) {
    left -= skippedRowCount
    let start = 0
    for (;;) {
      const end = bytes.indexOf(LINE_FEED, start)
      if (end === -1) break
      if (left > 0) left--
      else found.push(bytesToRow(Buffer.concat([...begun, bytes.subarray(start, end)])))
      begun = []
      start = end + 1
      if (found.length === wanted) return found
    }
    // What a row began with is kept only where the row is on the page.
    if (left === 0 && start < bytes.length) begun.push(bytes.subarray(start))
  }
  return found
}

/**
 * Reads chunks from the one that holds the end of the row before `firstRow`; with the first comes
 * how many rows end before it. A row may be cut by chunks: it begins where the one before it ends.
 */
async function* readFrom(
  objects: StreamReader,
  ref: ManifestRef,
  firstRow: number,
): AsyncGenerator<{ bytes: Uint8Array; skippedRowCount: number }> {
  let passed = 0
  let isFirst = true
  async function* walk(node: ManifestRef): AsyncGenerator<Uint8Array> {
    const read = await objects.readNode(node.rootId)
    const children = 'chunks' in read ? read.chunks : read.children
    for (const child of children) {
      if (passed + child.rowCount < firstRow) {
        passed += child.rowCount
        continue
      }
      if ('id' in child) {
        const bytes = await readChunk(objects, child)
        yield bytes
        passed += child.rowCount
      } else yield* walk(child)
    }
  }
  for await (const bytes of walk(ref)) {
    yield { bytes, skippedRowCount: isFirst ? passed : 0 }
    isFirst = false
  }
}
