import { deepEqual } from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import type { TableState } from '../../../src/diff/row-diff.ts'
import type { TableEntry } from '../../../src/format/values.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { compareRows, newRowBudget, type RowBudget } from '../../../src/restore/compare-rows.ts'
import { storeRows, watchReads } from '../../support/table-state.ts'

let scratchDirectory: string
beforeAll(async () => {
  scratchDirectory = await mkdtemp(join(tmpdir(), 'snap-compare-rows-'))
})
afterAll(() => rm(scratchDirectory, { recursive: true }))

const COLUMNS = ['id', 'value']
const ROW_COUNT = 20_000
const ids = Array.from({ length: ROW_COUNT }, (_, id) => id)
const rowOf = (id: number, version = 0) => `${id}\tthe value of ${id} is ${id * 31 + version}`

async function compare(
  rows: readonly string[],
  { budget = newRowBudget(), key = ['id'] }: { budget?: RowBudget; key?: string[] | null } = {},
) {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const live = watchReads(await storeRows(objects, COLUMNS, rows))
  const target = await storeRows(
    objects,
    COLUMNS,
    ids.map((id) => rowOf(id)),
  )
  const tableOf = ({ rows }: TableState): TableEntry => ({
    namespace: 'public',
    name: 't',
    columns: COLUMNS,
    extension: null,
    rows,
  })
  const comparison = await compareRows(tableOf(live.state), tableOf(target), {
    objects: live.state.objects,
    findKey: () => key ?? undefined,
    budget,
    scratchDirectory,
  })
  deepEqual(await readdir(scratchDirectory), [])
  const chunkCount = live.state.rows.chunkCount + target.rows.chunkCount
  return { comparison, readShare: live.chunksRead.length / chunkCount }
}

test('a few changed rows become a delta: keys that go, rows that come', async () => {
  const rows = ids.map((id) => rowOf(id, id % 5000 === 7 ? 1 : 0)).concat(rowOf(ROW_COUNT))
  const { comparison, readShare } = await compare(rows)
  const changed = [7, 5007, 10_007, 15_007]
  expect(comparison).toEqual({
    kind: 'delta',
    delta: {
      keyColumns: ['id'],
      deletedKeys: [...changed, ROW_COUNT].map(String),
      insertedRows: changed.map((id) => rowOf(id)),
      updatedCount: changed.length,
    },
  })
  expect(readShare).toBeLessThan(0.05)
})

test('a table of which most rows changed is given up after as many rows as may change', async () => {
  const { comparison, readShare } = await compare(ids.map((id) => rowOf(id, 1)))
  expect(comparison).toEqual({ kind: 'reload' })
  expect(readShare).toBeLessThan(0.3)
})

test('without a key the first row that differs is enough', async () => {
  const { comparison } = await compare(
    ids.map((id) => rowOf(id, id === 3 ? 1 : 0)),
    { key: null },
  )
  expect(comparison).toEqual({ kind: 'reload' })
})

test('rows that only stand in another order need nothing, also without a key', async () => {
  const rows = ids.map((id) => rowOf((id * 7919) % ROW_COUNT))
  expect((await compare(rows)).comparison).toEqual({ kind: 'equal' })
  expect((await compare(rows, { key: null })).comparison).toEqual({ kind: 'equal' })
})

test('a delta holds no more than the budget, and takes from it what it holds', async () => {
  const rows = ids.map((id) => rowOf(id, id % 100 === 0 ? 1 : 0))
  const small = { sizeBytes: 1000 }
  expect((await compare(rows, { budget: small })).comparison).toEqual({ kind: 'reload' })
  expect(small).toEqual({ sizeBytes: 1000 })

  const budget = newRowBudget()
  const { sizeBytes } = budget
  const { comparison } = await compare(rows, { budget })
  if (comparison.kind !== 'delta') throw new Error(comparison.kind)
  const { deletedKeys, insertedRows } = comparison.delta
  const characters = [...deletedKeys, ...insertedRows].join('').length
  expect(sizeBytes - budget.sizeBytes).toBeGreaterThanOrEqual(characters)
})
