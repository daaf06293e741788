import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { findNewestCommit } from '../../../src/history/find-newest-commit.ts'
import { ada, commitToMain, memoryStore, noon, writeCommit } from '../../support/store.ts'

const minutesAfterNoon = (minutes: number) => new Date(noon.getTime() + minutes * 60_000)
const purposes = ['user', 'guard'] as const

test('a new store has none', async () => {
  equal(await findNewestCommit(await memoryStore(), { purposes }), undefined)
})

test('it is the newest of all branches, whichever HEAD is on', async () => {
  const store = await memoryStore()
  const first = await commitToMain(store, { t: ['1\n'] }, { createdAt: minutesAfterNoon(1) })
  const side = await writeCommit(
    store,
    { t: ['2\n'] },
    { parentIds: [first], createdAt: minutesAfterNoon(5) },
  )
  await store.refs.move({
    name: 'refs/heads/side',
    expected: null,
    next: side,
    reason: { kind: 'branch', message: 'side' },
    author: ada,
    at: noon,
  })
  await commitToMain(store, { t: ['3\n'] }, { createdAt: minutesAfterNoon(3) })
  equal((await findNewestCommit(store, { purposes }))?.id, side)
})

test('a commit that only a tag names does not count, nor does one of another purpose', async () => {
  const store = await memoryStore()
  const first = await commitToMain(store, { t: ['1\n'] }, { createdAt: minutesAfterNoon(1) })
  const tagged = await writeCommit(store, { t: ['2\n'] }, { createdAt: minutesAfterNoon(5) })
  await store.refs.move({
    name: 'refs/tags/v1',
    expected: null,
    next: tagged,
    reason: { kind: 'tag', message: 'v1' },
    author: ada,
    at: noon,
  })
  equal((await findNewestCommit(store, { purposes }))?.id, first)
  equal(await findNewestCommit(store, { purposes: ['safety'] }), undefined)
})
