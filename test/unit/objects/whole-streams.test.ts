import { expect, test } from 'vitest'
import type { Backend } from '../../../src/backend/backend.ts'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { ManifestRef } from '../../../src/format/values.ts'
import { ManifestWriter } from '../../../src/objects/manifest-writer.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { readNodes } from '../../../src/objects/read-nodes.ts'
import { findWholeStreams } from '../../../src/objects/whole-streams.ts'
import { FaultyBackend } from '../../support/faulty-backend.ts'
import { damage, keysOf, putRows } from '../../support/store.ts'

/** Streams of one chunk, every tenth of so many that the tree has levels; in packs by turns. */
async function manyStreams(packCount: number): Promise<{
  backend: MemoryBackend
  streams: ManifestRef[]
}> {
  const backend = new MemoryBackend()
  const objects = ObjectDatabase.open(backend)
  const streams: ManifestRef[] = []
  for (let pack = 0; pack < packCount; pack++) {
    const writer = objects.newWriter({ compressionThreads: 0 })
    for (let i = 0; i < 40; i++) {
      const count = i % 10 === 0 ? 300 : 1
      const chunks = Array.from({ length: count }, (_, n) => `${pack} ${i} ${n}\n`)
      streams.push(await putRows(writer, chunks))
    }
    await writer.flush()
    await writer.close()
  }
  return { backend, streams }
}

async function damageNode(backend: Backend, { rootId }: ManifestRef): Promise<void> {
  const entry = await ObjectDatabase.open(backend).findEntry(rootId, 'metadata')
  await damage(backend, entry!.packKey, (bytes) => {
    const changed = Uint8Array.from(bytes)
    changed[entry!.offsetBytes + 48]! ^= 1
    return changed
  })
}

test('many nodes are read as each is by itself, with few reads', async () => {
  const { backend, streams } = await manyStreams(3)
  const counting = new FaultyBackend(backend)
  const objects = ObjectDatabase.open(counting)
  await objects.refresh()
  const callsBefore = counting.callCount

  const ids = streams.map(({ rootId }) => rootId).reverse()
  const nodes = await readNodes(objects, ids)

  expect(counting.callCount - callsBefore).toBeLessThan(10)
  expect([...nodes.keys()].sort()).toEqual(ids.toSorted())
  for (const [id, node] of nodes) expect(node).toEqual(await objects.readNode(id))
})

test('streams whose nodes and chunks are all there are whole', async () => {
  const { backend, streams } = await manyStreams(2)
  const whole = await findWholeStreams(ObjectDatabase.open(backend), streams)
  expect([...whole]).toEqual(streams)
})

test('a stream with a damaged node is not whole, and those beside it are', async () => {
  const { backend, streams } = await manyStreams(1)
  await damageNode(backend, streams[7]!)

  const whole = await findWholeStreams(ObjectDatabase.open(backend), streams)
  expect([...whole]).toEqual(streams.toSpliced(7, 1))
})

test('a stream whose node has a sound copy elsewhere is whole', async () => {
  const { backend, streams } = await manyStreams(1)
  await damageNode(backend, streams[7]!)
  const elsewhere = new MemoryBackend()
  const writer = ObjectDatabase.open(elsewhere).newWriter({ compressionThreads: 0 })
  expect(await putRows(writer, ['0 7 0\n'])).toEqual(streams[7])
  await writer.flush()
  await writer.close()
  for (const key of await keysOf(elsewhere)) await backend.create(key, [await elsewhere.read(key)])

  const whole = await findWholeStreams(ObjectDatabase.open(backend), streams)
  expect(whole.size).toBe(streams.length)
})

test('a stream is not whole without each of its chunks, or with other totals than were noted', async () => {
  const backend = new MemoryBackend()
  const objects = ObjectDatabase.open(backend)
  const writer = objects.newWriter({ compressionThreads: 0 })
  const sound = await putRows(writer, ['1\n'])
  const manifest = new ManifestWriter(writer)
  await manifest.add({ id: objectIdOf(Buffer.from('2\n')), sizeBytes: 2, rowCount: 1 })
  const chunkless = await manifest.finish()
  await writer.flush()
  await writer.close()
  const absent = { ...sound, rootId: objectIdOf(Buffer.from('no node')) }
  const wrong = { ...sound, rowCount: 2 }

  const whole = await findWholeStreams(objects, [chunkless, sound, absent, wrong])
  expect([...whole]).toEqual([sound])
})

test('where packs cannot be read together they are asked for one by one', async () => {
  const { backend, streams } = await manyStreams(1)
  const faulty = new FaultyBackend(backend)
  const objects = ObjectDatabase.open(faulty)
  await objects.refresh()
  faulty.failOn('read', /^packs\//)

  expect((await findWholeStreams(objects, streams)).size).toBe(streams.length)
  faulty.assertAllFired()
})
