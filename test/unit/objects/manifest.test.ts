import { expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { ChunkRef, ManifestRef } from '../../../src/format/values.ts'
import { ManifestWriter } from '../../../src/objects/manifest-writer.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { readRows, walkChunks } from '../../../src/objects/walk-manifest.ts'
import { damage, keysOf, memoryStore, putRows } from '../../support/store.ts'

const madeUpChunk = (i: number): ChunkRef => ({
  id: objectIdOf(Buffer.from(`chunk ${i}`)),
  sizeBytes: 100 + i,
  rowCount: i % 7,
})
const chunksUpTo = (count: number) => Array.from({ length: count }, (_, i) => madeUpChunk(i))

test.each([0, 1, 31, 32, 33, 200, 5_000, 60_000])(
  'a list of %i chunks is walked as it was written',
  async (count) => {
    const objects = ObjectDatabase.open(new MemoryBackend())
    const chunks = chunksUpTo(count)
    const { ref } = await write(objects, chunks)

    expect(ref).toMatchObject({
      chunkCount: count,
      sizeBytes: chunks.reduce((total, chunk) => total + chunk.sizeBytes, 0),
      rowCount: chunks.reduce((total, chunk) => total + chunk.rowCount, 0),
    })
    expect(await walk(objects, ref)).toEqual(chunks)
  },
)

test('a stream without rows has a node of its own', async () => {
  const { ref } = await write(ObjectDatabase.open(new MemoryBackend()), [])

  expect(ref).toEqual({
    rootId: 'c77777b2ce48daefcf177ecf4ee428ff8436159c77b76ea6a17c395efdab4ca8',
    sizeBytes: 0,
    rowCount: 0,
    chunkCount: 0,
  })
})

test('a list with one chunk changed, added or removed shares all but a few nodes', async () => {
  const chunks = chunksUpTo(20_000)
  const changes = {
    changed: chunks.with(10_000, madeUpChunk(99_999)),
    added: chunks.toSpliced(10_000, 0, madeUpChunk(99_999)),
    removed: chunks.toSpliced(10_000, 1),
    appended: [...chunks, madeUpChunk(99_999)],
  }
  const objects = ObjectDatabase.open(new MemoryBackend())
  const { newNodeCount: allNodes } = await write(objects, chunks)

  expect(allNodes).toBeGreaterThan(100)
  for (const changed of Object.values(changes)) {
    const { newNodeCount } = await write(objects, changed)
    // One path from chunk to root, and a neighbour where a boundary has moved.
    expect(newNodeCount).toBeLessThanOrEqual(6)
  }
})

test.each([
  [
    'ids of many kinds',
    chunksUpTo(60_000),
    '0634d7dc971917fd55741ffd956f9eea188d97176989c354af8aa567ad40a16c',
  ],
  [
    'one id that never ends a node',
    Array<ChunkRef>(3000).fill(madeUpChunk(1)),
    '22fa7ca6e3c3b1a1159e4eab9c93ea02a9e3a7dc45705c39aeab4897ce664d3f',
  ],
])('a list is cut as the format says, of %s', async (_, chunks, rootId) => {
  const { ref } = await write(ObjectDatabase.open(new MemoryBackend()), chunks)

  expect(ref.rootId).toBe(rootId)
})

test('the tree depends on the list alone', async () => {
  const one = await write(ObjectDatabase.open(new MemoryBackend()), chunksUpTo(1000))
  const two = await write(ObjectDatabase.open(new MemoryBackend()), chunksUpTo(1000))

  expect(one.ref).toEqual(two.ref)
})

test('the same chunk again and again makes a tree as well', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  for (const i of [1, 2, 3, 4, 5]) {
    const chunks = Array.from({ length: 3000 }, () => madeUpChunk(i))
    expect(await walk(objects, (await write(objects, chunks)).ref)).toEqual(chunks)
  }
})

test('rows are read in order, many chunks ahead or few', async () => {
  const store = await memoryStore()
  for (const count of [0, 1, 7, 8, 9, 100]) {
    const chunks = Array.from({ length: count }, (_, i) => `row ${i}\n`)
    const writer = store.objects.newWriter({ compressionThreads: 0 })
    const ref = await putRows(writer, chunks)
    await writer.flush()

    expect(await readText(store.objects, ref)).toBe(chunks.join(''))
  }
})

test('a reader that stops early leaves nothing behind that fails later', async () => {
  const store = await memoryStore()
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const ref = await putRows(writer, ['1\n', '2\n', '3\n'])
  await writer.flush()
  for (const key of await keysOf(store.backend, 'packs/')) {
    await damage(store.backend, key, (bytes) => bytes.map((byte, i) => (i === 130 ? ~byte : byte)))
  }

  await expect(readText(store.objects, ref)).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' })
})

test('a reference that does not fit its node is refused', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const { ref } = await write(objects, chunksUpTo(10))

  for (const wrong of [{ sizeBytes: 1 }, { rowCount: 1 }, { chunkCount: 11 }]) {
    await expect(walk(objects, { ...ref, ...wrong })).rejects.toMatchObject({
      code: 'OBJECT_CORRUPT',
      data: { objectId: ref.rootId },
    })
  }
})

async function write(
  objects: ObjectDatabase,
  chunks: ChunkRef[],
): Promise<{ ref: ManifestRef; newNodeCount: number }> {
  const writer = objects.newWriter({ compressionThreads: 0 })
  const manifest = new ManifestWriter(writer)
  for (const chunk of chunks) await manifest.add(chunk)
  const ref = await manifest.finish()
  await writer.flush()
  await writer.close()
  return { ref, newNodeCount: writer.totals.newObjectCount }
}

async function walk(objects: ObjectDatabase, ref: ManifestRef): Promise<ChunkRef[]> {
  const chunks: ChunkRef[] = []
  for await (const chunk of walkChunks(objects, ref)) chunks.push(chunk)
  return chunks
}

async function readText(objects: ObjectDatabase, ref: ManifestRef): Promise<string> {
  let text = ''
  for await (const bytes of readRows(objects, ref)) text += Buffer.from(bytes).toString()
  return text
}
