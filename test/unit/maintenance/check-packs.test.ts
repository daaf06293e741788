import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import type { ObjectId } from '../../../src/format/values.ts'
import { checkPacks } from '../../../src/maintenance/check-packs.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { damage } from '../../support/store.ts'

/** Enough that threads are started for it. */
const CHUNK_COUNT = 100
const CHUNK_BYTES = 100_000

/** A backend with a few packs of chunks: those with even numbers are stored as zstd frames. */
async function backendWithPacks(): Promise<{ backend: MemoryBackend; chunkIds: ObjectId[] }> {
  const backend = new MemoryBackend()
  const writer = ObjectDatabase.open(backend).newWriter({ packTargetBytes: 4_000_000 })
  const chunkIds: ObjectId[] = []
  for (let i = 0; i < CHUNK_COUNT; i++) {
    const bytes = Buffer.from(randomBytes(CHUNK_BYTES).map((byte) => (byte === 10 ? 11 : byte)))
    if (i % 2 === 0) bytes.fill('x', 0, 10_000)
    chunkIds.push(await writer.put('chunk', bytes))
  }
  await writer.flush()
  await writer.close()
  return { backend, chunkIds }
}

async function check(backend: MemoryBackend) {
  const packs = []
  for await (const entry of backend.list('packs/')) packs.push(entry)
  return checkPacks(ObjectDatabase.open(backend), packs, {})
}

test('packs that several threads look at are sound, each object counted once', async () => {
  const { backend } = await backendWithPacks()

  const { findings, objectCount, sizeBytes } = await check(backend)
  expect(findings).toEqual([])
  expect(objectCount).toBe(CHUNK_COUNT)
  expect(sizeBytes).toBeGreaterThan((CHUNK_COUNT / 2) * CHUNK_BYTES)
})

test('what threads doubt is named with its pack and its object, and nothing else is', async () => {
  const { backend, chunkIds } = await backendWithPacks()
  const objects = ObjectDatabase.open(backend)
  const damagedIds = [chunkIds[0]!, chunkIds[1]!, chunkIds[98]!, chunkIds[99]!]
  const expected = []
  for (const id of damagedIds) {
    const { packKey, offsetBytes, storedSizeBytes } = (await objects.findEntry(id))!
    await damage(backend, packKey, (bytes) => {
      bytes[offsetBytes + 46 + Math.floor(storedSizeBytes / 2)]! ^= 1
      return bytes
    })
    expected.push({ code: 'ENTRY_CORRUPT', key: packKey, objectId: id })
  }

  const byObject = (a: { objectId?: string }, b: { objectId?: string }) =>
    a.objectId! < b.objectId! ? -1 : 1
  const { findings } = await check(backend)
  expect(findings.sort(byObject)).toMatchObject(expected.sort(byObject))
})

test('a pack that is removed while packs are checked is no finding, and not counted', async () => {
  const { backend } = await backendWithPacks()
  const packs = []
  for await (const entry of backend.list('packs/')) packs.push(entry)
  await backend.remove(packs[0]!.key)

  const { findings, objectCount } = await checkPacks(ObjectDatabase.open(backend), packs, {})
  expect(findings).toEqual([])
  expect(objectCount).toBeLessThan(CHUNK_COUNT)
})
