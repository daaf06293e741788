import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import type { ObjectWriter } from '../../../src/objects/object-writer.ts'
import { FaultyBackend } from '../../support/faulty-backend.ts'
import { damage, keysOf } from '../../support/store.ts'

const rows = (seed: number) => Buffer.from(`${seed}\tname of ${seed}\n`.repeat(50))

test.each([0, 1, 3])('objects put with %i threads are read back after flush', async (threads) => {
  const backend = new MemoryBackend()
  const objects = Array.from({ length: 200 }, (_, i) => rows(i))
  const writer = ObjectDatabase.open(backend).newWriter({ compressionThreads: threads })
  const ids = await Promise.all(objects.map((object) => writer.put('chunk', object)))
  await writer.flush()
  await writer.close()

  expect(ids).toEqual(objects.map(objectIdOf))
  const reopened = ObjectDatabase.open(backend)
  for (const [i, id] of ids.entries()) {
    expect(Buffer.from(await reopened.read(id)).equals(objects[i]!)).toBe(true)
  }
})

test('an object is stored once, however often and however concurrently it is put', async () => {
  const { backend, writer } = newWriter()
  await Promise.all(Array.from({ length: 20 }, () => writer.put('chunk', rows(1))))
  await writer.flush()
  await writer.put('chunk', rows(1))
  await writer.flush()

  const { objectCount, newObjectCount, sizeBytes, newSizeBytes } = writer.totals
  expect({ objectCount, newObjectCount }).toEqual({ objectCount: 21, newObjectCount: 1 })
  expect({ sizeBytes, newSizeBytes }).toEqual({
    sizeBytes: 21 * rows(1).length,
    newSizeBytes: rows(1).length,
  })
  expect(await keysOf(backend)).toHaveLength(1)
})

test('a second writer stores nothing that the first has stored', async () => {
  const { backend, writer } = newWriter()
  await writer.put('chunk', rows(1))
  await writer.flush()
  const second = ObjectDatabase.open(backend).newWriter({ compressionThreads: 0 })
  await second.put('chunk', rows(1))
  await second.flush()

  expect(second.totals.newObjectCount).toBe(0)
  expect(await keysOf(backend)).toHaveLength(1)
})

test('chunks and metadata go to packs of their own, and the same bytes may be both', async () => {
  const { backend, objects, writer } = newWriter()
  const id = await writer.put('chunk', rows(1))
  expect(await writer.put('metadata', rows(1))).toBe(id)
  await writer.flush()

  expect(await keysOf(backend)).toHaveLength(2)
  expect(await objects.read(id, 'chunk')).toEqual(await objects.read(id, 'metadata'))
})

test('what compresses is stored smaller, and what does not is stored as it is', async () => {
  const { objects, writer } = newWriter()
  const compressible = await writer.put('chunk', Buffer.alloc(100_000, 'abc'))
  const random = await writer.put('chunk', randomBytes(1000))
  const empty = await writer.put('metadata', Buffer.alloc(0))
  await writer.flush()

  expect(await objects.findEntry(compressible)).toMatchObject({ encoding: 'zstd' })
  expect((await objects.findEntry(compressible))!.storedSizeBytes).toBeLessThan(1000)
  expect(await objects.findEntry(random)).toMatchObject({ encoding: 'raw', storedSizeBytes: 1000 })
  expect(await objects.findEntry(empty)).toMatchObject({ encoding: 'raw', storedSizeBytes: 0 })
  expect(await objects.read(empty)).toHaveLength(0)
})

test('a pack is sealed at its target, and one larger object gets in', async () => {
  const { backend, objects, writer } = newWriter({ packTargetBytes: 10_000 })
  const large = randomBytes(50_000)
  const ids = [await writer.put('chunk', large)]
  for (let i = 0; i < 30; i++) ids.push(await writer.put('chunk', randomBytes(1000)))
  await writer.flush()

  expect(await keysOf(backend)).toHaveLength(1 + 3)
  for (const id of ids) expect(objectIdOf(await objects.read(id))).toBe(id)
})

test('objects of more bytes than may be in work at once are written all the same', async () => {
  const { objects, writer } = newWriter({ packTargetBytes: 1_000_000, compressionThreads: 1 })
  const large = Array.from({ length: 4 }, () => randomBytes(20_000_000))
  const ids = await Promise.all(large.map((bytes) => writer.put('chunk', bytes)))
  await writer.flush()
  await writer.close()

  for (const id of ids) expect(objectIdOf(await objects.read(id))).toBe(id)
})

test('the bytes may be reused as soon as put has resolved', async () => {
  const { objects, writer } = newWriter({ compressionThreads: 2 })
  const buffer = Buffer.alloc(10_000)
  const ids = []
  for (let i = 0; i < 50; i++) {
    buffer.fill(i)
    ids.push(await writer.put('chunk', buffer))
  }
  await writer.flush()
  await writer.close()

  for (const id of ids) expect(objectIdOf(await objects.read(id))).toBe(id)
})

test('a failed write poisons the writer: every later call throws the same error', async () => {
  const faulty = new FaultyBackend(new MemoryBackend())
  const writer = ObjectDatabase.open(faulty).newWriter({ compressionThreads: 0 })
  faulty.failOn('create', /^packs\//)
  await writer.put('chunk', rows(1))

  const failure = { code: 'BACKEND_UNAVAILABLE', message: /planned fault/ }
  await expect(writer.flush()).rejects.toMatchObject({ code: failure.code })
  await expect(writer.flush()).rejects.toThrow(failure.message)
  await expect(writer.put('chunk', rows(2))).rejects.toThrow(failure.message)
  expect(await keysOf(faulty)).toEqual([])
  faulty.assertAllFired()
  await writer.close()
})

test('a pack that fails while others are being filled stops a fast producer', async () => {
  const faulty = new FaultyBackend(new MemoryBackend())
  const objects = ObjectDatabase.open(faulty)
  const writer = objects.newWriter({ compressionThreads: 0, packTargetBytes: 1000 })
  faulty.failOn('create', /^packs\//)
  const produce = async () => {
    for (let i = 0; i < 10_000; i++) await writer.put('chunk', randomBytes(500))
  }

  await expect(produce()).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  await writer.close()
})

test.each([0, 2])(
  'an aborted writer with %i threads stores nothing and frees its threads',
  async (threads) => {
    const { backend, writer } = newWriter({ compressionThreads: threads })
    const puts = Array.from({ length: 100 }, (_, i) => writer.put('chunk', rows(i)))
    await writer.abort()

    await Promise.allSettled(puts)
    await expect(writer.put('chunk', rows(1))).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(writer.flush()).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await keysOf(backend)).toEqual([])
  },
)

test('writing again heals a store whose pack was lost since the index was read', async () => {
  const { backend, objects, writer } = newWriter()
  const id = await writer.put('chunk', rows(1))
  await writer.flush()
  const [packKey] = await keysOf(backend)
  await backend.remove(packKey!)

  const second = objects.newWriter({ compressionThreads: 0 })
  await second.put('chunk', rows(1))
  await second.flush()

  expect(second.totals.newObjectCount).toBe(1)
  expect(objectIdOf(await objects.read(id))).toBe(id)
})

test('writing again heals a store whose pack was cut off, under a new name', async () => {
  const { backend, writer } = newWriter()
  const id = await writer.put('chunk', rows(1))
  await writer.flush()
  const [packKey] = await keysOf(backend)
  await damage(backend, packKey!, (bytes) => bytes.subarray(0, bytes.length - 1))

  const objects = ObjectDatabase.open(backend)
  await expect(objects.read(id)).rejects.toMatchObject({
    code: 'OBJECT_MISSING',
    message: expect.stringContaining(packKey!),
    data: { objectId: id },
  })
  const second = objects.newWriter({ compressionThreads: 0 })
  await second.put('chunk', rows(1))
  await second.flush()

  expect(objectIdOf(await objects.read(id))).toBe(id)
  expect(await keysOf(backend)).toHaveLength(2)
})

function newWriter(options: Parameters<ObjectDatabase['newWriter']>[0] = {}): {
  backend: MemoryBackend
  objects: ObjectDatabase
  writer: ObjectWriter
} {
  const backend = new MemoryBackend()
  const objects = ObjectDatabase.open(backend)
  return { backend, objects, writer: objects.newWriter({ compressionThreads: 0, ...options }) }
}
