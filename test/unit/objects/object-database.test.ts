import { expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { FaultyBackend } from '../../support/faulty-backend.ts'
import { damage, keysOf, memoryStore, writeCommit } from '../../support/store.ts'

const absentId = objectIdOf(Buffer.from('never stored'))

test('an object that is nowhere is missing, by name', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())

  expect(await objects.has(absentId)).toBe(false)
  await expect(objects.read(absentId)).rejects.toMatchObject({
    code: 'OBJECT_MISSING',
    data: { objectId: absentId },
  })
})

test('a reader refuses an object of another kind than the one it expects', async () => {
  const store = await memoryStore()
  const commitId = await writeCommit(store, { users: ['1\n'] })
  const { treeId } = await store.objects.readCommit(commitId)
  const chunkId = objectIdOf(Buffer.from('1\n'))

  await expect(store.objects.readCommit(treeId)).rejects.toMatchObject({
    code: 'OBJECT_KIND_UNEXPECTED',
    data: { objectId: treeId, expected: 'commit', found: 'tree' },
  })
  await expect(store.objects.readNode(commitId)).rejects.toMatchObject({
    code: 'OBJECT_KIND_UNEXPECTED',
    data: { objectId: commitId, expected: 'node', found: 'commit' },
  })
  await expect(store.objects.readTree(chunkId)).rejects.toMatchObject({
    code: 'OBJECT_KIND_UNEXPECTED',
    data: { objectId: chunkId, expected: 'metadata', found: 'chunk' },
  })
  await expect(store.objects.readChunk(commitId)).rejects.toMatchObject({
    code: 'OBJECT_KIND_UNEXPECTED',
    data: { objectId: commitId, expected: 'chunk', found: 'metadata' },
  })
})

test('a damaged entry is named with its pack, and its neighbours can be read', async () => {
  const { backend, ids, packKey } = await onePack(['first row\n', 'second row\n'])
  const entry = await ObjectDatabase.open(backend).findEntry(ids[0]!)
  await damage(backend, packKey, (bytes) => flip(bytes, entry!.offsetBytes + 50))

  const objects = ObjectDatabase.open(backend)
  await expect(objects.read(ids[0]!)).rejects.toMatchObject({
    code: 'OBJECT_CORRUPT',
    data: { objectId: ids[0], key: packKey },
  })
  expect(Buffer.from(await objects.read(ids[1]!)).toString()).toBe('second row\n')
})

test('of two copies the sound one is read', async () => {
  const { backend, ids, packKey } = await onePack(['a row\n'])
  const spare = await backend.read(packKey)
  await backend.remove(packKey)
  await onePack(['a row\n'], backend)
  await backend.create(packKey, [flip(spare, 12 + 46)])

  expect(await keysOf(backend)).toHaveLength(2)
  expect(Buffer.from(await ObjectDatabase.open(backend).read(ids[0]!)).toString()).toBe('a row\n')
})

test('a pack that another process has written since is found', async () => {
  const backend = new MemoryBackend()
  const reader = ObjectDatabase.open(backend)
  expect(await reader.has(absentId)).toBe(false)
  const { ids } = await onePack(['a row\n'], backend)

  expect(Buffer.from(await reader.read(ids[0]!)).toString()).toBe('a row\n')
})

test('a failed listing is an error for its caller only; the next caller lists again', async () => {
  const { backend, ids } = await onePack(['a row\n'])
  const faulty = new FaultyBackend(backend)
  faulty.failOn('list', /^packs\//)
  const objects = ObjectDatabase.open(faulty)

  await expect(objects.has(ids[0]!)).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  expect(await objects.has(ids[0]!)).toBe(true)
  faulty.assertAllFired()
})

test('a pack that cannot be read fails the reader, unless it was told to go on without it', async () => {
  const { backend, ids } = await onePack(['a row\n'])
  const faulty = new FaultyBackend(backend)
  faulty.failOn('read', /^packs\//, 2)

  await expect(ObjectDatabase.open(faulty).has(ids[0]!)).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
  })
  const lenient = ObjectDatabase.open(faulty, { skipsUnreadablePacks: true })
  expect(await lenient.has(ids[0]!)).toBe(false)
  faulty.assertAllFired()
})

test('ids are found by their first digits, whatever pack they are in', async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `row ${i}\n`)
  const { backend, ids } = await onePack(texts.slice(0, 150))
  ids.push(...(await onePack(texts.slice(150), backend)).ids)
  const objects = ObjectDatabase.open(backend)

  for (const prefix of ['', '0', 'a', '7f', ids[0]!.slice(0, 9), ids[1]!]) {
    const expected = ids.filter((id) => id.startsWith(prefix)).sort()
    expect(await objects.idsWithPrefix(prefix)).toEqual(expected)
  }
})

async function onePack(texts: string[], backend = new MemoryBackend()) {
  const before = await keysOf(backend)
  const writer = ObjectDatabase.open(backend).newWriter({ compressionThreads: 0 })
  const ids = []
  for (const text of texts) ids.push(await writer.put('chunk', Buffer.from(text)))
  await writer.flush()
  await writer.close()
  const packKey = (await keysOf(backend)).find((key) => !before.includes(key))!
  return { backend, ids, packKey }
}

function flip(bytes: Uint8Array, offset: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[offset]! ^= 1
  return copy
}

/** Packs of one chunk each, an hour apart. */
async function agedPacks(packCount: number) {
  let hour = 0
  const backend = new FaultyBackend(
    new MemoryBackend({ now: () => new Date(Date.UTC(2026, 0, 1, hour++)) }),
  )
  const objects = ObjectDatabase.open(backend)
  for (let number = 0; number < packCount; number++) await writePack(objects, chunkOf(number))
  return backend
}

const chunkOf = (number: number) => Uint8Array.from(Buffer.from(`${number}\n`))

async function writePack(objects: ObjectDatabase, chunk: Uint8Array): Promise<void> {
  const writer = objects.newWriter({ compressionThreads: 0 })
  await writer.put('chunk', chunk)
  await writer.flush()
  await writer.close()
}

test('an object of the newest pack is read without the indexes of all the older ones', async () => {
  const backend = await agedPacks(300)
  const objects = ObjectDatabase.open(backend)
  const callsBefore = backend.callCount
  expect(await objects.readChunk(objectIdOf(chunkOf(299)))).toEqual(chunkOf(299))
  expect(backend.callCount - callsBefore).toBeLessThan(100)

  expect(await objects.readChunk(objectIdOf(chunkOf(0)))).toEqual(chunkOf(0))
  expect(await objects.idsWithPrefix('')).toHaveLength(300)
  const nowhere = objects.readChunk(objectIdOf(chunkOf(300)))
  await expect(nowhere).rejects.toMatchObject({ code: 'OBJECT_MISSING' })
})

test('where the newest copy of an object is damaged, the oldest serves', async () => {
  const backend = await agedPacks(200)
  const elsewhere = new MemoryBackend()
  await writePack(ObjectDatabase.open(elsewhere), chunkOf(0))
  const [key] = await keysOf(elsewhere, 'packs/')
  const copy = await elsewhere.read(key!)
  copy[58]! ^= 1
  await backend.create(key!, [copy])

  const objects = ObjectDatabase.open(backend)
  expect(await objects.readChunk(objectIdOf(chunkOf(0)))).toEqual(chunkOf(0))
})

test('a pack whose index could not be read is read by the next caller', async () => {
  const backend = await agedPacks(200)
  const objects = ObjectDatabase.open(backend)
  backend.failOn('read', /^packs\//, 3)
  const unlucky = objects.readChunk(objectIdOf(chunkOf(0)))
  await expect(unlucky).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })

  expect(await objects.idsWithPrefix('')).toHaveLength(200)
  backend.assertAllFired()
})
