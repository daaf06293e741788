import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/backend/memory-backend.ts'
import { decodeCommit } from '../../src/format/commit.ts'
import { parseFileName } from '../../src/format/file-name.ts'
import { decodeJsonLines, encodeJsonLine } from '../../src/format/json-lines.ts'
import { decodeLockRecord } from '../../src/format/lock-record.ts'
import { decodeManifestNode } from '../../src/format/manifest-node.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import { decodeOperationRecord } from '../../src/format/operation-record.ts'
import { packKeyOf } from '../../src/format/pack.ts'
import { decodeEntry } from '../../src/format/pack-entry.ts'
import { decodePrunedRecord } from '../../src/format/pruned-record.ts'
import { decodeRefRecord } from '../../src/format/ref-record.ts'
import { decodeStoreFile } from '../../src/format/store-file.ts'
import { checkCatalogFact, checkFileEntry } from '../../src/format/stream-entries.ts'
import { decodeTree } from '../../src/format/tree.ts'
import { FINDING_SEVERITIES } from '../../src/maintenance/finding.ts'
import { ObjectDatabase } from '../../src/objects/object-database.ts'
import { sketchOf } from '../../src/objects/sketch.js'

const page = readFileSync(new URL('../../store-format.md', import.meta.url), 'utf8')

const chunkId = '18aa4b82835fc7e4e9f18ffef777b6deaa71e7e8e75ca4b5a4ef5e0100cd1063'
const emptyRows = {
  rootId: 'c77777b2ce48daefcf177ecf4ee428ff8436159c77b76ea6a17c395efdab4ca8',
  sizeBytes: 0,
  rowCount: 0,
  chunkCount: 0,
}

/** What each worked example of the page must decode to. */
const examples: Record<string, (bytes: Uint8Array) => void | Promise<void>> = {
  'store-file': (bytes) =>
    expect(decodeStoreFile(bytes)).toEqual({
      storeId: '00112233445566778899aabbccddeeff',
      createdAt: '2026-01-31T12:00:00.000Z',
      features: [],
    }),
  'ref-record': (bytes) =>
    expect(decodeRefRecord(bytes, 'HEAD/0000000001')).toEqual({
      refName: 'HEAD',
      sequence: 1,
      oldId: null,
      newId: null,
      oldTargetRef: null,
      newTargetRef: 'refs/heads/main',
      at: '2026-01-31T12:00:00.000Z',
      author: { name: 'Ada', email: 'ada@example.org' },
      reason: { kind: 'init', message: 'init on main' },
    }),
  'lock-record': (bytes) =>
    expect(decodeLockRecord(bytes, 'locks/x')).toMatchObject({ pid: 4242, mode: 'shared' }),
  'pruned-record': (bytes) =>
    expect(decodePrunedRecord(bytes, 'pruned/0000000001')).toEqual({
      commits: [
        {
          id: '03c888d23ae23185b86f575ee09eb22e2cc9f10f3d6667c954f98aba77db55de',
          parentIds: [],
          prunedAt: '2026-02-28T02:00:00.000Z',
        },
      ],
    }),
  'operation-start': (bytes) =>
    expect(decodeOperationRecord('start', bytes, 'operations/0000000017.start')).toEqual({
      number: 17,
      command: 'run',
      arguments: ['run', '--', 'alembic', 'upgrade', 'head'],
      database: 'ada@localhost:5432/shop',
      withinNumber: null,
      user: 'ada',
      host: 'build-1',
      pid: 4242,
      processStart: null,
      startedAt: '2026-01-31T12:00:00.000Z',
    }),
  'pack-entry': (bytes) => {
    const { header, stored } = decodeEntry(bytes)
    expect(header).toEqual({
      id: chunkId,
      kind: 'chunk',
      encoding: 'raw',
      storedSizeBytes: 14,
      sizeBytes: 14,
    })
    expect(Buffer.from(stored).toString()).toBe('1\tada\n2\tgrace\n')
  },
  pack: async (bytes) => {
    const backend = new MemoryBackend()
    const [, packId] = /Its id is\s+`([0-9a-f]{64})`/.exec(page)!
    await backend.create(packKeyOf(packId as never), [bytes])
    const objects = ObjectDatabase.open(backend)
    const ids = await objects.idsWithPrefix('')
    const contents = await Promise.all(ids.map((id) => objects.readChunk(id)))
    expect(contents.map((content) => Buffer.from(content).toString())).toEqual([
      '1\tada\n2\tgrace\n',
      'a'.repeat(200),
    ])
  },
  'pack-of-deltas': async (bytes) => {
    const [, packId] = /as a delta on it\. Its id is\s+`([0-9a-f]{64})`/.exec(page)!
    const packKey = packKeyOf(packId as never)
    const backend = new MemoryBackend()
    await backend.create(packKey, [bytes])
    const objects = ObjectDatabase.open(backend)
    const rows = Buffer.from('1\tada\n2\tgrace\n3\tkay\n1\tada\n2\tgrace\n')
    const delta = await objects.findEntry(objectIdOf(rows))
    expect(delta).toMatchObject({
      encoding: 'delta',
      baseId: chunkId,
      lineage: { sketch: sketchOf(rows), generation: 1 },
    })
    expect(Buffer.from(await objects.readChunk(delta!.id))).toEqual(rows)
    expect(await objects.findEntry(chunkId as never)).toMatchObject({
      encoding: 'raw',
      baseId: undefined,
    })
  },
  commit: (bytes) => {
    const commit = decodeCommit(bytes)
    expect(commit).toMatchObject({ message: 'before step 6', parentIds: [], catalog: emptyRows })
    expect(commit.database.oid).toBe(16384)
    const line = /`(\{"classOid".*\})`/.exec(page)![1]!
    expect(Buffer.from(encodeJsonLine(checkCatalogFact(JSON.parse(line)))).toString()).toBe(
      `${line}\n`,
    )
    expect(page).toContain(`tree of an empty database; its id is \`${commit.treeId}\``)
    expect(page).toContain(`This one's id is \`${objectIdOf(bytes)}\``)
  },
  tree: (bytes) => {
    expect(decodeTree(bytes)).toEqual({
      schema: emptyRows,
      tables: [],
      materializedViews: [],
      sequences: emptyRows,
      largeObjects: { metadata: emptyRows, pages: emptyRows },
    })
    expect(page).toContain(`tree of an empty database; its id is \`${objectIdOf(bytes)}\``)
  },
  'file-entries': async (bytes) => {
    const pieces = (async function* () {
      yield bytes
    })()
    const entries = []
    for await (const entry of decodeJsonLines(pieces, checkFileEntry)) entries.push(entry)
    const modifiedAtUs = Date.parse('2026-01-31T12:00:00.000Z') * 1000
    const contentId = objectIdOf(Buffer.from('ada'))
    expect(entries).toEqual([
      { kind: 'directory', path: 'a', mode: 0o755, modifiedAtUs },
      {
        kind: 'file',
        path: 'a/\udce9t\udce9.txt',
        mode: 0o640,
        modifiedAtUs,
        sizeBytes: 3,
        contentId,
      },
      { kind: 'symlink', path: 'b', target: 'a' },
    ])
    expect(parseFileName(entries[1]!.path).toString('latin1')).toBe('a/été.txt')
  },
  'node-level-0': (bytes) => {
    expect(decodeManifestNode(bytes)).toMatchObject({
      level: 0,
      chunks: [
        { id: chunkId, sizeBytes: 14, rowCount: 2 },
        { sizeBytes: 9, rowCount: 1 },
      ],
    })
    expect(page).toContain(`Two chunks; the id of this node is \`${objectIdOf(bytes)}\``)
  },
  'node-level-1': (bytes) =>
    expect(decodeManifestNode(bytes)).toMatchObject({
      level: 1,
      children: [
        { sizeBytes: 23, rowCount: 3, chunkCount: 2 },
        { sizeBytes: 5_000_000_000, rowCount: 70_000_000, chunkCount: 76_294 },
      ],
    }),
}

test('the page has exactly the examples that are checked here', () => {
  expect(exampleNames().sort()).toEqual(Object.keys(examples).sort())
})

test.each(Object.entries(examples))('example %s decodes as the page says', async (name, check) => {
  await check(exampleBytes(name))
})

test('the page lists every finding of fsck with its weight, and no other', () => {
  const rows = [...page.matchAll(/^\| (must|should) \| .* \| `([A-Z_]+)` \|$/gm)]

  expect(Object.fromEntries(rows.map(([, severity, code]) => [code, severity]))).toEqual(
    FINDING_SEVERITIES,
  )
})

function exampleNames(): string[] {
  return [...page.matchAll(/^```hex ([a-z0-9-]+)$/gm)].map(([, name]) => name!)
}

function exampleBytes(name: string): Uint8Array {
  const block = page.split(`\`\`\`hex ${name}\n`)[1]!.split('\n```')[0]!
  const hex = block.split('\n').map((line) => line.split('|')[0])
  return Uint8Array.from(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex'))
}
