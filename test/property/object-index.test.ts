import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import type { EntryKind } from '../../src/format/pack-entry.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { ObjectDatabase } from '../../src/objects/object-database.ts'
import { ObjectIndex } from '../../src/objects/object-index.ts'
import { readPackIndex } from '../../src/objects/read-pack-index.ts'
import { keysOf } from '../support/store.ts'

const anyObject = fc.record({
  kind: fc.constantFrom<EntryKind>('chunk', 'metadata'),
  bytes: fc.uint8Array({ maxLength: 40 }),
})

test('any set of objects written is read back, and an index rebuilt from the packs equals the first', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyObject, { maxLength: 30 }), { maxLength: 4 }),
      fc.integer({ min: 100, max: 3000 }),
      async (batches, packTargetBytes) => {
        const backend = new MemoryBackend()
        const objects = ObjectDatabase.open(backend)
        for (const batch of batches) {
          const writer = objects.newWriter({ compressionThreads: 0, packTargetBytes })
          for (const { kind, bytes } of batch) await writer.put(kind, bytes)
          await writer.flush()
          await writer.close()
        }
        const rebuilt = ObjectDatabase.open(backend)
        for (const { kind, bytes } of batches.flat()) {
          const id = objectIdOf(bytes)
          expect(Buffer.from(await rebuilt.read(id, kind))).toEqual(Buffer.from(bytes))
          expect(await rebuilt.findEntries(id, kind)).toEqual(await objects.findEntries(id, kind))
          expect(await rebuilt.findEntries(id, kind)).toHaveLength(1)
        }
        expect(await rebuilt.idsWithPrefix('')).toEqual(await objects.idsWithPrefix(''))
      },
    ),
    { numRuns: 50 },
  )
})

test('packs may be added and removed in any order; the index holds what is left', async () => {
  const backend = new MemoryBackend()
  const writer = ObjectDatabase.open(backend).newWriter({
    compressionThreads: 0,
    packTargetBytes: 5000,
  })
  const ids: ObjectId[] = []
  for (let i = 0; i < 3000; i++) ids.push(await writer.put('chunk', Buffer.from(`row ${i}\n`)))
  await writer.flush()
  const packs = await Promise.all(
    (await keysOf(backend)).map(async (packKey) => {
      const packSizeBytes = (await backend.findSizeBytes(packKey))!
      return readPackIndex(backend, { packKey, packSizeBytes })
    }),
  )
  expect(packs.length).toBeGreaterThan(20)

  fc.assert(
    fc.property(
      fc.shuffledSubarray(packs),
      fc.subarray(packs.map((pack) => pack.packKey)),
      (added, removed) => {
        const index = new ObjectIndex()
        for (const pack of added) index.addPack(pack)
        index.removePacks(removed)
        const left = added.filter((pack) => !removed.includes(pack.packKey))
        const found = ids.filter((id) => [...index.find(id)].length === 1)

        expect(found.length).toBe(left.reduce((total, pack) => total + pack.entryCount, 0))
        expect(index.objectCount).toBe(found.length)
        expect(index.idsWithPrefix('')).toEqual(found.toSorted())
      },
    ),
    { numRuns: 20 },
  )
})
