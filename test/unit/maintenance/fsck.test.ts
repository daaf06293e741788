import { describe, expect, test } from 'vitest'
import { MemoryBackend } from '../../../src/backend/memory-backend.ts'
import type { SnapEvent } from '../../../src/events.ts'
import { encodeCommit } from '../../../src/format/commit.ts'
import { encodeManifestNode } from '../../../src/format/manifest-node.ts'
import { objectIdOf } from '../../../src/format/object-id.ts'
import { encodeRefRecord, type RefRecord } from '../../../src/format/ref-record.ts'
import { encodeTree } from '../../../src/format/tree.ts'
import type { ManifestRef, ObjectId } from '../../../src/format/values.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import type { Store } from '../../../src/store.ts'
import {
  ada,
  commitToMain,
  damage,
  keysOf,
  memoryStore,
  noon,
  writeCommit,
} from '../../support/store.ts'

const codesOf = async (store: Store) => (await fsck(store.backend)).findings.map(({ code }) => code)
const findingsOf = async (store: Store) => (await fsck(store.backend)).findings

describe('a sound store has no finding', () => {
  test('right after init', async () => {
    const store = await memoryStore()
    expect(await fsck(store.backend)).toEqual({
      findings: [],
      totals: {
        packCount: 0,
        objectCount: 0,
        sizeBytes: 0,
        commitCount: 0,
        prunedCommitCount: 0,
      },
    })
  })

  test('with commits, and objects that nothing names', async () => {
    const store = await memoryStore()
    await commitToMain(store, { users: ['1\n'] })
    await commitToMain(store, { users: ['1\n', '2\n'] })
    await writeCommit(store, { users: ['unreachable\n'] })

    const { findings, totals } = await fsck(store.backend)
    expect(findings).toEqual([])
    expect(totals).toMatchObject({ packCount: 6, commitCount: 2 })
  })
})

describe('damage to objects', () => {
  test('a lost chunk names the commits whose state cannot be restored, and no others', async () => {
    const store = await memoryStore()
    const first = await commitToMain(store, { users: ['1\n'] })
    const second = await commitToMain(store, { users: ['1\n', '2\n'] })
    const third = await commitToMain(store, { users: ['2\n'] })
    await removePackOf(store, objectIdOf(Buffer.from('2\n')))

    expect(await findingsOf(store)).toMatchObject([
      {
        code: 'OBJECT_MISSING',
        severity: 'must',
        objectId: objectIdOf(Buffer.from('2\n')),
        affects: [third, second],
      },
    ])
    expect(first).not.toBe(second)
  })

  test('a damaged chunk is one finding, with its pack and the commits it affects', async () => {
    const store = await memoryStore()
    const commitId = await commitToMain(store, { users: ['1\n'] })
    const chunkId = objectIdOf(Buffer.from('1\n'))
    const entry = (await store.objects.findEntry(chunkId))!
    await damage(store.backend, entry.packKey, (bytes) => flip(bytes, entry.offsetBytes + 46))

    expect(await findingsOf(store)).toMatchObject([
      { code: 'ENTRY_CORRUPT', key: entry.packKey, objectId: chunkId, affects: [commitId] },
    ])
  })

  test('a damaged copy of an object that has a sound one affects no commit', async () => {
    const store = await memoryStore()
    await commitToMain(store, { users: ['1\n'] })
    const entry = (await store.objects.findEntry(objectIdOf(Buffer.from('1\n'))))!
    const copy = await store.backend.read(entry.packKey)
    await store.backend.remove(entry.packKey)
    await commitToMain(store, { users: ['1\n'] }, { message: 'again, healing' })
    await store.backend.create(entry.packKey, [flip(copy, entry.offsetBytes + 46)])

    expect(await findingsOf(store)).toMatchObject([{ code: 'ENTRY_CORRUPT', affects: [] }])
  })

  test('lost packs of every kind are reported to the end', async () => {
    const store = await memoryStore()
    const commitId = await commitToMain(store, { users: ['1\n'] })
    for (const key of await keysOf(store.backend, 'packs/')) await store.backend.remove(key)

    expect(await findingsOf(store)).toMatchObject([
      { code: 'OBJECT_MISSING', objectId: commitId, affects: [commitId] },
    ])
  })

  test('an unreachable damaged object is a finding all the same', async () => {
    const store = await memoryStore()
    await writeCommit(store, { users: ['1\n'] })
    const [key] = await keysOf(store.backend, 'packs/')
    await damage(store.backend, key!, (bytes) => flip(bytes, 60))

    expect(await findingsOf(store)).toMatchObject([{ code: 'ENTRY_CORRUPT', key, affects: [] }])
  })

  test('a node that does not add up to what a tree says of it', async () => {
    const store = await memoryStore()
    const rows = await nodeOf(store, ['1\n', '2\n'])
    for (const wrong of [{ sizeBytes: 5 }, { rowCount: 1 }, { chunkCount: 1 }]) {
      await pointMainAtTreeOf(store, { ...rows, ...wrong })
    }
    const findings = await findingsOf(store)

    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['MANIFEST_TOTALS_WRONG']))
    expect(findings.map(({ objectId }) => objectId)).toEqual(Array(3).fill(rows.rootId))
  })

  test('a chunk that is not as long as its node says', async () => {
    const store = await memoryStore()
    const writer = store.objects.newWriter({ compressionThreads: 0 })
    const id = await writer.put('chunk', Buffer.from('1\n'))
    const node = { level: 0 as const, chunks: [{ id, sizeBytes: 3, rowCount: 1 }] }
    const rootId = await writer.put('metadata', encodeManifestNode(node))
    await writer.flush()
    await pointMainAtTreeOf(store, { rootId, sizeBytes: 3, rowCount: 1, chunkCount: 1 })

    expect(await findingsOf(store)).toMatchObject([{ code: 'MANIFEST_TOTALS_WRONG', objectId: id }])
  })

  test('a chunk that ends inside a row', async () => {
    const store = await memoryStore()
    const commitId = await commitToMain(store, { users: ['1\n2', '3\n'] })
    const objectId = objectIdOf(Buffer.from('1\n2'))
    const { packKey: key } = (await store.objects.findEntry(objectId))!

    expect(await findingsOf(store)).toMatchObject([
      { code: 'CHUNK_ENDS_INSIDE_ROW', severity: 'must', key, objectId, affects: [commitId] },
    ])
  })

  test('chunks in the middle of a row, and whole rows, are as they should be', async () => {
    const store = await memoryStore()
    await pointMainAtTreeOf(store, await nodeOf(store, ['begun ', 'and ended\n', '1\n2\n']))
    expect(await findingsOf(store)).toEqual([])
  })

  test('a tree where a node should be', async () => {
    const store = await memoryStore()
    const rows = await nodeOf(store, ['1\n'])
    const treeId = await putTree(store, rows)
    await pointMainAtTreeOf(store, { ...rows, rootId: treeId })

    expect(await findingsOf(store)).toMatchObject([{ code: 'OBJECT_INVALID', objectId: treeId }])
  })

  test('a ref that points at a tree', async () => {
    const store = await memoryStore()
    const treeId = await putTree(store, await nodeOf(store, []))
    await moveMain(store, treeId)

    expect(await findingsOf(store)).toMatchObject([{ code: 'OBJECT_INVALID', objectId: treeId }])
  })
})

describe('damage to refs and small files', () => {
  test('a lost store file', async () => {
    const store = await memoryStore()
    await store.backend.remove('format')

    expect(await findingsOf(store)).toMatchObject([{ code: 'FORMAT_CORRUPT', key: 'format' }])
  })

  test('a lost HEAD', async () => {
    const store = await memoryStore()
    await store.backend.remove('HEAD/0000000001')

    expect(await codesOf(store)).toEqual(['HEAD_MISSING'])
  })

  test('a record lost from the middle of a series', async () => {
    const store = await memoryStore()
    for (const i of [1, 2, 3]) await commitToMain(store, { users: [`${i}\n`] })
    await store.backend.remove('refs/heads/main/0000000002')

    expect(await findingsOf(store)).toMatchObject([
      { code: 'REF_SEQUENCE_BROKEN', key: 'refs/heads/main/0000000003' },
    ])
  })

  test('a record that does not begin where the one before ended', async () => {
    const store = await memoryStore()
    const first = await commitToMain(store, { users: ['1\n'] })
    const second = await commitToMain(store, { users: ['2\n'] })
    await replaceRecord(store, { sequence: 2, oldId: second, newId: first })

    expect(await findingsOf(store)).toMatchObject([
      { code: 'REF_SEQUENCE_BROKEN', key: 'refs/heads/main/0000000002' },
    ])
  })

  test('a sound record in the place of another', async () => {
    const store = await memoryStore()
    await commitToMain(store, { users: ['1\n'] })
    const record = await store.backend.read('refs/heads/main/0000000001')
    await store.backend.create('refs/heads/other/0000000001', [record])

    expect(await findingsOf(store)).toMatchObject([
      { code: 'REF_CORRUPT', key: 'refs/heads/other/0000000001' },
    ])
  })

  test('a lost commit that only a reflog names', async () => {
    const store = await memoryStore()
    const first = await writeCommit(store, { users: ['1\n'] })
    await moveMain(store, first)
    const second = await writeCommit(store, { users: ['2\n'] }, { parentIds: [] })
    await moveMain(store, second)
    await removePackOf(store, first)

    expect(await findingsOf(store)).toContainEqual(
      expect.objectContaining({ code: 'OBJECT_MISSING', objectId: first, affects: [first] }),
    )
  })

  test('names that exclude each other, and a key that is no part of a store, are not grave', async () => {
    const store = await memoryStore()
    const commitId = await commitToMain(store, { users: ['1\n'] })
    await store.backend.create('refs/heads/main/x/0000000001', [
      encodeRefRecord(moveRecord({ refName: 'refs/heads/main/x', newId: commitId })),
    ])
    await store.backend.create('packs/notes.txt', [Buffer.from('hello')])

    expect(await findingsOf(store)).toMatchObject([
      { code: 'REF_NAME_CONFLICT', severity: 'should' },
      { code: 'KEY_UNKNOWN', severity: 'should', key: 'packs/notes.txt' },
    ])
  })

  test('what is no store at all is not a damaged one', async () => {
    await expect(fsck(new MemoryBackend())).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  })
})

test('progress is told in bytes of packs, up to all of them', async () => {
  const store = await memoryStore()
  await commitToMain(store, { users: ['1\n'] })
  const events: SnapEvent[] = []
  const { totals } = await fsck(store.backend, { reporter: (event) => events.push(event) })

  expect(events[0]).toEqual({ kind: 'phaseStarted', phase: 'fsck' })
  expect(events.at(-1)).toEqual({
    kind: 'objectsChecked',
    objectCount: totals.objectCount,
    sizeBytes: totals.sizeBytes,
    totalSizeBytes: totals.sizeBytes,
  })
})

test('fsck stops when it is asked to', async () => {
  const store = await memoryStore()
  await commitToMain(store, { users: ['1\n'] })

  await expect(fsck(store.backend, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
    data: { operation: 'fsck' },
  })
})

test('fsck changes nothing', async () => {
  const store = await memoryStore()
  await commitToMain(store, { users: ['1\n'] })
  const before = await keysOf(store.backend)
  await fsck(store.backend)

  expect(await keysOf(store.backend)).toEqual(before)
})

function flip(bytes: Uint8Array, offset: number): Uint8Array {
  return bytes.map((byte, i) => (i === offset ? byte ^ 1 : byte))
}

async function removePackOf(store: Store, id: ObjectId): Promise<void> {
  await store.backend.remove((await store.objects.findEntry(id))!.packKey)
}

async function nodeOf(store: Store, chunks: string[]): Promise<ManifestRef> {
  const commitId = await writeCommit(store, { t: chunks })
  const { treeId } = await store.objects.readCommit(commitId)
  return (await store.objects.readTree(treeId)).tables[0]!.rows!
}

async function putTree(store: Store, rows: ManifestRef): Promise<ObjectId> {
  const template = await writeCommit(store, { t: [] })
  const { treeId } = await store.objects.readCommit(template)
  const tree = await store.objects.readTree(treeId)
  const table = { ...tree.tables[0]!, rows }
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const id = await writer.put('metadata', encodeTree({ ...tree, tables: [table] }))
  await writer.flush()
  return id
}

async function pointMainAtTreeOf(store: Store, rows: ManifestRef): Promise<void> {
  const template = await store.objects.readCommit(await writeCommit(store, { t: [] }))
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const commit = encodeCommit({ ...template, treeId: await putTree(store, rows) })
  const id = await writer.put('metadata', commit)
  await writer.flush()
  await moveMain(store, id)
}

async function moveMain(store: Store, next: ObjectId): Promise<void> {
  const expected = (await store.refs.find('refs/heads/main')) ?? null
  const reason = { kind: 'commit', message: '' } as const
  await store.refs.move({ name: 'refs/heads/main', expected, next, reason, author: ada, at: noon })
}

function moveRecord(fields: Partial<RefRecord>): RefRecord {
  return {
    refName: 'refs/heads/main',
    sequence: 1,
    oldId: null,
    newId: null,
    oldTargetRef: null,
    newTargetRef: null,
    at: noon.toISOString(),
    author: ada,
    reason: { kind: 'commit', message: '' },
    ...fields,
  }
}

async function replaceRecord(store: Store, fields: Partial<RefRecord>): Promise<void> {
  const key = `refs/heads/main/${String(fields.sequence).padStart(10, '0')}`
  await damage(store.backend, key, () => encodeRefRecord(moveRecord(fields)))
}
