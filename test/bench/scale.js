/**
 * What a very large store costs, by simulation: the indexes of its packs are made, and none of its bytes.
 *
 * Prints one JSON line a question: seconds, and resident memory once it is answered. Lookup and the
 * planning of gc are asked of 10^7 objects in packs of 1,400 each, which is what 1 TB of tables
 * comes to; reading a history of a real store on disk, of commits with many tables; and the decoding of one commit of
 * 10^5 tables. Needs `npm run build`.
 *
 *   node test/bench/scale.js [--small]
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { encodePackEnd } from '../../dist/src/format/pack.js'
import { decodeTree, encodeTree } from '../../dist/src/format/tree.js'
import { fsck, LocalBackend, openStore, readHead, walkCommits } from '../../dist/src/index.js'
import { ObjectIndex } from '../../dist/src/objects/object-index.js'
import { ObjectMarks } from '../../dist/src/objects/object-marks.js'
import { makeLongHistory } from './support/long-history.js'

const { values } = parseArgs({ options: { small: { type: 'boolean', default: false } } })
const size = values.small
  ? { objectCount: 100_000, commitCount: 50, tableCount: 50, widestTableCount: 1_000 }
  : { objectCount: 10_000_000, commitCount: 10_000, tableCount: 100, widestTableCount: 100_000 }

const OBJECTS_PER_PACK = 1_400
const STORED_BYTES = 22_000
const LOOKUP_COUNT = 100_000

/** Ids that are the same each time, and spread as hashes are. @param {number} number */
const idOf = (number) =>
  /** @type {import('../../src/format/values.ts').ObjectId} */ (
    createHash('sha256').update(String(number)).digest('hex')
  )

/**
 * @param {string} question
 * @param {() => Promise<object> | object} answer  what else is told of it
 */
async function measure(question, answer) {
  const startedAt = performance.now()
  const { user, system } = process.cpuUsage()
  const found = await answer()
  const cpu = process.cpuUsage({ user, system })
  const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(2))
  const cpuSeconds = Number(((cpu.user + cpu.system) / 1e6).toFixed(2))
  const residentMegabytes = Math.round(process.memoryUsage().rss / 1e6)
  const line = { question, seconds, cpuSeconds, residentMegabytes, ...found }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** @param {number} firstNumber @param {number} count */
function newPackIndex(firstNumber, count) {
  const entries = Array.from({ length: count }, (_, i) => ({
    id: idOf(firstNumber + i),
    kind: /** @type {const} */ ('chunk'),
    encoding: /** @type {const} */ ('zstd'),
    storedSizeBytes: STORED_BYTES,
    sizeBytes: 3 * STORED_BYTES,
    offsetBytes: 12 + i * (STORED_BYTES + 46),
  }))
  return encodePackEnd(entries, randomBytes(16)).index
}

const index = new ObjectIndex()
await measure('making the indexes of all packs', () => {
  for (let number = 0; number < size.objectCount; number += OBJECTS_PER_PACK) {
    index.addPack(newPackIndex(number, Math.min(OBJECTS_PER_PACK, size.objectCount - number)))
  }
  return { objectCount: index.objectCount, packCount: index.packCount }
})
await measure('looking up objects', () => {
  let foundCount = 0
  for (let i = 0; i < LOOKUP_COUNT; i++) {
    // Half of them are not there.
    const number = (i * 7919) % (2 * size.objectCount)
    foundCount += [...index.find(idOf(number))].length
  }
  return { lookupCount: LOOKUP_COUNT, foundCount }
})
await measure('planning a collection that keeps nine tenths', () => {
  const marks = new ObjectMarks(index)
  for (let number = 0; number < size.objectCount; number++) {
    if (number % 10 !== 0) marks.mark(idOf(number), 'chunk')
  }
  const keptCount = marks
    .packs()
    .reduce((sum, { packKey }) => sum + marks.countEntries(packKey).markedCount, 0)
  return { keptCount }
})
await measure('encoding and decoding the tree of a database with very many tables', () => {
  const rows = { chunkCount: 1, rootId: idOf(1), rowCount: 1, sizeBytes: 1 }
  const tables = Array.from({ length: size.widestTableCount }, (_, i) => ({
    namespace: 'public',
    name: `table_${String(i).padStart(6, '0')}`,
    columns: ['id', 'name', 'created_at'],
    extension: null,
    rows,
  }))
  const bytes = encodeTree({
    schema: rows,
    tables,
    materializedViews: [],
    sequences: rows,
    largeObjects: { metadata: rows, pages: rows },
  })
  return { tableCount: decodeTree(bytes).tables.length, sizeBytes: bytes.length }
})

const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
try {
  const { commitCount, tableCount } = size
  await measure('making a long history', async () => {
    await makeLongHistory(directory, { commitCount, tableCount })
    return { commitCount, tableCount }
  })
  await measure('walking all of it', async () => {
    const backend = await LocalBackend.open(directory)
    const store = await openStore(backend)
    const { id } = await readHead(store.refs)
    let walkedCount = 0
    for await (const _ of walkCommits(store, id === null ? [] : [id])) walkedCount++
    await backend.close()
    return { walkedCount }
  })
  await measure('checking all of it', async () => {
    const backend = await LocalBackend.open(directory)
    const { findings, totals } = await fsck(backend)
    await backend.close()
    return { findingCount: findings.length, ...totals }
  })
} finally {
  rmSync(directory, { recursive: true, force: true })
}
