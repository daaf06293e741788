import { deepEqual } from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { countRowChanges, diffRows, type RowChange } from '../../../src/diff/row-diff.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { storeRows, watchReads } from '../../support/table-state.ts'

let scratchDirectory: string
beforeAll(async () => {
  scratchDirectory = await mkdtemp(join(tmpdir(), 'snap-row-diff-'))
})
afterAll(() => rm(scratchDirectory, { recursive: true }))

const COLUMNS = ['id', 'value']

// Mostly short rows, and now and then one that fills several chunks by itself.
const value = fc.oneof(
  { weight: 12, arbitrary: fc.string({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 1000, max: 5000 }), fc.constantFrom('x', 'y'))
      .map(([length, letter]) => letter.repeat(length)),
  },
)
const clean = (text: string) => text.replaceAll(/[\n\t\\]/g, '')

/** A table with a key, and edits of it: by position, what to do there. */
const edits = fc.array(
  fc.record({
    place: fc.nat(),
    action: fc.oneof(
      fc.constant('delete' as const),
      fc.constant('insert' as const),
      fc.constant('update' as const),
      fc.constant('move' as const),
    ),
    value,
  }),
  { maxLength: 12 },
)

type Row = readonly [id: number, value: string]

function edit(
  rows: readonly Row[],
  changes: readonly { place: number; action: string; value: string }[],
): Row[] {
  const result = [...rows]
  let nextId = rows.length + 1
  for (const { place, action, value: text } of changes) {
    const position = place % (result.length + 1)
    if (action === 'insert') result.splice(position, 0, [nextId++, text])
    else if (position === result.length) continue
    else if (action === 'delete') result.splice(position, 1)
    else if (action === 'update') result[position] = [result[position]![0], text]
    else result.push(...result.splice(position, 1))
  }
  return result
}

const asKeyed = (rows: readonly Row[]) => rows.map(([id, text]) => `${id}\t${clean(text)}`)
/** Without the id, equal rows become likely. */
const asUnkeyed = (rows: readonly Row[]) => rows.map(([, text]) => `${clean(text).slice(0, 1)}\t-`)

async function diffOf(
  before: readonly string[],
  after: readonly string[],
  options: { keyColumns?: readonly string[] | undefined; memoryBudgetBytes?: number } = {},
): Promise<RowChange[]> {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const changes = diffRows(
    await storeRows(objects, COLUMNS, before),
    await storeRows(objects, COLUMNS, after),
    { ...options, scratchDirectory },
  )
  const found: RowChange[] = []
  for await (const change of changes) found.push(change)
  return found
}

/** Applies changes to a multiset of rows; a row to delete that is not there is a failure. */
function apply(changes: readonly RowChange[], rows: readonly string[]): string[] {
  const result = [...rows]
  const remove = (row: string) => {
    const position = result.indexOf(row)
    if (position === -1) throw new Error(`cannot delete what is not there: ${row}`)
    result.splice(position, 1)
  }
  for (const change of changes) if (change.kind !== 'inserted') remove(change.before)
  for (const change of changes) if (change.kind !== 'deleted') result.push(change.after)
  return result.sort()
}

const table = fc
  .array(value, { maxLength: 150 })
  .map((values) => values.map((text, i): Row => [i + 1, text]))

test('apply(diff(a, b), a) = b, with a key, whatever the memory', async () => {
  await fc.assert(
    fc.asyncProperty(
      table,
      edits,
      fc.constantFrom(undefined, 1, 3000),
      async (rows, changes, memoryBudgetBytes) => {
        const before = asKeyed(rows)
        const after = asKeyed(edit(rows, changes))
        const found = await diffOf(before, after, {
          keyColumns: ['id'],
          ...(memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }),
        })
        deepEqual(apply(found, before), [...after].sort())
      },
    ),
    { numRuns: 150 },
  )
})

test('apply(diff(a, b), a) = b, with equal rows and no key, whatever the memory', async () => {
  await fc.assert(
    fc.asyncProperty(
      table,
      edits,
      fc.constantFrom(undefined, 1, 3000),
      async (rows, changes, memoryBudgetBytes) => {
        const before = asUnkeyed(rows)
        const after = asUnkeyed(edit(rows, changes))
        const found = await diffOf(
          before,
          after,
          memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes },
        )
        deepEqual(apply(found, before), [...after].sort())
      },
    ),
    { numRuns: 150 },
  )
})

test('diff(a, a) is empty, also when the rows stand in another order', async () => {
  await fc.assert(
    fc.asyncProperty(table, fc.nat(), async (rows, cut) => {
      const before = asKeyed(rows)
      const rotated = [
        ...before.slice(cut % (before.length + 1)),
        ...before.slice(0, cut % (before.length + 1)),
      ]
      deepEqual(await diffOf(before, before), [])
      deepEqual(await diffOf(before, rotated), [])
    }),
    { numRuns: 60 },
  )
})

test('with a key, each key comes out at most once, and says which columns changed', async () => {
  await fc.assert(
    fc.asyncProperty(table, edits, async (rows, changes) => {
      const after = edit(rows, changes)
      const found = await diffOf(asKeyed(rows), asKeyed(after), { keyColumns: ['id'] })
      const valuesBefore = new Map(rows.map(([id, text]) => [id, clean(text)]))
      const valuesAfter = new Map(after.map(([id, text]) => [id, clean(text)]))
      const expected = [...new Set([...valuesBefore.keys(), ...valuesAfter.keys()])]
        .filter((id) => valuesBefore.get(id) !== valuesAfter.get(id))
        .map((id) =>
          !valuesAfter.has(id)
            ? `deleted ${id}`
            : !valuesBefore.has(id)
              ? `inserted ${id}`
              : `updated ${id} value`,
        )
      const described = found.map((change) => {
        const [id] = (change.kind === 'inserted' ? change.after : change.before).split('\t')
        return change.kind === 'updated'
          ? `updated ${id} ${change.columns.join()}`
          : `${change.kind} ${id}`
      })
      deepEqual(described.sort(), expected.sort())
    }),
    { numRuns: 100 },
  )
})

test('tables of other columns are compared in those they have in common', async () => {
  await fc.assert(
    fc.asyncProperty(
      table,
      edits,
      fc.constantFrom(undefined, 1, 3000),
      fc.constantFrom(['id'], undefined),
      async (rows, changes, memoryBudgetBytes, keyColumns) => {
        const objects = ObjectDatabase.open(new MemoryBackend())
        const edited = edit(rows, changes)
        const before = rows.map(([id, text]) => `${id}\t${clean(text)}\tgone`)
        const after = edited.map(([id, text]) => `new\t${clean(text)}\t${id}`)
        const counts = await countRowChanges(
          await storeRows(objects, ['id', 'value', 'old'], before),
          await storeRows(objects, ['extra', 'value', 'id'], after),
          { keyColumns, scratchDirectory, memoryBudgetBytes },
        )
        const plain = await diffOf(asKeyed(rows), asKeyed(edited), { keyColumns })
        const count = (kind: string) => plain.filter((change) => change.kind === kind).length
        const [deleted, inserted, updated] = ['deleted', 'inserted', 'updated'].map(count)
        deepEqual(counts, { deleted, inserted, updated })
      },
    ),
    { numRuns: 100 },
  )
})

// Rows of whole chunks from two letters: the same chunks and nodes stand inside, and across, many rows.
const longRow = fc
  .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 })
  .map((letters) => letters.map((letter) => letter.repeat(1024)).join(''))

test('rows that fill several chunks stay whole where only a part of them is common', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(longRow, { minLength: 60, maxLength: 160 }),
      fc.array(fc.tuple(fc.nat(), longRow), { minLength: 1, maxLength: 3 }),
      async (before, changes) => {
        const after = [...before]
        for (const [place, row] of changes) after[place % after.length] = row
        deepEqual(apply(await diffOf(before, after), before), after.sort())
      },
    ),
    { numRuns: 60 },
  )
})

test('chunks that both states hold are not read', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const rows = Array.from({ length: 20_000 }, (_, i) => `${i}\tvalue ${i * 7}`)
  const before = watchReads(await storeRows(objects, COLUMNS, rows))
  const after = watchReads(await storeRows(objects, COLUMNS, rows.with(9_000, '9000\tnew')))
  const found: RowChange[] = []
  for await (const change of diffRows(before.state, after.state, {
    keyColumns: ['id'],
    scratchDirectory,
  })) {
    found.push(change)
  }
  deepEqual(found, [
    { kind: 'updated', before: '9000\tvalue 63000', after: '9000\tnew', columns: ['value'] },
  ])
  deepEqual([before.chunksRead.length <= 3, after.chunksRead.length <= 3], [true, true])
})

/** 5 MB in another order, so that with little memory every row goes through a file. */
async function reorderedTable(isUpdated: (id: number) => boolean) {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const ids = Array.from({ length: 40_000 }, (_, i) => i)
  const text = 'value '.repeat(20)
  const before = ids.map((id) => `${id}\t${text}`)
  const after = ids.map((i) => {
    const id = (i * 7919) % ids.length
    return `${id}\t${text}${isUpdated(id) ? '!' : ''}`
  })
  return {
    before: await storeRows(objects, COLUMNS, before),
    after: await storeRows(objects, COLUMNS, after),
    options: { keyColumns: ['id'], scratchDirectory, memoryBudgetBytes: 10_000 },
  }
}

test('rows that went through files are found as others are, and the files are gone', async () => {
  const { before, after, options } = await reorderedTable((id) => id % 100 === 0)
  const ids: number[] = []
  for await (const change of diffRows(before, after, options)) {
    deepEqual(change.kind === 'updated' && change.after === `${change.before}!`, true)
    if (change.kind === 'updated') ids.push(Number(change.before.split('\t')[0]))
  }
  deepEqual(
    ids.sort((a, b) => a - b),
    Array.from({ length: 400 }, (_, i) => i * 100),
  )
  deepEqual(await countRowChanges(before, after, options), {
    deleted: 0,
    inserted: 0,
    updated: 400,
  })
  deepEqual(await readdir(scratchDirectory), [])
})

test('a comparison that is left early leaves no file behind', async () => {
  const { before, after, options } = await reorderedTable(() => true)
  const changes = diffRows(before, after, options)
  for (let i = 0; i < 5_000; i++) await changes.next()
  deepEqual((await readdir(scratchDirectory)).length > 0, true)
  await changes.return(undefined)
  deepEqual(await readdir(scratchDirectory), [])
})

test('rows in the same order need no file, however many were updated', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const rows = Array.from({ length: 40_000 }, (_, i) => `${i}\tvalue`)
  const before = await storeRows(objects, COLUMNS, rows)
  const after = await storeRows(
    objects,
    COLUMNS,
    rows.map((row) => `${row}!`),
  )
  const options = { keyColumns: ['id'], scratchDirectory: '/nonexistent', memoryBudgetBytes: 0 }
  deepEqual(await countRowChanges(before, after, options), {
    deleted: 0,
    inserted: 0,
    updated: 40_000,
  })
})

test('a row of several megabytes meets its counterpart as others do', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const long = 'x'.repeat(2_000_000)
  const rows = Array.from({ length: 50 }, (_, i) => `${i}\t${i % 10 === 0 ? long : 'short'}`)
  const before = await storeRows(objects, COLUMNS, rows)
  const after = await storeRows(objects, COLUMNS, rows.toReversed().with(9, `40\t${long}!`))
  for (const memoryBudgetBytes of [undefined, 1, 3_000_000]) {
    for (const keyColumns of [['id'], undefined]) {
      const options = { keyColumns, scratchDirectory, memoryBudgetBytes }
      const expected =
        keyColumns === undefined
          ? { deleted: 1, inserted: 1, updated: 0 }
          : { deleted: 0, inserted: 0, updated: 1 }
      deepEqual(await countRowChanges(before, after, options), expected)
    }
  }
})
