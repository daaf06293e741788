/**
 * What changing single rows of a table costs beside loading all of them, by how many changed.
 *
 * Prints one JSON line a table size: seconds of loading (truncate, drop the indexes of a large
 * table, copy, build them), of changing each share of the rows as a checkout does, and of one
 * UPDATE by hand that changes an indexed column of as many, best of a few runs. The table has a key and two more indexes. Needs `npm run build`.
 *
 *   node test/bench/row-delta.js [--kibibytes 64,256,1024,16384,65536] [--runs 3] [--package postgres-18]
 */
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'
import { openSession, resolveDatabaseAddress } from '../../dist/src/index.js'
import { applyRowDelta } from '../../dist/src/restore/apply-row-delta.js'

const { values } = parseArgs({
  options: {
    kibibytes: { type: 'string', default: '64,256,1024,16384,65536' },
    runs: { type: 'string', default: '3' },
    package: { type: 'string', default: 'embedded-postgres' },
  },
})

/** As `planSurgery` decides: from here on indexes are built after the rows. */
const LARGE_TABLE_BYTES = 1024 * 1024
const BYTES_PER_ROW = 100
const SHARES = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1]
const COLUMNS = ['id', 'customer', 'amount', 'note']
const CREATE_INDEXES = [
  'ALTER TABLE public.t ADD PRIMARY KEY (id)',
  'CREATE INDEX by_customer ON public.t (customer, amount)',
  'CREATE INDEX by_note ON public.t (note)',
]
const DROP_INDEXES = [
  'ALTER TABLE public.t DROP CONSTRAINT t_pkey',
  'DROP INDEX public.by_customer',
  'DROP INDEX public.by_note',
]

/** @param {number} id @param {number} version */
const rowOf = (id, version) =>
  `${id}\t${(id * 31) % 1000}\t${((id * 7919) % 100000) / 100 + version}\t${'the quick brown fox '.slice(id % 20)}jumps over the lazy dog, ${(id * 7919) % 1000003} times`

/** @param {string[]} rows */
async function* bytesOf(rows) {
  for (let i = 0; i < rows.length; i += 500) {
    yield Buffer.from(`${rows.slice(i, i + 500).join('\n')}\n`, 'latin1')
  }
}

/** @param {number} runs @param {() => Promise<void>} prepare @param {() => Promise<void>} work */
async function bestOf(runs, prepare, work) {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    await prepare()
    const startedAt = performance.now()
    await work()
    best = Math.min(best, (performance.now() - startedAt) / 1000)
  }
  return Number(best.toFixed(4))
}

const server = await startEmbeddedPostgres({
  packageName: values.package,
  settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
})
try {
  const address = await resolveDatabaseAddress({
    url: server.url('postgres'),
    environment: {},
    workingDirectory: '/',
    homeDirectory: '/',
    userName: 'postgres',
  })
  const session = await openSession(address)
  /** @param {string[]} statements */
  const run = async (statements) => {
    for (const statement of statements) await session.execute(statement)
  }
  /** @param {() => Promise<void>} work */
  const inTransaction = async (work) => {
    await session.execute('BEGIN')
    await work()
    await session.execute('COMMIT')
  }
  const table = { namespace: 'public', name: 't', columns: COLUMNS, extension: null, rows: null }
  for (const kibibytes of values.kibibytes.split(',').map(Number)) {
    const rowCount = Math.round((kibibytes * 1024) / BYTES_PER_ROW)
    const original = Array.from({ length: rowCount }, (_, id) => rowOf(id, 0))
    const copy = () => session.copyIn('COPY public.t FROM STDIN', bytesOf(original))
    await run([
      'DROP TABLE IF EXISTS public.t',
      'CREATE TABLE public.t (id int, customer int, amount numeric, note text)',
    ])
    await copy()
    await run([...CREATE_INDEXES, 'VACUUM ANALYZE public.t'])
    const isLarge = kibibytes * 1024 >= LARGE_TABLE_BYTES
    const load = async () => {
      await run(['TRUNCATE ONLY public.t', ...(isLarge ? DROP_INDEXES : [])])
      await copy()
      if (isLarge) await run(CREATE_INDEXES)
    }
    const runs = Number(values.runs)
    const loadSeconds = await bestOf(
      runs,
      async () => {},
      () => inTransaction(load),
    )
    /** @type {Record<string, number>} */
    const changeSeconds = {}
    /** @type {Record<string, number>} */
    const byHandSeconds = {}
    const freshly = async () => {
      await inTransaction(load)
      await run(['VACUUM ANALYZE public.t'])
    }
    for (const share of SHARES) {
      const ids = Array.from({ length: Math.max(1, Math.round(rowCount * share)) }, (_, i) =>
        Math.floor(i / share),
      ).filter((id) => id < rowCount)
      const delta = {
        keyColumns: ['id'],
        deletedKeys: ids.map(String),
        insertedRows: ids.map((id) => rowOf(id, 0)),
        updatedCount: ids.length,
      }
      changeSeconds[`${share * 100} %`] = await bestOf(runs, freshly, () =>
        inTransaction(() => applyRowDelta(session, table, delta)),
      )
      const byHand = `UPDATE public.t SET amount = amount + 1 WHERE id % ${Math.round(1 / share)} = 0`
      byHandSeconds[`${share * 100} %`] = await bestOf(runs, freshly, () => run([byHand]))
    }
    process.stdout.write(
      `${JSON.stringify({ kibibytes, rowCount, loadSeconds, changeSeconds, byHandSeconds })}\n`,
    )
  }
  await session.close()
} finally {
  await server.stop()
}
