import { RowChunker } from '../../src/chunker/row-chunker.ts'
import type { TableState } from '../../src/diff/row-diff.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { ManifestWriter } from '../../src/objects/manifest-writer.ts'
import type { ObjectDatabase } from '../../src/objects/object-database.ts'

/** Small chunks, so that a few rows make many and a long row fills several. */
const SIZES = { minSizeBytes: 64, averageSizeBytes: 256, maxSizeBytes: 1024 }

/** Stores rows (row text without line feeds) as a commit would, in small chunks. */
export async function storeRows(
  objects: ObjectDatabase,
  columns: readonly string[],
  rows: readonly string[],
): Promise<TableState> {
  const writer = objects.newWriter({ compressionThreads: 0 })
  try {
    const manifest = new ManifestWriter(writer)
    const chunker = new RowChunker(SIZES)
    const bytes = Buffer.from(rows.map((row) => `${row}\n`).join(''), 'latin1')
    for (const chunk of [...chunker.push(bytes), ...chunker.finish()]) {
      const id = await writer.put('chunk', chunk.bytes)
      await manifest.add({ id, sizeBytes: chunk.bytes.length, rowCount: chunk.rowCount })
    }
    const ref = await manifest.finish()
    await writer.flush()
    return { columns, rows: ref, objects }
  } finally {
    await writer.close()
  }
}

/** The same state, and which chunks were read from it. */
export function watchReads(state: TableState): { state: TableState; chunksRead: ObjectId[] } {
  const chunksRead: ObjectId[] = []
  const { objects } = state
  return {
    chunksRead,
    state: {
      ...state,
      objects: {
        readNode: (id) => objects.readNode(id),
        readChunk: (id) => {
          chunksRead.push(id)
          return objects.readChunk(id)
        },
      },
    },
  }
}
