import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../src/maintenance/gc.ts'
import { initStore, openStore, type Store } from '../../src/store.ts'
import { readWholeCommit, TestClock } from '../support/aged-store.ts'
import { ROW_COUNT, rowsAfter } from '../support/similar-chunks.ts'
import { ada, commitToMain, damage, keysOf, noon } from '../support/store.ts'

/** What a store may go through. Tables are changed row by row, so that their chunks are alike. */
const events = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('commit' as const),
        rows: fc.array(fc.nat(ROW_COUNT - 1), { maxLength: 5 }),
        table: fc.nat(1),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('prune' as const), age: fc.nat(4) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('collect' as const),
        minDeadShare: fc.constantFrom(0, 0.1, 0.25),
        withDeltas: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('openAnew' as const) }) },
  ),
  { minLength: 5, maxLength: 25 },
)

test('whatever was committed, pruned and collected, every kept commit is read back from its deltas', async () => {
  await fc.assert(
    fc.asyncProperty(events, async (history) => {
      const clock = new TestClock()
      const backend = new MemoryBackend({ now: clock.now })
      let store: Store = await initStore(backend, { author: ada, at: noon })
      const changes: number[][] = [[], []]
      let kept: ObjectId[] = []
      for (const event of history) {
        clock.advanceHours(3)
        if (event.kind === 'openAnew') store = await openStore(backend)
        if (event.kind === 'commit') {
          changes[event.table]!.push(...event.rows)
          const tables = { a: [rowsAfter(changes[0]!, 'a')], b: [rowsAfter(changes[1]!, 'b')] }
          kept.push(await commitToMain(store, tables))
        }
        if (event.kind === 'prune') kept = await prune(store, kept, event.age)
        if (event.kind === 'collect') await collectGarbage(store, event)
        const { objects } = await openStore(backend)
        for (const id of kept) await readWholeCommit(objects, id)
      }
      expect((await fsck(backend)).findings).toEqual([])
    }),
    { numRuns: 15 },
  )
})

test('a change to any byte of a pack of deltas is found, and that pack is named', async () => {
  const store = await initStore(new MemoryBackend(), { author: ada, at: noon })
  for (const rows of [rowsAfter([]), rowsAfter([1]), rowsAfter([1, 2])]) {
    await commitToMain(store, { users: [rows] })
  }
  const packs = await keysOf(store.backend, 'packs/')
  const place = fc.record({
    pack: fc.constantFrom(...packs),
    at: fc.double({ min: 0, max: 0.999999, noNaN: true }),
    bit: fc.nat(7),
  })
  await fc.assert(
    fc.asyncProperty(place, async ({ pack, at, bit }) => {
      const sound = await store.backend.read(pack)
      const offset = Math.floor(at * sound.length)
      await damage(store.backend, pack, (bytes) =>
        bytes.map((byte, i) => (i === offset ? byte ^ (1 << bit) : byte)),
      )
      const { findings } = await fsck(store.backend)
      await damage(store.backend, pack, () => sound)
      expect(findings.map(({ key }) => key)).toContain(pack)
    }),
    { numRuns: 100 },
  )
  expect((await fsck(store.backend)).findings).toEqual([])
})

/** Prunes the commit that is so many commits old, unless a ref is at it. */
async function prune(store: Store, kept: readonly ObjectId[], age: number): Promise<ObjectId[]> {
  const id = kept.at(-2 - age)
  if (id === undefined || id === kept.at(-1)) return [...kept]
  const { parentIds } = await store.objects.readCommit(id)
  await store.pruned.add([{ id, parentIds, prunedAt: noon.toISOString() }])
  return kept.filter((other) => other !== id)
}
