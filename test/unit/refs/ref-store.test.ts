import { expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import type { ObjectId } from '../../../src/format/values.ts'
import { moveHead, readHead } from '../../../src/refs/head.ts'
import { RefStore } from '../../../src/refs/ref-store.ts'
import { initStore } from '../../../src/store.ts'
import { ada, damage, keysOf, memoryStore, noon } from '../../support/store.ts'

const [one, two] = ['1', '2'].map((text) => objectIdOf(Buffer.from(text))) as [ObjectId, ObjectId]
const MAIN = 'refs/heads/main'

function move(name: string, expected: ObjectId | null, next: ObjectId) {
  const reason = { kind: 'commit', message: `to ${next.slice(0, 4)}` } as const
  return { name, expected, next, reason, author: ada, at: noon }
}

test('a ref that was never moved is absent: undefined to find, an error to read', async () => {
  const refs = new RefStore(new MemoryBackend())

  expect(await refs.find(MAIN)).toBe(undefined)
  expect(await refs.findRecord(MAIN)).toBe(undefined)
  await expect(refs.read(MAIN)).rejects.toMatchObject({
    code: 'REF_MISSING',
    data: { refName: MAIN },
  })
})

test('a move from another value than the one expected is a conflict that carries both', async () => {
  const refs = new RefStore(new MemoryBackend())
  await refs.move(move(MAIN, null, one))

  await expect(refs.move(move(MAIN, two, one))).rejects.toMatchObject({
    code: 'REF_CONFLICT',
    data: { refName: MAIN, expected: two, found: one },
  })
  await expect(refs.move(move(MAIN, null, two))).rejects.toMatchObject({ code: 'REF_EXISTS' })
  await expect(refs.move(move('refs/heads/x', one, two))).rejects.toMatchObject({
    code: 'REF_CONFLICT',
    data: { expected: one, found: null },
  })
})

test('a log is newest first and says who moved the ref, when and why', async () => {
  const refs = new RefStore(new MemoryBackend())
  await refs.move(move(MAIN, null, one))
  await refs.move(move(MAIN, one, two))
  const log = []
  for await (const { sequence, oldId, newId, at, author, reason } of refs.log(MAIN)) {
    log.push({ sequence, oldId, newId, at, author, reason })
  }

  const both = { at: noon.toISOString(), author: ada }
  expect(log).toEqual([
    { sequence: 2, oldId: one, newId: two, ...both, reason: move('', null, two).reason },
    { sequence: 1, oldId: null, newId: one, ...both, reason: move('', null, one).reason },
  ])
})

test('a deleted ref is absent, keeps its log, and can be created again', async () => {
  const refs = new RefStore(new MemoryBackend())
  await refs.move(move(MAIN, null, one))
  await refs.remove({ ...move(MAIN, null, one), expected: one })

  expect(await refs.find(MAIN)).toBe(undefined)
  await expect(refs.remove({ ...move(MAIN, null, one), expected: one })).rejects.toMatchObject({
    code: 'REF_CONFLICT',
  })
  const record = await refs.move(move(MAIN, null, two))
  expect(record).toMatchObject({ sequence: 3, oldId: null, newId: two })
})

test('names that exclude each other as in git are refused, until the one in the way is deleted', async () => {
  const refs = new RefStore(new MemoryBackend())
  await refs.move(move('refs/heads/a', null, one))

  for (const name of ['refs/heads/a/b', 'refs/heads/a/b/c']) {
    await expect(refs.move(move(name, null, one))).rejects.toMatchObject({
      code: 'REF_EXISTS',
      data: { refName: 'refs/heads/a' },
    })
  }
  await refs.remove({ ...move('refs/heads/a', null, one), expected: one })
  await refs.move(move('refs/heads/a/b', null, one))
  await expect(refs.move(move('refs/heads/a', null, one))).rejects.toMatchObject({
    code: 'REF_EXISTS',
    data: { refName: 'refs/heads/a/b' },
  })
  expect((await refs.findRecord('refs/heads/a'))?.sequence).toBe(2)
})

test('refs are listed by name below a prefix, deleted ones left out', async () => {
  const refs = new RefStore(new MemoryBackend())
  const names = [
    'refs/heads/b',
    'refs/heads/Z',
    'refs/tags/v1',
    'refs/heads/a/x',
    'refs/heads/gone',
  ]
  for (const name of names) await refs.move(move(name, null, one))
  await refs.remove({ ...move('refs/heads/gone', null, one), expected: one })
  const listed = async (prefix: string) => {
    const found = []
    for await (const { name } of refs.list(prefix)) found.push(name)
    return found
  }

  expect(await listed('refs/heads/')).toEqual(['refs/heads/Z', 'refs/heads/a/x', 'refs/heads/b'])
  expect(await listed('refs/tags/')).toEqual(['refs/tags/v1'])
  expect(await listed('refs/heads/a')).toEqual(['refs/heads/a/x'])
})

test('a damaged record is said to be damaged, by its key', async () => {
  const backend = new MemoryBackend()
  const refs = new RefStore(backend)
  await refs.move(move(MAIN, null, one))
  const key = `${MAIN}/0000000001`
  await damage(backend, key, (bytes) => bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)))

  await expect(refs.find(MAIN)).rejects.toMatchObject({ code: 'STORE_CORRUPT', data: { key } })
})

test('an invalid name is refused before anything is written', async () => {
  const backend = new MemoryBackend()
  const refs = new RefStore(backend)

  await expect(refs.move(move('refs/heads/a..b', null, one))).rejects.toMatchObject({
    code: 'REF_NAME_INVALID',
    data: { refName: 'refs/heads/a..b' },
  })
  expect(await keysOf(backend)).toEqual([])
})

test('HEAD follows the branch it points at, and stays when it is detached', async () => {
  const { refs } = await memoryStore()
  expect(await readHead(refs)).toEqual({ targetRef: MAIN, id: null })
  await refs.move(move(MAIN, null, one))
  expect(await readHead(refs)).toEqual({ targetRef: MAIN, id: one })

  const { reason, author, at } = move('', null, one)
  const next = { targetRef: null, id: one }
  await moveHead(refs, { expected: await readHead(refs), next, reason, author, at })
  await refs.move(move(MAIN, one, two))
  expect(await readHead(refs)).toEqual({ targetRef: null, id: one })
})

test('HEAD is not moved from where the caller did not see it', async () => {
  const { refs } = await memoryStore()
  const { reason, author, at } = move('', null, one)
  const onMain = { targetRef: MAIN, id: null }
  const detached = { targetRef: null, id: one }
  await moveHead(refs, { expected: onMain, next: detached, reason, author, at })

  for (const expected of [onMain, { targetRef: null, id: two }]) {
    await expect(
      moveHead(refs, { expected, next: onMain, reason, author, at }),
    ).rejects.toMatchObject({ code: 'REF_CONFLICT', data: { refName: 'HEAD', found: one } })
  }
  const both = await Promise.allSettled([
    moveHead(refs, { expected: detached, next: onMain, reason, author, at }),
    moveHead(refs, { expected: detached, next: { targetRef: null, id: two }, reason, author, at }),
  ])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('commits of several processes record HEAD at the same time, and none is refused', async () => {
  const { refs } = await memoryStore()
  const { reason, author, at } = move('', null, one)
  const expected = { targetRef: MAIN, id: null }
  const record = (id: ObjectId) =>
    moveHead(refs, { expected, next: { targetRef: MAIN, id }, reason, author, at })
  const records = await Promise.all([one, two, one, two].map(record))

  expect(records.map(({ sequence }) => sequence).sort()).toEqual([2, 3, 4, 5])
  expect(await readHead(refs)).toEqual({ targetRef: MAIN, id: null })
})

test('a store without HEAD says so', async () => {
  const backend = new MemoryBackend()
  const { refs } = await initStore(backend, { author: ada })
  await backend.remove('HEAD/0000000001')

  await expect(readHead(refs)).rejects.toMatchObject({ code: 'REF_MISSING' })
})
