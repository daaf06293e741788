import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keepEqualRows } from '../../../src/capture/keep-equal-rows.ts'
import type { TableEntry, Tree } from '../../../src/format/values.ts'
import { memoryStore, putRows } from '../../support/store.ts'

/** One row to a number; chunks of a few rows each, so that they differ when rows move. */
const textOf = (rows: readonly number[]) => {
  const chunks: string[] = []
  for (let i = 0; i < rows.length; i += 3) {
    chunks.push(
      rows
        .slice(i, i + 3)
        .map((row) => `${row}\trow\n`)
        .join(''),
    )
  }
  return chunks
}

/** Keeps rows that a table had before, if they are equal, and returns whose manifest it has then. */
async function kept(
  before: readonly number[],
  after: readonly number[],
  change: Partial<TableEntry> = {},
): Promise<'before' | 'after'> {
  const store = await memoryStore()
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const table = { namespace: 'public', name: 'users', columns: ['id', 'word'], extension: null }
  const rowsBefore = await putRows(writer, textOf(before))
  const rowsAfter = await putRows(writer, textOf(after))
  const tree = { tables: [{ ...table, rows: rowsAfter, ...change }] } as Tree
  const result = await keepEqualRows(
    tree,
    { tables: [{ ...table, rows: rowsBefore }] },
    {
      objects: store.objects,
      flush: () => writer.flush(),
    },
  )
  await writer.close()
  return result.tables[0]!.rows!.rootId === rowsBefore.rootId ? 'before' : 'after'
}

const rows = fc.array(fc.integer({ min: 100, max: 140 }), { minLength: 1, maxLength: 40 })

test('rows in another order are the rows they were, however often one of them occurs', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.array(fc.nat()), async (before, swaps) => {
      const after = [...before]
      for (const [i, swap] of swaps.entries()) {
        const [a, b] = [i % after.length, swap % after.length]
        ;[after[a], after[b]] = [after[b]!, after[a]!]
      }
      expect(await kept(before, after)).toBe('before')
    }),
    { numRuns: 40 },
  )
})

test('rows of which one is another are not, though they are as many and as long', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.nat(),
      fc.integer({ min: 141, max: 180 }),
      async (before, at, row) => {
        const after = before.toReversed()
        after[at % after.length] = row
        expect(await kept(before, after)).toBe('after')
      },
    ),
    { numRuns: 40 },
  )
})

test('rows that occur another number of times are not', async () => {
  expect(await kept([101, 101, 102, 103], [103, 102, 102, 101])).toBe('after')
})

test('rows of other columns are not', async () => {
  const columns = ['word', 'id']
  expect(await kept([101, 102, 103, 104], [104, 103, 102, 101], { columns })).toBe('after')
})

test('rows that cannot be read any more are not: the new ones take their place', async () => {
  const store = await memoryStore()
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const table = { namespace: 'public', name: 'users', columns: ['id'], extension: null }
  const rowsBefore = { ...(await putRows(writer, ['1\n', '2\n'])), rootId: 'f'.repeat(64) as never }
  const tree = { tables: [{ ...table, rows: await putRows(writer, ['2\n', '1\n']) }] } as Tree
  const known = { tables: [{ ...table, rows: rowsBefore }] }

  const flush = () => writer.flush()
  expect(await keepEqualRows(tree, known, { objects: store.objects, flush })).toBe(tree)
  await writer.close()
})
