import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { execPath } from 'node:process'
import { expect, test } from 'vitest'
import type { Backend } from '../../../src/backend/backend.ts'
import { hasEnded, thisProcess } from '../../../src/maintenance/process-identity.ts'
import { lockStore } from '../../../src/maintenance/store-lock.ts'
import { damage, keysOf, memoryStore } from '../../support/store.ts'

test('shared holders put up with each other; an exclusive one with none', async () => {
  const { backend } = await memoryStore()
  const first = await lockStore(backend, { operation: 'commit', mode: 'shared' })
  const second = await lockStore(backend, { operation: 'commit', mode: 'shared' })

  await expect(lockStore(backend, { operation: 'gc', mode: 'exclusive' })).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    data: { operation: 'commit', host: hostname() },
  })
  await first.release()
  await second.release()
  await second.release()
  const exclusive = await lockStore(backend, { operation: 'gc', mode: 'exclusive' })
  await expect(lockStore(backend, { operation: 'commit', mode: 'shared' })).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    data: { operation: 'gc' },
  })
  await exclusive.release()
  expect(await keysOf(backend, 'locks/')).toEqual([])
})

test('of exclusive holders at the same time at most one gets it, and none stays behind', async () => {
  const { backend } = await memoryStore()
  const attempts = await Promise.allSettled(
    Array.from({ length: 8 }, () => lockStore(backend, { operation: 'gc', mode: 'exclusive' })),
  )

  const held = attempts.filter(({ status }) => status === 'fulfilled')
  expect(held.length).toBeLessThanOrEqual(1)
  expect(await keysOf(backend, 'locks/')).toHaveLength(held.length)
})

test('the lock of a process that was killed is removed by the next', async () => {
  const { backend } = await memoryStore()
  const child = spawn(execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const holder = { pid: child.pid!, host: hostname(), processStart: null }
  await lockAs(backend, holder)
  await expect(lockStore(backend, { operation: 'gc', mode: 'exclusive' })).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    data: { pid: child.pid },
  })
  child.kill('SIGKILL')
  await once(child, 'exit')

  const lock = await lockStore(backend, { operation: 'gc', mode: 'exclusive' })
  expect(await keysOf(backend, 'locks/')).toEqual([lock.key])
})

test('a process that has got the number of one that ended is not taken for it', async () => {
  const self = await thisProcess()
  expect(await hasEnded(self)).toBe(false)
  expect(await hasEnded({ ...self, host: 'elsewhere' })).toBe(false)
  // Only where the system tells start times; elsewhere the number alone counts, as living.
  const isTold = self.processStart !== null
  expect(await hasEnded({ ...self, processStart: 'another boot 1' })).toBe(isTold)
})

test('a lock of another host is never judged from here', async () => {
  const { backend } = await memoryStore()
  await lockAs(backend, { pid: 999_999_999, host: 'elsewhere', processStart: null })

  await expect(lockStore(backend, { operation: 'gc', mode: 'exclusive' })).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    hint: expect.stringContaining('remove'),
  })
})

test('a damaged lock record is said to be damaged, and blocks', async () => {
  const { backend } = await memoryStore()
  const { key } = await lockStore(backend, { operation: 'commit', mode: 'shared' })
  await damage(backend, key, (bytes) => bytes.subarray(1))

  await expect(lockStore(backend, { operation: 'commit', mode: 'shared' })).rejects.toMatchObject({
    code: 'STORE_CORRUPT',
    data: { key },
  })
  expect(await keysOf(backend, 'locks/')).toEqual([key])
})

async function lockAs(
  backend: Backend,
  holder: { pid: number; host: string; processStart: string | null },
): Promise<void> {
  await lockStore(backend, { operation: 'commit', mode: 'shared', holder })
}
