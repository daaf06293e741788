/**
 * What comparing two states of one table costs beside reading both of them.
 *
 * Prints one JSON line a shape: seconds, processor seconds and peak resident memory of the
 * comparison, and of reading every chunk of both sides, each in a process of its own. Needs `npm run build`; no server.
 *
 *   node test/bench/diff.js [--rows 3000000] [--shape 'all updated']
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LocalBackend } from '../../dist/src/backend/local-backend.js'
import { RowChunker } from '../../dist/src/chunker/row-chunker.js'
import { diffStates } from '../../dist/src/index.js'
import { ManifestWriter } from '../../dist/src/objects/manifest-writer.js'
import { ObjectDatabase } from '../../dist/src/objects/object-database.js'
import { readRows } from '../../dist/src/objects/walk-manifest.js'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '3000000' },
    shape: { type: 'string' },
    /** Of the processes that measure: what to do, where, with which streams. */
    measure: { type: 'string' },
    directory: { type: 'string', default: '' },
    streams: { type: 'string', default: '' },
  },
})
const rowCount = Number(values.rows)

/** @typedef {(emit: (id: number, version: number) => void) => void} Rows */

/** A step that visits every position once, in no order that the heap or the key has. */
const STRIDE = 1_299_709

/** The rows of the state before; every shape but the last has a key. @type {Rows} */
const original = (emit) => {
  for (let id = 0; id < rowCount; id++) emit(id, 0)
}

/** The state after, by shape. @type {Readonly<Record<string, Rows>>} */
const SHAPES = {
  unchanged: original,
  'all updated': (emit) => {
    for (let id = 0; id < rowCount; id++) emit(id, 1)
  },
  'all updated, other order': (emit) => {
    for (let i = 0; i < rowCount; i++) emit((i * STRIDE) % rowCount, 1)
  },
  'none updated, other order': (emit) => {
    for (let i = 0; i < rowCount; i++) emit((i * STRIDE) % rowCount, 0)
  },
  '1 % updated in place': (emit) => {
    for (let id = 0; id < rowCount; id++) emit(id, id % 100 === 0 ? 1 : 0)
  },
  '1 % updated, moved to the end': (emit) => {
    for (let id = 0; id < rowCount; id++) if (id % 100 !== 0) emit(id, 0)
    for (let id = 0; id < rowCount; id += 100) emit(id, 1)
  },
  '30 % updated, moved to the end': (emit) => {
    for (let id = 0; id < rowCount; id++) if (id % 10 >= 3) emit(id, 0)
    for (let id = 0; id < rowCount; id++) if (id % 10 < 3) emit(id, 1)
  },
  '10 % appended': (emit) => {
    for (let id = 0; id < rowCount * 1.1; id++) emit(id, 0)
  },
  'every tenth deleted': (emit) => {
    for (let id = 0; id < rowCount; id++) if (id % 10 !== 0) emit(id, 0)
  },
  'all updated, no key': (emit) => {
    for (let id = 0; id < rowCount; id++) emit(id, 1)
  },
  '1 % updated, moved to the end, no key': (emit) => {
    for (let id = 0; id < rowCount; id++) if (id % 100 !== 0) emit(id, 0)
    for (let id = 0; id < rowCount; id += 100) emit(id, 1)
  },
}

const COLUMNS = ['id', 'customer', 'amount', 'at', 'status', 'note']

/** About 100 bytes. @param {number} id @param {number} version */
const formatRow = (id, version) =>
  `${id}\t${id % 1000}\t${((id * 7919) % 100000) / 100 + version}\t2024-01-01 00:00:${10 + (id % 50)}+00\tshipped\t${'the quick brown fox '.slice(id % 20)}jumps over the lazy dog ${id * 31}\n`

/** @param {ObjectDatabase} objects @param {Rows} rows */
async function store(objects, rows) {
  const writer = objects.newWriter()
  const manifest = new ManifestWriter(writer)
  const chunker = new RowChunker()
  /** @type {string[]} */
  const pieces = []
  let pending = ''
  rows((id, version) => {
    pending += formatRow(id, version)
    if (pending.length < 2 ** 20) return
    pieces.push(pending)
    pending = ''
  })
  pieces.push(pending)
  /** @param {Iterable<import('../../src/chunker/row-chunker.ts').RowChunk>} chunks */
  const put = async (chunks) => {
    for (const { bytes, rowCount } of chunks) {
      const sizeBytes = bytes.length
      await manifest.add({ id: await writer.put('chunk', bytes), sizeBytes, rowCount })
    }
  }
  for (const piece of pieces) await put(chunker.push(Buffer.from(piece, 'latin1')))
  await put(chunker.finish())
  const ref = await manifest.finish()
  await writer.flush()
  await writer.close()
  return ref
}

const KEY = {
  kind: 'CONSTRAINT',
  namespace: 'public',
  name: 't t_pkey',
  owner: null,
  section: 'postData',
  definition: 'ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n',
  dropStatement: null,
  tableAccessMethod: null,
  tablespace: null,
}

/** @param {'read' | 'diff'} what */
async function measure(what) {
  const objects = ObjectDatabase.open(await LocalBackend.open(values.directory))
  const { before, after, empty, isKeyed } = JSON.parse(values.streams)
  const startedAt = performance.now()
  let found = {}
  if (what === 'read') {
    for (const rows of [before, after]) for await (const _ of readRows(objects, rows));
  } else {
    /** @param {any} rows @returns {any} */
    const stateOf = (rows) => ({
      treeId: rows.rootId,
      schema: isKeyed ? [KEY] : [],
      facts: isKeyed ? [{ entry: 0, classOid: 0, oid: 0, dependsOn: [] }] : [],
      serverVersionNumber: 180000,
      tree: {
        tables: [{ namespace: 'public', name: 't', columns: COLUMNS, extension: null, rows }],
        materializedViews: [],
        sequences: empty,
        largeObjects: { metadata: empty, pages: empty },
      },
      objects,
    })
    const scratchDirectory = values.directory
    const { tables } = await diffStates(stateOf(before), stateOf(after), { scratchDirectory })
    found = tables[0]?.rows ?? {}
  }
  const seconds = (performance.now() - startedAt) / 1000
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6
  const peakResidentMegabytes = Math.round(maxRSS / 1024)
  process.stdout.write(JSON.stringify({ seconds, cpuSeconds, peakResidentMegabytes, ...found }))
}

async function measureAll() {
  const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
  try {
    const objects = ObjectDatabase.open(await LocalBackend.open(directory))
    const before = await store(objects, original)
    const empty = await store(objects, () => {})
    for (const [shape, rows] of Object.entries(SHAPES)) {
      if (values.shape !== undefined && values.shape !== shape) continue
      const after = await store(objects, rows)
      const streams = JSON.stringify({ before, after, empty, isKeyed: !shape.includes('no key') })
      /** @param {string} what */
      const run = (what) => {
        const args = ['--measure', what, '--directory', directory, '--streams', streams]
        const flags = process.execArgv
        const { stdout } = spawnSync('node', [...flags, fileURLToPath(import.meta.url), ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
          encoding: 'utf8',
        })
        return JSON.parse(stdout)
      }
      const read = run('read')
      const diff = run('diff')
      const ratio = Number((diff.cpuSeconds / read.cpuSeconds).toFixed(2))
      process.stdout.write(`${JSON.stringify({ shape, ratio, read, diff })}\n`)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

if (values.measure === 'read' || values.measure === 'diff') await measure(values.measure)
else await measureAll()
