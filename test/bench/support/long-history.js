/**
 * A store as years of commits leave it: every commit is one of a database with many tables of which
 * one has changed, and has been written by a process of its own, into packs of its own.
 */
import { encodeCommit } from '../../../dist/src/format/commit.js'
import { encodeJsonLine } from '../../../dist/src/format/json-lines.js'
import { encodeTree } from '../../../dist/src/format/tree.js'
import { initStore, LocalBackend } from '../../../dist/src/index.js'
import { ManifestWriter } from '../../../dist/src/objects/manifest-writer.js'

const AUTHOR = { name: 'Ada', email: 'ada@example.org' }
const COLUMNS = ['id', 'name', 'version', 'created_at', 'updated_at']
const EVERYTHING = {
  tables: [],
  excludeTables: [],
  excludeTableData: [],
  schemas: [],
  excludeSchemas: [],
}

/** @param {import('../../../src/objects/object-sink.ts').ObjectSink} sink @param {string[]} rows */
async function putRows(sink, rows) {
  const manifest = new ManifestWriter(sink)
  if (rows.length > 0) {
    const bytes = Buffer.from(rows.join(''))
    const id = await sink.put('chunk', bytes)
    await manifest.add({ id, sizeBytes: bytes.length, rowCount: rows.length })
  }
  return manifest.finish()
}

/** @param {import('../../../src/objects/object-sink.ts').ObjectSink} sink @param {readonly unknown[]} values */
const putLines = (sink, values) =>
  putRows(
    sink,
    values.map((value) => Buffer.from(encodeJsonLine(value)).toString()),
  )

/** @param {{ name: string }} table */
const schemaEntryOf = ({ name }) => ({
  definition: `CREATE TABLE public.${name} (\n    ${COLUMNS.map((column) => `${column} text`).join(',\n    ')}\n);\n`,
  dropStatement: `DROP TABLE public.${name};\n`,
  kind: 'TABLE',
  name,
  namespace: 'public',
  owner: 'ada',
  section: 'preData',
  tableAccessMethod: 'heap',
  tablespace: '',
})

/** @param {number} table @param {number} version */
const rowsOf = (table, version) =>
  Array.from({ length: 20 }, (_, i) => `${i}\trow ${i} of table ${table}\t${version}\n`)

/** @param {number} table */
const tableName = (table) => `table_with_a_usual_name_${String(table).padStart(5, '0')}`

/**
 * @param {string} directory
 * @param {{ commitCount: number, tableCount: number }} size
 */
export async function makeLongHistory(directory, { commitCount, tableCount }) {
  const backend = await LocalBackend.create(directory)
  const store = await initStore(backend, { author: AUTHOR })
  /** @type {import('../../../src/format/values.ts').TableEntry[]} */
  const tables = []
  /** @type {import('../../../src/format/values.ts').ObjectId | null} */
  let head = null
  for (let n = 0; n < commitCount; n++) {
    const writer = store.objects.newWriter({ compressionThreads: 0 })
    const changed = n === 0 ? [...Array(tableCount).keys()] : [(n * 7919) % tableCount]
    for (const table of changed) {
      tables[table] = {
        namespace: 'public',
        name: tableName(table),
        columns: COLUMNS,
        extension: null,
        rows: await putRows(writer, rowsOf(table, n)),
      }
    }
    const empty = await putRows(writer, [])
    const schema = await putLines(writer, tables.map(schemaEntryOf))
    const catalog = await putLines(
      writer,
      tables.map((_, entry) => ({
        classOid: 1259,
        columns: COLUMNS,
        dependsOn: [],
        entry,
        oid: 16384 + entry,
      })),
    )
    const tree = {
      schema,
      tables,
      materializedViews: [],
      sequences: empty,
      largeObjects: { metadata: empty, pages: empty },
    }
    const at = new Date(Date.UTC(2025, 0, 1) + n * 3_600_000)
    const commitId = await writer.put(
      'metadata',
      encodeCommit({
        treeId: await writer.put('metadata', encodeTree(tree)),
        parentIds: head === null ? [] : [head],
        purpose: 'user',
        message: `commit ${n}`,
        author: AUTHOR,
        createdAt: at.toISOString(),
        database: {
          name: 'shop',
          oid: 16384,
          systemIdentifier: '7312345678901234567',
          serverVersion: '18.4',
          serverVersionNumber: 180004,
          encoding: 'UTF8',
          collate: 'C.UTF-8',
          ctype: 'C.UTF-8',
          lsn: '0/16B3748',
          snapshotAt: at.toISOString(),
        },
        tools: { snap: '0.1.0', pgDump: '18.4' },
        selection: EVERYTHING,
        catalog,
        notCaptured: [],
        migrations: [],
        git: null,
      }),
    )
    await writer.flush()
    await writer.close()
    await store.refs.move({
      name: 'refs/heads/main',
      expected: head,
      next: commitId,
      reason: { kind: 'commit', message: `commit ${n}` },
      author: AUTHOR,
      at,
    })
    head = commitId
  }
  await store.close()
}
