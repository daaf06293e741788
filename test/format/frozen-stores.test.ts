import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { encodeStoreFile } from '../../src/format/store-file.ts'
import { encodeTextRecord } from '../../src/format/text-record.ts'
import type { CommittedSource } from '../../src/format/values.ts'
import { walkCommits } from '../../src/history/walk-commits.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { readRows } from '../../src/objects/walk-manifest.ts'
import { readHead } from '../../src/refs/head.ts'
import { listSourceFiles, readSourceFile, readSourceOutput } from '../../src/sources/read-source.ts'
import { openStore, type Store } from '../../src/store.ts'
import { noon } from '../support/store.ts'

/*
 * Stores written by earlier versions, byte for byte. They are added to and never
 * written again: what is in them was committed by someone.
 */
const frozen = fileURLToPath(new URL('../../fixtures/stores/v1', import.meta.url))

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snap-frozen-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

test.each(['small', 'sources', 'deltas'])(
  'the frozen store %s opens, is sound, and holds what it held',
  async (name) => {
    await cp(join(frozen, name), directory, { recursive: true })
    const expected = JSON.parse(await readFile(join(directory, 'expected.json'), 'utf8'))
    const backend = await LocalBackend.open(join(directory, 'store'))
    const store = await openStore(backend)

    expect((await fsck(backend)).findings).toEqual([])
    expect(await readHead(store.refs)).toEqual(expected.head)
    const refs: Record<string, string> = {}
    for await (const ref of store.refs.list('refs/')) refs[ref.name] = ref.id
    expect(refs).toEqual(expected.refs)

    const log = []
    for await (const { id, commit } of walkCommits(store, [expected.head.id])) {
      const tables: Record<string, string> = {}
      for (const table of (await store.objects.readTree(commit.treeId)).tables) {
        let rows = ''
        for await (const bytes of readRows(store.objects, table.rows!)) rows += Buffer.from(bytes)
        tables[`${table.namespace}.${table.name}`] = rows
      }
      const sources = await Promise.all(
        (commit.sources ?? []).map((each) => readWhole(store, each)),
      )
      const { treeId, message } = commit
      log.push({ id, treeId, message, tables, ...(sources.length === 0 ? {} : { sources }) })
    }
    expect(log).toEqual(expected.log)
  },
)

test('every frozen store is opened above', async () => {
  expect((await readdir(frozen)).sort()).toEqual(['deltas', 'small', 'sources'])
})

/** A source with the bytes of all its files, or of what its command wrote, in latin1. */
async function readWhole({ objects }: Store, source: CommittedSource) {
  const textOf = async (pieces: AsyncIterable<Uint8Array>) => {
    let text = ''
    for await (const bytes of pieces) text += Buffer.from(bytes).toString('latin1')
    return text
  }
  if (source.kind === 'command') {
    return { ...source, output: await textOf(readSourceOutput(objects, source)) }
  }
  const files = []
  for await (const file of listSourceFiles(objects, source, '')) {
    const contents = await textOf(readSourceFile(objects, source, file))
    files.push(file.entry.kind === 'file' ? { ...file.entry, contents } : file.entry)
  }
  const { entries: _entries, contents: _contents, ...settings } = source
  return { ...settings, files }
}

test('a store of a later version is refused by code, and not called damaged', async () => {
  const value = { storeId: '0'.repeat(32), createdAt: noon.toISOString(), features: [] }
  const backend = await storeWith(encodeTextRecord('store', 2, { ...value, news: 'unknown' }))

  const refusal = { code: 'FORMAT_UNSUPPORTED', data: { expected: 'store 1', found: 'store 2' } }
  await expect(openStore(backend)).rejects.toMatchObject(refusal)
  await expect(fsck(backend)).rejects.toMatchObject(refusal)
})

test('a store that uses an unknown feature is refused, and the feature named', async () => {
  const value = { storeId: '0'.repeat(32), createdAt: noon.toISOString(), features: ['encrypted'] }
  const backend = await storeWith(encodeStoreFile(value))

  await expect(openStore(backend)).rejects.toMatchObject({
    code: 'FORMAT_UNSUPPORTED',
    message: expect.stringContaining("'encrypted'"),
    data: { found: 'encrypted' },
  })
})

test('a damaged version number is called damaged, and not a later version', async () => {
  const value = { storeId: '0'.repeat(32), createdAt: noon.toISOString(), features: [] }
  const bytes = Buffer.from(encodeStoreFile(value))
  bytes.write('2', 'snap store '.length)
  const backend = await storeWith(bytes)

  await expect(openStore(backend)).rejects.toMatchObject({
    code: 'STORE_CORRUPT',
    data: { key: 'format' },
  })
  expect((await fsck(backend)).findings.map(({ code, key }) => ({ code, key }))).toEqual([
    { code: 'HEAD_MISSING', key: undefined },
    { code: 'FORMAT_CORRUPT', key: 'format' },
  ])
})

async function storeWith(storeFile: Uint8Array): Promise<MemoryBackend> {
  const backend = new MemoryBackend()
  await backend.create('format', [storeFile])
  return backend
}
