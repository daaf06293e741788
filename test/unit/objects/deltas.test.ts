import { expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { ObjectDatabase } from '../../../src/objects/object-database.ts'
import { familyOf } from '../../../src/objects/object-sink.ts'
import { putChunks, readAll, rowsAfter, writePackOf } from '../../support/similar-chunks.ts'
import { damage, keysOf } from '../../support/store.ts'

const first = rowsAfter([])
const second = rowsAfter([7])
const third = rowsAfter([7, 300])
const idOf = (rows: string) => objectIdOf(Buffer.from(rows))

test.each([0, 1])(
  'a chunk like an older one takes what its changed rows take, and is read back (%i threads)',
  async (compressionThreads) => {
    const backend = new MemoryBackend()
    const objects = ObjectDatabase.open(backend)
    await putChunks(objects, [first])
    const [id] = await putChunks(objects, [second], { compressionThreads })

    const entry = await objects.findEntry(id!)
    expect(entry).toMatchObject({ encoding: 'delta', baseId: idOf(first) })
    expect(entry!.storedSizeBytes).toBeLessThan(200)
    expect(await readAll(backend, [id!])).toEqual([second])
  },
)

test('a row that moved, and rows that came and went, do not keep a chunk from being found', async () => {
  const lines = first.split(/(?<=\n)/)
  const moved = [...lines.slice(40), ...lines.slice(0, 20), '9999\tnew\trow\n'].join('')
  const objects = ObjectDatabase.open(new MemoryBackend())
  await putChunks(objects, [first, moved])

  expect(await objects.findEntry(idOf(moved))).toMatchObject({ encoding: 'delta' })
})

test('tables whose keys are the same numbers each find their own older chunk', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const names = ['users', 'orders', 'items']
  const stateOf = (name: string, changes: number[]) =>
    rowsAfter(changes, name).replaceAll(`\t${name} `, '\tsince 2024-01-')
  const statesOf = (changes: number[]) =>
    names.map((name) => ({ rows: stateOf(name, changes), family: familyOf(name) }))
  await putChunks(objects, statesOf([]))
  await putChunks(objects, statesOf([7]))

  for (const name of names) {
    expect(await objects.findEntry(idOf(stateOf(name, [7])))).toMatchObject({
      encoding: 'delta',
      baseId: idOf(stateOf(name, [])),
    })
  }
})

test('a chunk that has nothing in common with others is stored whole', async () => {
  const objects = ObjectDatabase.open(new MemoryBackend())
  const others = rowsAfter([], 'orders').replaceAll(/^/gm, 'x')
  await putChunks(objects, [first, others])

  expect(await objects.findEntry(idOf(others))).toMatchObject({ encoding: 'zstd' })
})

test('three hundred states of a chunk are read back, through short chains, and take little', async () => {
  const backend = new MemoryBackend()
  const objects = ObjectDatabase.open(backend)
  const states = Array.from({ length: 300 }, (_, n) => rowsAfter(manyChanges.slice(0, n)))
  const ids = await putChunks(objects, states)

  expect(await readAll(backend, ids)).toEqual(states)
  const entries = await Promise.all(ids.map(async (id) => (await objects.findEntry(id))!))
  const chains = entries.map((entry) => objects.findBases(entry)!.length)
  expect(Math.max(...chains)).toBeLessThanOrEqual(12)
  const storedBytes = entries.reduce((sum, { storedSizeBytes }) => sum + storedSizeBytes, 0)
  expect(storedBytes).toBeLessThan(entries[0]!.sizeBytes * 300 * 0.03)
})
const manyChanges = Array.from({ length: 300 }, (_, i) => (i * 37) % 400)

test('without deltas packs are of version 1', async () => {
  const backend = new MemoryBackend()
  await putChunks(ObjectDatabase.open(backend), [first, second], { withDeltas: false })

  for (const key of await keysOf(backend)) {
    expect(
      Buffer.from(await backend.read(key)).readUInt32BE((await backend.read(key)).length - 12),
    ).toBe(1)
  }
  expect(await readAll(backend, [idOf(second)])).toEqual([second])
})

test('rows that look like a dictionary of zstd are no base', async () => {
  const magic = Buffer.from([0x37, 0xa4, 0x30, 0xec])
  const objects = ObjectDatabase.open(new MemoryBackend())
  const bytes = Buffer.concat([magic, Buffer.from(first)])
  const next = Buffer.concat([magic, Buffer.from(second)])
  const writer = objects.newWriter({ compressionThreads: 0 })
  await writer.put('chunk', bytes)
  await writer.flush()
  const id = await writer.put('chunk', next)
  await writer.flush()
  await writer.close()

  expect(await objects.findEntry(id)).toMatchObject({ encoding: 'zstd' })
  expect(Buffer.from(await objects.readChunk(id))).toEqual(next)
})

test('what builds on a chunk that is gone is missing, by the name of that chunk', async () => {
  const { backend, packKeys } = await threeStates()
  await backend.remove(packKeys[0]!)
  const objects = ObjectDatabase.open(backend)

  expect(await objects.has(idOf(third))).toBe(false)
  await expect(objects.readChunk(idOf(third))).rejects.toMatchObject({
    code: 'OBJECT_MISSING',
    data: { objectId: idOf(first) },
    message: expect.stringContaining(idOf(third).slice(0, 8)),
  })
})

test('writing it again heals that, also for a writer that knew the pack', async () => {
  const { backend, objects, packKeys } = await threeStates()
  await objects.readChunk(idOf(third))
  await backend.remove(packKeys[0]!)

  await putChunks(objects, [second, first, third])
  expect(await readAll(backend, [first, second, third].map(idOf))).toEqual([first, second, third])
})

test('a base that is damaged is named', async () => {
  const { backend, packKeys } = await threeStates()
  await damage(backend, packKeys[0]!, (bytes) => bytes.map((b, i) => (i === 90 ? b ^ 1 : b)))

  await expect(ObjectDatabase.open(backend).readChunk(idOf(third))).rejects.toMatchObject({
    code: 'OBJECT_CORRUPT',
    data: { objectId: idOf(first), key: packKeys[0] },
  })
})

test('of two copies of a base the sound one is used', async () => {
  const { backend, packKeys } = await threeStates()
  await damage(backend, packKeys[0]!, (bytes) => bytes.map((b, i) => (i === 90 ? b ^ 1 : b)))
  await writePackOf(backend, [{ rows: first }])

  expect(await readAll(backend, [idOf(third)])).toEqual([third])
})

test('chunks that build on each other in a circle are damaged, and read by their other copies', async () => {
  const backend = new MemoryBackend()
  await writePackOf(backend, [{ rows: first, base: second }])
  await writePackOf(backend, [{ rows: second, base: first }])

  const objects = ObjectDatabase.open(backend)
  expect(await objects.has(idOf(first))).toBe(false)
  await expect(objects.readChunk(idOf(first))).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' })
  await putChunks(objects, [first])
  expect(await readAll(backend, [idOf(first), idOf(second)])).toEqual([first, second])
})

test('a chunk that is lost is not written as a delta on what builds on it', async () => {
  const { backend, objects, packKeys } = await threeStates()
  const writer = objects.newWriter({ compressionThreads: 0 })
  // The writer has the second state at hand, as a base of the third.
  await writer.put('chunk', Buffer.from(rowsAfter([7, 300, 11])))
  await backend.remove(packKeys[0]!)
  await writer.put('chunk', Buffer.from(first))
  await writer.flush()
  await writer.close()

  expect(await readAll(backend, [idOf(first), idOf(third)])).toEqual([first, third])
})

/** Three states in packs of their own, each a delta on the one before. */
async function threeStates() {
  const backend = new MemoryBackend()
  const packKeys: string[] = []
  for (const [rows, base] of [[first], [second, first], [third, second]] as const) {
    packKeys.push(await writePackOf(backend, [base === undefined ? { rows } : { rows, base }]))
  }
  return { backend, objects: ObjectDatabase.open(backend), packKeys }
}
