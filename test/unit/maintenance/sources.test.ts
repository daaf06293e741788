import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'vitest'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import { collectGarbage } from '../../../src/maintenance/gc.ts'
import { agedStore, readWholeCommit } from '../../support/aged-store.ts'
import { commitToMain, keysOf } from '../../support/store.ts'

const idOf = (text: string) => objectIdOf(Buffer.from(text))

test('what a commit holds of other datastores outlives garbage collection', async () => {
  const { store, clock } = await agedStore()
  const commitId = await commitToMain(store, { users: ['1\n'] }, { sources: { redis: 'FLUSHALL' } })
  clock.advanceHours(100)
  await collectGarbage(store)
  await readWholeCommit(store.objects, commitId)
  equal(await store.objects.has(idOf('FLUSHALL')), true)
  deepEqual((await fsck(store.backend)).findings, [])
})

test('fsck names the commit whose other datastore is damaged', async () => {
  const { store } = await agedStore()
  await commitToMain(store, { users: ['1\n'] })
  const alone = new Set(await keysOf(store.backend, 'packs/'))
  const commitId = await commitToMain(store, { users: ['1\n'] }, { sources: { redis: 'FLUSHALL' } })
  const chunk = await store.objects.findEntry(idOf('FLUSHALL'), 'chunk')
  equal(alone.has(chunk!.packKey), false)
  await store.backend.remove(chunk!.packKey)
  const { findings } = await fsck(store.backend)
  deepEqual(
    findings.map(({ code, objectId, affects }) => ({ code, objectId, affects })),
    [{ code: 'OBJECT_MISSING', objectId: idOf('FLUSHALL'), affects: [commitId] }],
  )
})
