import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { lockStore } from '../../src/maintenance/store-lock.ts'
import { moveHead, readHead } from '../../src/refs/head.ts'
import { SAFETY_REF } from '../../src/refs/ref-name.ts'
import type { Store } from '../../src/store.ts'
import { ada, commitToMain, keysOf, memoryStore, noon } from '../support/store.ts'

/*
 * The law: a change to any one byte of any file is found, and the file named.
 * Goal: no byte of the format is left uncovered, now or after a change of it.
 * Method: every byte of every file of a small store that has every kind of file
 * is flipped, one at a time, with the lowest bit and with all bits.
 */
test.each([0x01, 0x20, 0xff])(
  'flipping a byte of any file by %i makes fsck name that file',
  async (mask) => {
    const { backend } = await smallStore()
    expect((await fsck(backend)).findings).toEqual([])
    const values = new Map<string, Uint8Array>()
    for (const key of await keysOf(backend)) values.set(key, await backend.read(key))

    const unnoticed: string[] = []
    for (const [key, bytes] of values) {
      for (let offset = 0; offset < bytes.length; offset++) {
        const flipped = Uint8Array.from(bytes)
        flipped[offset] = flipped[offset]! ^ mask
        const { findings } = await fsck(await backendOf(new Map([...values, [key, flipped]])))
        const isNamed = findings.some(
          (finding) => finding.key === key && finding.severity === 'must',
        )
        if (!isNamed) unnoticed.push(`${key} byte ${offset}`)
      }
    }

    expect(unnoticed).toEqual([])
    expect([...values.keys()].map((key) => key.split('/')[0])).toEqual(
      expect.arrayContaining(['format', 'HEAD', 'refs', 'packs', 'locks', 'pruned', 'operations']),
    )
  },
)

test('a file that is cut off anywhere, or has a byte too many, is found and named', async () => {
  const { backend } = await smallStore()
  const values = new Map<string, Uint8Array>()
  for (const key of await keysOf(backend)) values.set(key, await backend.read(key))

  const unnoticed: string[] = []
  for (const [key, bytes] of values) {
    const lengths = [...bytes.keys()].filter((length) => length % 7 === 0 || length < 60)
    const changed = [
      ...lengths.map((length) => bytes.subarray(0, length)),
      Buffer.concat([bytes, Buffer.of(0)]),
    ]
    for (const value of changed) {
      const { findings } = await fsck(await backendOf(new Map([...values, [key, value]])))
      if (!findings.some((finding) => finding.key === key)) unnoticed.push(`${key} ${value.length}`)
    }
  }
  expect(unnoticed).toEqual([])
})

/** Small, and with every kind of file: store file, HEAD and branch and safety records, packs of both kinds, a lock, pruned commits, an operation. */
async function smallStore(): Promise<Store> {
  const store = await memoryStore()
  const first = await commitToMain(store, { users: ['1\tada\n', `${'2\tgrace\n'.repeat(20)}`] })
  const head = await readHead(store.refs)
  const reason = {
    kind: 'checkout',
    message: 'checkout',
    previousHead: head,
    safetyCommitId: first,
    restoredCommitId: first,
  } as const
  const next = { targetRef: null, id: first }
  await moveHead(store.refs, { expected: head, next, reason, author: ada, at: noon })
  const safety = { name: SAFETY_REF, expected: null, next: first, author: ada, at: noon }
  await store.refs.move({ ...safety, reason: { kind: 'safety', message: 'before checkout' } })
  const pruned = { id: objectIdOf(Buffer.from('pruned')), parentIds: [first] }
  await store.pruned.add([{ ...pruned, prunedAt: noon.toISOString() }])
  const operation = await store.operations.begin({
    command: 'checkout',
    arguments: ['HEAD~1'],
    user: 'ada',
    at: noon,
  })
  await operation.keep({ commitId: first, head, at: noon })
  await operation.finish({
    at: noon,
    outcome: 'done',
    exitCode: 0,
    errorCode: null,
    databaseChange: 'changed',
    changes: null,
    commitBefore: first,
    commitAfter: first,
    takenBackId: null,
  })
  await lockStore(store.backend, { operation: 'commit', mode: 'shared', at: noon })
  return store
}

async function backendOf(values: ReadonlyMap<string, Uint8Array>): Promise<MemoryBackend> {
  const backend = new MemoryBackend()
  for (const [key, bytes] of values) await backend.create(key, [bytes])
  return backend
}
