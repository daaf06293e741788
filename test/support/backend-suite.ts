import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backend/backend.ts'

/** One way to have an empty backend. */
export interface BackendFixture {
  backend: Backend
  cleanUp(): Promise<void>
}

/** Every claim of the `Backend` contract; each backend and each wrapper of one runs it. */
export function backendSuite(name: string, create: () => Promise<BackendFixture>): void {
  describe(`the backend contract, kept by ${name}`, () => {
    let fixture: BackendFixture
    let backend: Backend
    beforeEach(async () => {
      fixture = await create()
      backend = fixture.backend
    })
    afterEach(async () => {
      await backend.close()
      await fixture.cleanUp()
    })

    test('what is created is read back as the concatenation of its parts', async () => {
      expect(await backend.create('a/b', [bytes('one '), bytes(''), bytes('two')])).toBe('created')

      expect(text(await backend.read('a/b'))).toBe('one two')
      expect(await backend.findSizeBytes('a/b')).toBe(7)
    })

    test('an empty value is a value', async () => {
      await backend.create('empty', [])

      expect(text(await backend.read('empty'))).toBe('')
      expect(await backend.findSizeBytes('empty')).toBe(0)
    })

    test('a value of many megabytes in many parts is read back whole', async () => {
      const parts = Array.from({ length: 5000 }, (_, i) => new Uint8Array(1000 + (i % 7)).fill(i))
      await backend.create('large', parts)

      const read = Buffer.from(await backend.read('large'))
      expect(read.equals(Buffer.concat(parts))).toBe(true)
    })

    test('creating a key that exists changes nothing and says so', async () => {
      await backend.create('k', [bytes('first')])

      expect(await backend.create('k', [bytes('second')])).toBe('exists')
      expect(text(await backend.read('k'))).toBe('first')
    })

    test('of 16 concurrent creators of one key one wins, and its bytes are there', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 16 }, (_, i) => backend.create('contested/k', [bytes(`writer ${i}`)])),
      )

      const winners = outcomes.flatMap((outcome, i) => (outcome === 'created' ? [i] : []))
      expect(winners).toHaveLength(1)
      expect(text(await backend.read('contested/k'))).toBe(`writer ${winners[0]}`)
    })

    test('a range is read from the middle, and the bytes belong to the caller', async () => {
      await backend.create('k', [bytes('0123456789')])

      const read = await backend.read('k', { offsetBytes: 3, sizeBytes: 4 })
      expect(text(read)).toBe('3456')
      read.fill(0)
      expect(text(await backend.read('k'))).toBe('0123456789')
    })

    test('the caller may change its bytes once create has resolved', async () => {
      const part = bytes('before')
      await backend.create('k', [part])
      part.fill(0)

      expect(text(await backend.read('k'))).toBe('before')
    })

    test('a range that ends past the end fails and is not cut short', async () => {
      await backend.create('k', [bytes('0123456789')])

      await expect(backend.read('k', { offsetBytes: 8, sizeBytes: 3 })).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
      })
      await expect(backend.read('k', { offsetBytes: 11, sizeBytes: 1 })).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
      })
    })

    test('an absent key is named by its own code, and has no size', async () => {
      await backend.create('a/b', [bytes('x')])

      for (const key of ['nothing', 'a', 'a/b/c', 'a/c']) {
        await expect(backend.read(key)).rejects.toMatchObject({
          code: 'BACKEND_KEY_MISSING',
          data: { key },
        })
        expect(await backend.findSizeBytes(key)).toBe(undefined)
      }
    })

    test('keys are listed in ascending byte order, below a prefix that may end anywhere', async () => {
      const keys = ['a-b', 'a.b', 'a/b/c', 'b/1', 'b/10', 'b/2']
      for (const key of keys.toReversed()) await backend.create(key, [bytes(key)])

      expect(await keysOf(backend, '')).toEqual(keys)
      expect(await keysOf(backend, 'b/1')).toEqual(['b/1', 'b/10'])
      expect(await keysOf(backend, 'a/')).toEqual(['a/b/c'])
      expect(await keysOf(backend, 'a/b/c/d')).toEqual([])
      expect(await keysOf(backend, 'c')).toEqual([])
    })

    test('a listing gives sizes, and when each key was created', async () => {
      await backend.create('k', [bytes('123')])

      for await (const entry of backend.list('')) {
        expect(entry).toEqual({ key: 'k', sizeBytes: 3, createdAt: expect.any(Date) })
      }
    })

    test('a listing during writes gives every key that was there before it, once', async () => {
      const before = Array.from({ length: 20 }, (_, i) => `k/${100 + i}`)
      for (const key of before) await backend.create(key, [bytes('x')])

      const listed: string[] = []
      for await (const { key } of backend.list('k/')) {
        listed.push(key)
        await backend.create(`k/${200 + listed.length}`, [bytes('new')])
        await backend.create(`k/0${listed.length}`, [bytes('new')])
      }

      expect(listed.filter((key) => before.includes(key))).toEqual(before)
      expect(new Set(listed).size).toBe(listed.length)
    })

    test('a removed key is gone, removing it again is fine, and it can be created again', async () => {
      await backend.create('a/k', [bytes('1')])
      await backend.remove('a/k')
      await backend.remove('a/k')
      await backend.remove('never/was')

      expect(await backend.findSizeBytes('a/k')).toBe(undefined)
      expect(await keysOf(backend, '')).toEqual([])
      expect(await backend.create('a/k', [bytes('2')])).toBe('created')
    })

    test('a reader sees nothing of a key or all of it, while it is being created', async () => {
      const size = 4_000_000
      let isDone = false
      const creating = backend.create('big', [new Uint8Array(size)]).then(() => {
        isDone = true
      })

      while (!isDone) {
        expect([undefined, size]).toContain(await backend.findSizeBytes('big'))
        for await (const entry of backend.list('')) expect(entry.sizeBytes).toBe(size)
        await sleep(0)
      }
      await creating
    })
  })
}

async function keysOf(backend: Backend, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of backend.list(prefix)) keys.push(key)
  return keys
}

function bytes(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value))
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString()
}
