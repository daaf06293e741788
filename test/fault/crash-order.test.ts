import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { initStore, openStore } from '../../src/store.ts'
import { OrderedBackend } from '../support/ordered-backend.ts'
import { ada, commitToMain, noon, putCommit, putRows } from '../support/store.ts'

const manyChunks = Array.from({ length: 400 }, (_, i) => `${i}\tname of ${i}\n`)

test('a commit writes chunks, then metadata, then the ref, so it may be killed after any write', async () => {
  const behind = new MemoryBackend()
  const backend = new OrderedBackend(behind)
  const store = await initStore(backend, { author: ada, at: noon })
  const writer = store.objects.newWriter({ compressionThreads: 1, packTargetBytes: 1500 })
  const commitId = await putCommit(writer, { users: manyChunks, orders: ['1\n'] })
  await writer.flush()
  await writer.close()
  const reason = { kind: 'commit', message: '' } as const
  const move = { name: 'refs/heads/main', expected: null, next: commitId, reason }
  await store.refs.move({ ...move, author: ada, at: noon })

  expect(backend.written.length).toBeGreaterThan(15)
  expect(backend.written.slice(0, 2)).toEqual(['HEAD/0000000001', 'format'])
  expect(backend.written.at(-1)).toBe('refs/heads/main/0000000001')

  // Killed after each write in turn: what had been written by then is a store without a fault.
  const survivor = new MemoryBackend()
  for (const [i, key] of backend.written.entries()) {
    await survivor.create(key, [await behind.read(key)])
    if (i < 1) continue
    const main = await (await openStore(survivor)).refs.find('refs/heads/main')
    expect(main).toBe(key === backend.written.at(-1) ? commitId : undefined)
    expect((await fsck(survivor)).findings).toEqual([])
  }
})

test('tables written side by side, with flushes in between, keep the order too', async () => {
  const backend = new OrderedBackend(new MemoryBackend())
  const store = await initStore(backend, { author: ada, at: noon })
  const writer = store.objects.newWriter({ compressionThreads: 2, packTargetBytes: 400 })
  const writeTable = async (table: number) => {
    for (let part = 0; part < 5; part++) {
      const chunks = Array.from({ length: 40 }, (_, i) => `${table}\t${part}\trow ${i}\n`)
      await putRows(writer, chunks)
      if ((table + part) % 3 === 0) await writer.flush()
    }
  }
  await Promise.all([1, 2, 3, 4, 5].map(writeTable))
  await writer.flush()
  await writer.close()

  expect((await fsck(backend)).findings).toEqual([])
  expect((await fsck(backend)).totals.objectCount).toBeGreaterThan(5 * 5 * 40)
})

test('the order is checked: a ref that names a commit before its pack is durable fails', async () => {
  const backend = new OrderedBackend(new MemoryBackend())
  const store = await initStore(backend, { author: ada, at: noon })
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const commitId = await putCommit(writer, { users: ['1\n'] })
  const reason = { kind: 'commit', message: '' } as const
  const move = { name: 'refs/heads/main', expected: null, next: commitId, reason, author: ada }

  await expect(store.refs.move({ ...move, at: noon })).rejects.toThrow(/no durable pack holds/)
  await writer.flush()
  await store.refs.move({ ...move, at: noon })
  await writer.close()
})

test('a commit after a killed one reuses what that one had written', async () => {
  const store = await initStore(new MemoryBackend(), { author: ada, at: noon })
  const killed = store.objects.newWriter({ compressionThreads: 0, packTargetBytes: 1500 })
  await putCommit(killed, { users: manyChunks })
  await killed.abort()

  await store.objects.refresh()
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  await putCommit(writer, { users: manyChunks })
  await writer.flush()
  expect(writer.totals.newObjectCount).toBeLessThan(writer.totals.objectCount / 2)
  await commitToMain(store, { users: manyChunks })
  expect((await fsck(store.backend)).findings).toEqual([])
})
