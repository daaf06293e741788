import { describe, expect, test } from 'vitest'
import type { Backend } from '../../../src/backend/backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import {
  decodePackTrailer,
  PACK_HEAD,
  PACK_TRAILER_BYTES,
  packKeyOf,
} from '../../../src/format/pack.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import { collectGarbage, planGarbageCollection } from '../../../src/maintenance/gc.ts'
import { nameCommit } from '../../../src/maintenance/name-commit.ts'
import { lockStore } from '../../../src/maintenance/store-lock.ts'
import { openStore, type Store } from '../../../src/store.ts'
import { agedStore, readWholeCommit, storedIds } from '../../support/aged-store.ts'
import {
  ada,
  commitToMain,
  damage,
  keysOf,
  noon,
  putCommit,
  writeCommit,
} from '../../support/store.ts'

const idOf = (text: string) => objectIdOf(Buffer.from(text))
const findings = async (store: Store) => (await fsck(store.backend)).findings

/** Writes row texts as one pack and leaves them, as a commit that was killed does. */
async function writeChunks(store: Store, texts: string[]): Promise<void> {
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  for (const text of texts) await writer.put('chunk', Buffer.from(text))
  await writer.flush()
  await writer.close()
}

/** Text that takes about as much in a pack as it is long. */
const noise = (name: string, length = 400) =>
  `${Array.from({ length: length / 64 }, (_, i) => idOf(`${name} ${i}`)).join('')}\n`

describe('what goes and what stays', () => {
  test('what an interrupted commit left goes, but not before the grace period is over', async () => {
    const { store, clock } = await agedStore()
    const kept = await commitToMain(store, { users: ['1\n'] })
    clock.advanceHours(1)
    await writeCommit(store, { users: ['left behind\n'] })
    clock.advanceHours(1.5)

    const early = await collectGarbage(store)
    expect(early).toMatchObject({ removedPackCount: 0, newPackCount: 0, reclaimedSizeBytes: 0 })
    expect(early.plan.totals.deadSizeBytesKept).toBeGreaterThan(0)
    expect(await store.objects.has(idOf('left behind\n'))).toBe(true)

    clock.advanceHours(1)
    const { reclaimedSizeBytes, removedPackCount } = await collectGarbage(store)
    expect({ removedPackCount, isLess: reclaimedSizeBytes > 0 }).toEqual({
      removedPackCount: 2,
      isLess: true,
    })
    expect(await store.objects.has(idOf('left behind\n'))).toBe(false)
    await readWholeCommit(store.objects, kept)
    expect(await findings(store)).toEqual([])
  })

  test('a dry run says the same and changes nothing', async () => {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    await writeCommit(store, { users: ['left behind\n'] })
    clock.advanceHours(3)
    const before = await keysOf(store.backend)

    const plan = await planGarbageCollection(store)
    expect(await keysOf(store.backend)).toEqual(before)
    expect((await collectGarbage(store)).plan).toEqual(plan)
  })

  test('a commit that only a reflog names stays', async () => {
    const { store, clock } = await agedStore()
    const left = await commitToMain(store, { users: ['1\n'] })
    const next = await writeCommit(store, { users: ['2\n'] })
    const reason = { kind: 'commit', message: '' } as const
    const move = { name: 'refs/heads/main', expected: left, next, reason, author: ada, at: noon }
    await store.refs.move(move)
    clock.advanceHours(3)

    expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 0 })
    await readWholeCommit(store.objects, left)
  })

  test('a pack that is half dead is written again without that; one with little dead is not', async () => {
    const { store, clock } = await agedStore()
    await writeChunks(store, [noise('dead'), noise('needed')])
    await writeChunks(store, [noise('also dead', 128), noise('also needed', 4000)])
    const texts = [noise('needed'), noise('also needed', 4000)]
    const commitId = await commitToMain(store, { users: texts })
    const packOf = async (text: string) => (await store.objects.findEntry(idOf(text)))?.packKey
    const [first, second] = [await packOf(texts[0]!), await packOf(texts[1]!)]
    clock.advanceHours(3)

    expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 1, newPackCount: 1 })
    expect(await store.objects.has(idOf(noise('dead')))).toBe(false)
    expect(await store.objects.has(idOf(noise('also dead', 128)))).toBe(true)
    expect(await packOf(texts[0]!)).not.toBe(first)
    expect(await packOf(texts[1]!)).toBe(second)
    await readWholeCommit(store.objects, commitId)
    expect(await findings(store)).toEqual([])
  })

  test('many packs that are half dead become few', async () => {
    const { store, clock } = await agedStore()
    const texts: string[] = []
    for (let i = 0; i < 6; i++) {
      texts.push(noise(`needed ${i}`))
      await writeChunks(store, [noise(`dead ${i}`), texts[i]!])
    }
    const commitId = await commitToMain(store, { users: texts })
    clock.advanceHours(3)

    expect(await collectGarbage(store, { packTargetBytes: 1200 })).toMatchObject({
      removedPackCount: 6,
      newPackCount: 2,
    })
    await readWholeCommit(store.objects, commitId)
  })

  test('of an object in two packs one copy is left, and the second run finds nothing to do', async () => {
    const { store, clock } = await agedStore()
    const commitId = await commitToMain(store, { users: ['1\n', '2\n'] })
    // As a collection leaves it that was killed before it removed what it had copied.
    const copies = await Promise.all(
      (await keysOf(store.backend, 'packs/')).map((key) => store.backend.read(key)),
    )
    for (const key of await keysOf(store.backend, 'packs/')) await store.backend.remove(key)
    const again = await openStore(store.backend)
    await writeCommit(again, { users: ['1\n', '2\n'] })
    for (const bytes of copies) await restorePack(store.backend, bytes)
    await store.objects.refresh()
    expect(await store.objects.findEntries(idOf('1\n'))).toHaveLength(2)
    clock.advanceHours(3)

    expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 2, newPackCount: 0 })
    expect(await store.objects.findEntries(idOf('1\n'))).toHaveLength(1)
    await readWholeCommit(store.objects, commitId)
    expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 0, newPackCount: 0 })
  })
})

test('of a copy in an old pack and one in a young pack, which stays anyway, the old one goes', async () => {
  const { store, clock } = await agedStore()
  await writeChunks(store, ['1\n'])
  const old = (await store.objects.findEntry(idOf('1\n')))!.packKey
  const bytes = await store.backend.read(old)
  await store.backend.remove(old)
  clock.advanceHours(3)
  // Beside something dead, so that the share of what is needed does not decide.
  await writeChunks(await openStore(store.backend), ['1\n', 'dead\n'])
  clock.advanceHours(-3)
  await store.backend.create(old, [bytes])
  await store.objects.refresh()
  const commitId = await commitToMain(store, { users: ['1\n'] })
  clock.advanceHours(3)

  expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 1, newPackCount: 0 })
  expect(await keysOf(store.backend)).not.toContain(old)
  await readWholeCommit(store.objects, commitId)
})

describe('a damaged store is not made worse', () => {
  test('where a needed tree is missing nothing goes', async () => {
    const { store, clock } = await agedStore()
    const first = await commitToMain(store, { users: ['1\n'] })
    await commitToMain(store, { users: ['2\n'] })
    await writeCommit(store, { users: ['left behind\n'] })
    await store.backend.remove((await store.objects.findEntry(first))!.packKey)
    clock.advanceHours(3)
    const before = await keysOf(store.backend)

    await expect(collectGarbage(store)).rejects.toMatchObject({ code: 'OBJECT_MISSING' })
    expect(await keysOf(store.backend)).toEqual(before)
  })

  test('a pack with a damaged object that is needed stays; what else is needed in it is read there', async () => {
    const { store, clock } = await agedStore()
    await writeChunks(store, [noise('dead'), noise('damaged'), noise('needed')])
    await commitToMain(store, { users: [noise('damaged'), noise('needed')] })
    const { packKey, offsetBytes } = (await store.objects.findEntry(idOf(noise('damaged'))))!
    await damage(store.backend, packKey, (bytes) => flip(bytes, offsetBytes + 60))
    clock.advanceHours(3)

    expect((await collectGarbage(store)).damagedPackKeys).toEqual([packKey])
    expect(await keysOf(store.backend)).toContain(packKey)
    expect(await findings(store)).toMatchObject([{ code: 'ENTRY_CORRUPT', key: packKey }])
    const after = await keysOf(store.backend)
    expect((await collectGarbage(store)).damagedPackKeys).toEqual([packKey])
    expect(await keysOf(store.backend)).toEqual(after)
  })

  test('of a sound and a damaged copy the sound one is kept, wherever it is', async () => {
    const { store, clock } = await agedStore()
    await writeChunks(store, [noise('shared'), noise('needed', 4000)])
    const staying = (await store.objects.findEntry(idOf(noise('shared'))))!
    // Written where the other is not known, beside something dead: this pack is to go.
    const bytes = await store.backend.read(staying.packKey)
    await store.backend.remove(staying.packKey)
    await writeChunks(await openStore(store.backend), [noise('shared'), noise('dead', 4000)])
    await store.backend.create(staying.packKey, [flip(bytes, staying.offsetBytes + 60)])
    await store.objects.refresh()
    const commitId = await commitToMain(store, {
      users: [noise('shared'), noise('needed', 4000)],
    })
    clock.advanceHours(3)

    expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 1, newPackCount: 1 })
    await readWholeCommit((await openStore(store.backend)).objects, commitId)
  })

  test('a pack whose end is damaged is left alone', async () => {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    await writeChunks(store, ['left behind\n'])
    const { packKey } = (await store.objects.findEntry(idOf('left behind\n')))!
    await damage(store.backend, packKey, (bytes) => bytes.subarray(0, bytes.length - 1))
    clock.advanceHours(3)

    await collectGarbage(await openStore(store.backend))
    expect(await keysOf(store.backend)).toContain(packKey)
  })
})

describe('beside others', () => {
  test('it waits for nobody: while a commit holds the lock it is refused, and the reverse', async () => {
    const { store } = await agedStore()
    const commit = await lockStore(store.backend, { operation: 'commit', mode: 'shared' })
    await expect(collectGarbage(store)).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      data: { operation: 'commit' },
    })
    await planGarbageCollection(store)
    await commit.release()
    await collectGarbage(store)
    expect(await keysOf(store.backend, 'locks/')).toEqual([])
  })

  test('a reader that knew the packs of before reads on', async () => {
    const { store, clock } = await agedStore()
    await writeChunks(store, [noise('dead'), noise('needed')])
    const commitId = await commitToMain(store, { users: [noise('needed')] })
    const reader = await openStore(store.backend)
    await readWholeCommit(reader.objects, commitId)
    clock.advanceHours(3)

    expect(await collectGarbage(store)).toMatchObject({ removedPackCount: 1, newPackCount: 1 })
    await readWholeCommit(reader.objects, commitId)
  })

  test('so does one whose listing saw neither the old pack nor the new one', async () => {
    const { store, clock } = await agedStore()
    await writeChunks(store, [noise('dead'), noise('needed')])
    const commitId = await commitToMain(store, { users: [noise('needed')] })
    const hidden = new Set<string>()
    const reader = await openStore(hiding(store.backend, hidden))
    await readWholeCommit(reader.objects, commitId)
    const before = await keysOf(store.backend, 'packs/')
    clock.advanceHours(3)
    await collectGarbage(store)

    // A folder is listed before the new pack is in it, the next after the old one is gone from it.
    for (const key of await keysOf(store.backend, 'packs/')) {
      if (!before.includes(key)) hidden.add(key)
    }
    expect(hidden.size).toBe(1)
    await readWholeCommit(reader.objects, commitId)
    expect(hidden.size).toBe(0)
  })

  test('a writer that knew a pack which is gone writes its objects again', async () => {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    await writeCommit(store, { users: ['left behind\n'] })
    const other = await openStore(store.backend)
    expect(await other.objects.has(idOf('left behind\n'))).toBe(true)
    clock.advanceHours(3)
    await collectGarbage(store)

    const commitId = await commitToMain(other, { users: ['left behind\n'] })
    await readWholeCommit((await openStore(store.backend)).objects, commitId)
    expect(await findings(store)).toEqual([])
  })

  test('what is put without the lock and named hours later is there, or is put again', async () => {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    await writeChunks(store, ['an old one\n'])
    clock.advanceHours(3)
    const planned = (await openStore(store.backend)).objects.newWriter({ compressionThreads: 0 })
    await putCommit(planned, { users: ['an old one\n', 'a new one\n'] })
    await planned.flush()
    await planned.close()
    await collectGarbage(store)

    // The new one was too young to go; the old one was not, and the commit under the lock heals that.
    expect(await store.objects.has(idOf('a new one\n'))).toBe(true)
    expect(await store.objects.has(idOf('an old one\n'))).toBe(false)
    const commitId = await commitToMain(store, { users: ['an old one\n', 'a new one\n'] })
    await readWholeCommit(store.objects, commitId)
    expect(await findings(store)).toEqual([])
  })

  test('a commit that an interrupted collection has left in part is not given a name', async () => {
    const { store } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    const partial = await writeCommit(store, { users: ['left behind\n'] })
    const whole = await writeCommit(store, { users: ['left whole\n'] })
    await store.backend.remove((await store.objects.findEntry(idOf('left behind\n')))!.packKey)
    const reason = { kind: 'tag', message: '' } as const
    const name = (tag: string, commitId: typeof whole) =>
      nameCommit(store, { name: `refs/tags/${tag}`, commitId, reason, author: ada, at: noon })

    await expect(name('partial', partial)).rejects.toMatchObject({ code: 'OBJECT_MISSING' })
    await name('whole', whole)
    expect(await findings(store)).toEqual([])
  })

  test('it stops when it is asked to, and the lock is free again', async () => {
    const { store, clock } = await agedStore()
    await commitToMain(store, { users: ['1\n'] })
    clock.advanceHours(3)
    await expect(collectGarbage(store, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect(await keysOf(store.backend, 'locks/')).toEqual([])
    expect(await storedIds(store)).not.toEqual([])
  })
})

function flip(bytes: Uint8Array, offset: number): Uint8Array {
  return bytes.map((byte, i) => (i === offset ? byte ^ 1 : byte))
}

/** Puts a pack back under the name that its bytes give it. */
async function restorePack(backend: Backend, bytes: Uint8Array): Promise<void> {
  const trailer = bytes.subarray(-PACK_TRAILER_BYTES)
  const pack = { packKey: 'unknown', packSizeBytes: bytes.length }
  const { indexOffsetBytes } = decodePackTrailer(trailer, pack)
  const end = bytes.subarray(indexOffsetBytes)
  await backend.create(packKeyOf(objectIdOf(Buffer.concat([PACK_HEAD, end]))), [bytes])
}

/** A backend whose next listing leaves keys out. */
function hiding(backend: Backend, hidden: Set<string>): Backend {
  return {
    location: backend.location,
    create: (key, parts) => backend.create(key, parts),
    read: (key, range) => backend.read(key, range),
    findSizeBytes: (key) => backend.findSizeBytes(key),
    remove: (key) => backend.remove(key),
    close: () => backend.close(),
    async *list(prefix) {
      const leftOut = new Set(hidden)
      hidden.clear()
      for await (const entry of backend.list(prefix)) if (!leftOut.has(entry.key)) yield entry
    },
  }
}
