import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { readHead } from '../../src/refs/head.ts'
import { findStoreDirectory, initStore, openStore } from '../../src/store.ts'
import { ada, keysOf, memoryStore, noon } from '../support/store.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snap-store-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

test('a new store has a format and a HEAD on an unborn branch', async () => {
  const backend = new MemoryBackend()
  const store = await initStore(backend, { author: ada, at: noon, initialBranch: 'trunk' })

  expect(await keysOf(backend)).toEqual(['HEAD/0000000001', 'format'])
  expect(await readHead(store.refs)).toEqual({ targetRef: 'refs/heads/trunk', id: null })
  expect((await openStore(backend)).file).toEqual(store.file)
})

test('init where there is a store changes nothing and says so', async () => {
  const { backend, file } = await memoryStore()

  await expect(initStore(backend, { author: ada })).rejects.toMatchObject({
    code: 'STORE_EXISTS',
    data: { location: 'memory' },
  })
  expect((await openStore(backend)).file).toEqual(file)
})

test('of two who init at the same time one makes the store', async () => {
  const backend = new MemoryBackend()
  const attempts = await Promise.allSettled([1, 2].map(() => initStore(backend, { author: ada })))

  expect(attempts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  await openStore(backend)
})

test('opening what holds no store is refused', async () => {
  await expect(openStore(new MemoryBackend())).rejects.toMatchObject({
    code: 'STORE_NOT_FOUND',
    hint: "run 'snap init' to make one",
  })
})

test('a store is found from any directory below the one that has .snap, nearest first', async () => {
  const below = join(directory, 'a/b/c')
  await mkdir(below, { recursive: true })
  await initStore(await LocalBackend.create(join(directory, '.snap')), { author: ada })
  expect(await findStoreDirectory(below)).toBe(join(directory, '.snap'))

  await initStore(await LocalBackend.create(join(directory, 'a/b/.snap')), { author: ada })
  expect(await findStoreDirectory(below)).toBe(join(directory, 'a/b/.snap'))
  expect(await findStoreDirectory(join(directory, 'a'))).toBe(join(directory, '.snap'))
})

test('a directory called .snap that holds no store is passed over', async () => {
  await initStore(await LocalBackend.create(join(directory, '.snap')), { author: ada })
  await mkdir(join(directory, 'a/.snap'), { recursive: true })

  expect(await findStoreDirectory(join(directory, 'a'))).toBe(join(directory, '.snap'))
})

test('where there is no store above, the error names where the search began', async () => {
  await expect(findStoreDirectory(directory)).rejects.toMatchObject({
    code: 'STORE_NOT_FOUND',
    data: { startDirectory: directory },
  })
})
