import { describe, expect, test } from 'vitest'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../../src/maintenance/gc.ts'
import { readStoreStats } from '../../../src/maintenance/store-stats.ts'
import { openStore, type Store } from '../../../src/store.ts'
import { agedStore, readWholeCommit, storedIds } from '../../support/aged-store.ts'
import { putChunks, readAll, rowsAfter, writePackOf } from '../../support/similar-chunks.ts'
import { ada, commitToMain, damage, keysOf, noon } from '../../support/store.ts'

const first = rowsAfter([])
const second = rowsAfter([7])
const third = rowsAfter([7, 300])
const idOf = (rows: string) => objectIdOf(Buffer.from(rows))
const findings = async (store: Store) => (await fsck(store.backend)).findings

describe('collection', () => {
  test('a base that only a delta needs stays, and goes with it', async () => {
    const { store, clock } = await agedStore()
    await putChunks(store.objects, [first, second])
    const commitId = await commitToMain(store, { users: [third] })
    clock.advanceHours(3)

    await collectGarbage(store, { minDeadShare: 0 })
    expect(await storedIds(store)).toContain(idOf(first))
    await readWholeCommit((await openStore(store.backend)).objects, commitId)
    expect(await findings(store)).toEqual([])

    await prune(store, commitId)
    await collectGarbage(store, { minDeadShare: 0 })
    expect(await storedIds(store)).not.toContain(idOf(first))
  })

  test('what only a delta needs is no waste: it is counted with what names the delta', async () => {
    const { store } = await agedStore()
    await putChunks(store.objects, [first, second])
    await commitToMain(store, { users: [third] })

    const { uniqueSizeBytes, unneededSizeBytes } = await readStoreStats(store)
    const marks = await store.objects.newMarks()
    marks.mark(idOf(third), 'chunk')
    const needed = marks.packs().map(({ packKey }) => marks.countEntries(packKey).sizeBytes.marked)
    expect(uniqueSizeBytes).toBeGreaterThanOrEqual(needed.reduce((a, b) => a + b))
    expect(unneededSizeBytes).toBe(0)
  })

  test('what lies in a pack that stays keeps what it builds on: it may be used again', async () => {
    const { store, clock } = await agedStore()
    await putChunks(store.objects, [first])
    clock.advanceHours(3)
    await putChunks(store.objects, [second])

    await collectGarbage(store)
    expect(await readAll(store.backend, [idOf(second)])).toEqual([second])
    clock.advanceHours(3)
    await collectGarbage(store)
    expect(await storedIds(store)).toEqual([])
  })

  test('where chunks build on each other in a circle, the copies that break it are kept', async () => {
    const { store, clock } = await agedStore()
    const commitId = await commitToMain(store, { users: [first], others: [second] })
    // What two writers leave who did not see each other, beside something dead each.
    await writePackOf(store.backend, [
      { rows: first, base: second },
      { rows: second, base: first },
      { rows: third, base: first },
    ])
    clock.advanceHours(3)

    for (let run = 0; run < 3; run++) {
      await collectGarbage(store, { minDeadShare: run === 1 ? 0 : 0.25 })
      await readWholeCommit((await openStore(store.backend)).objects, commitId)
      expect(await findings(store)).toEqual([])
    }
  })

  test('copies that are deltas all, on one another and on a third, are written whole when they move', async () => {
    const { store, clock } = await agedStore()
    const [a, b, base] = [first, second, third]
    const ids = await putChunks(store.objects, [a, b])
    const commitId = await commitToMain(store, { one: [a], two: [b] })
    for (const id of ids) {
      await store.backend.remove((await store.objects.findEntry(id))!.packKey)
      await store.objects.refresh()
      if (id === ids[0]) await putChunks(store.objects, [a], { withDeltas: false })
    }
    await store.backend.remove((await store.objects.findEntry(ids[0]!))!.packKey)
    await writePackOf(store.backend, [{ rows: base }])
    await writePackOf(store.backend, [
      { rows: a, base: b },
      { rows: b, base: a },
    ])
    await writePackOf(store.backend, [
      { rows: a, base },
      { rows: b, base },
    ])
    clock.advanceHours(3)

    await collectGarbage(store, { withDeltas: false })
    await readWholeCommit((await openStore(store.backend)).objects, commitId)
    expect(await findings(store)).toEqual([])
    clock.advanceHours(3)
    await collectGarbage(store)
    expect(await storedIds(store)).not.toContain(idOf(base))
    await readWholeCommit((await openStore(store.backend)).objects, commitId)
  })

  test('without deltas, every pack is one that versions before deltas can read', async () => {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: [first] })
    const commitId = await commitToMain(store, { users: [third] })
    clock.advanceHours(3)

    await collectGarbage(store, { withDeltas: false })
    for (const key of await keysOf(store.backend, 'packs/')) {
      expect(
        Buffer.from(await store.backend.read(key))
          .subarray(-12, -8)
          .readUInt32BE(),
      ).toBe(1)
    }
    await readWholeCommit((await openStore(store.backend)).objects, commitId)
    const again = await collectGarbage(store, { withDeltas: false })
    expect(again.newPackCount + again.removedPackCount).toBe(0)
  })
})

describe('fsck', () => {
  test('a store of deltas is sound', async () => {
    const { store } = await agedStore()
    for (const rows of [first, second, third]) await commitToMain(store, { users: [rows] })
    expect(await store.objects.findEntry(idOf(third))).toMatchObject({ encoding: 'delta' })
    expect(await findings(store)).toEqual([])
  })

  test('of a base that is missing it names the base, what builds on it, and the commits that need it', async () => {
    const { store } = await agedStore()
    await putChunks(store.objects, [first])
    const commitId = await commitToMain(store, { users: [second] })
    await store.backend.remove((await store.objects.findEntry(idOf(first)))!.packKey)

    const [finding, ...others] = await findings(store)
    expect(others).toEqual([])
    expect(finding).toMatchObject({
      code: 'OBJECT_MISSING',
      objectId: idOf(first),
      affects: [commitId],
    })
    expect(finding!.message).toContain(idOf(second).slice(0, 8))
  })

  test('of a base that is damaged it names base and delta, each with its file', async () => {
    const { store } = await agedStore()
    await putChunks(store.objects, [first])
    const commitId = await commitToMain(store, { users: [second] })
    const base = (await store.objects.findEntry(idOf(first)))!
    const delta = (await store.objects.findEntry(idOf(second)))!
    await damage(store.backend, base.packKey, (bytes) =>
      bytes.map((byte, i) => (i === base.offsetBytes + 60 ? byte ^ 1 : byte)),
    )

    expect(await findings(store)).toMatchObject(
      [
        { code: 'ENTRY_CORRUPT', key: base.packKey, objectId: base.id, affects: [] },
        { code: 'ENTRY_CORRUPT', key: delta.packKey, objectId: delta.id, affects: [commitId] },
      ].sort((a, b) => (a.key < b.key ? -1 : 1)),
    )
  })

  test('a delta without its base that nothing needs is no finding, unless it is damaged', async () => {
    const { store } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    const packKey = await writePackOf(store.backend, [{ rows: second, base: first }])
    expect(await findings(store)).toEqual([])

    await damage(store.backend, packKey, (bytes) => bytes.map((b, i) => (i === 70 ? b ^ 1 : b)))
    expect(await findings(store)).toMatchObject([{ code: 'ENTRY_CORRUPT', key: packKey }])
  })
})

/** Says that a commit is pruned, and takes its branch away. */
async function prune(store: Store, commitId: ReturnType<typeof idOf>): Promise<void> {
  const reason = { kind: 'delete', message: 'test' } as const
  const name = 'refs/heads/main'
  await store.refs.remove({ name, expected: commitId, reason, author: ada, at: noon })
  await store.pruned.add([{ id: commitId, parentIds: [], prunedAt: noon.toISOString() }])
}
