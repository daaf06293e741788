import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { readTablePage } from '../../../src/export/table-page.ts'
import { memoryStore } from '../../support/store.ts'
import { storeRows, watchReads } from '../../support/table-state.ts'

/** Chunks hold 64 to 1024 bytes: most rows share one, and every 50th is cut into several. */
const ROWS = Array.from({ length: 400 }, (_, n) => `${n}\t${n % 50 === 7 ? 'x'.repeat(3000) : 'y'}`)

async function manyRows() {
  const { objects } = await memoryStore()
  return storeRows(objects, ['id', 'text'], ROWS)
}

test('a page is the rows from anywhere on, wherever chunks cut them', async () => {
  const { objects, rows } = await manyRows()
  for (const rowCount of [1, 7, 60]) {
    for (let firstRow = 0; firstRow < ROWS.length; firstRow += rowCount) {
      const page = await readTablePage(objects, { rows }, { firstRow, rowCount })
      deepEqual(page, ROWS.slice(firstRow, firstRow + rowCount))
    }
  }
})

test('behind the end there are no rows, nor where the state holds none', async () => {
  const { objects, rows } = await manyRows()
  deepEqual(await readTablePage(objects, { rows }, { firstRow: 400, rowCount: 5 }), [])
  deepEqual(await readTablePage(objects, { rows }, { firstRow: 398, rowCount: 5 }), ROWS.slice(398))
  deepEqual(await readTablePage(objects, { rows: null }, { firstRow: 0, rowCount: 5 }), [])
})

test('only the chunks that hold the page are read', async () => {
  const { state, chunksRead } = watchReads(await manyRows())
  const { rowCount, chunkCount } = state.rows
  await readTablePage(state.objects, state, { firstRow: rowCount - 3, rowCount: 3 })
  equal(chunkCount > 20, true)
  equal(chunksRead.length <= 3, true, `${chunksRead.length} chunks were read`)
})
