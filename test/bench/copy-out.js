/**
 * What it costs a client to read `COPY … TO STDOUT`, by our reader and by pg-copy-streams.
 *
 * Prints one JSON line a table: processor seconds a gigabyte of rows, best of a few runs taken by
 * turns, and their ratio. Needs `npm run build`.
 *
 *   node test/bench/copy-out.js [--megabytes 256] [--runs 3]
 */
import { parseArgs } from 'node:util'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'
import { CopyOutQuery, readCopyOut } from '../../dist/src/postgres/copy-out.js'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '256' },
    runs: { type: 'string', default: '3' },
  },
})

/** Rows of two numbers, of a line of text, and of a page. @type {Readonly<Record<string, { bytesPerRow: number, query: string }>>} */
const TABLES = {
  narrow: { bytesPerRow: 13, query: 'SELECT i, i % 1000' },
  middling: { bytesPerRow: 140, query: `SELECT i, md5(i::text), repeat('lorem ipsum ', 8)` },
  wide: { bytesPerRow: 4000, query: `SELECT i, repeat(md5(i::text), 124)` },
}

/** @param {() => AsyncIterable<Uint8Array>} read */
async function measure(read) {
  const before = process.cpuUsage()
  let sizeBytes = 0
  for await (const piece of read()) sizeBytes += piece.length
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6 / (sizeBytes / 2 ** 30)
}

const server = await startEmbeddedPostgres({ settings: { shared_buffers: '512MB' } })
const client = new pg.Client({ connectionString: server.url('postgres') })
try {
  await client.connect()
  for (const [name, { bytesPerRow, query }] of Object.entries(TABLES)) {
    const rowCount = Math.round((Number(values.megabytes) * 2 ** 20) / bytesPerRow)
    await client.query(
      `CREATE UNLOGGED TABLE ${name} AS ${query} FROM generate_series(1, ${rowCount}) i`,
    )
    const sql = `COPY ${name} TO STDOUT`
    /** @type {Record<string, () => AsyncIterable<Uint8Array>>} */
    const readers = {
      ours: () =>
        readCopyOut({
          query: new CopyOutQuery(sql),
          start: (query) => client.query(/** @type {any} */ (query)),
          cancel: async () => {},
        }),
      pgCopyStreams: () => client.query(copyTo(sql, { highWaterMark: 1 << 18 })),
    }
    /** @type {Record<string, number>} */
    const best = {}
    for (let run = 0; run < Number(values.runs); run++) {
      for (const [reader, read] of Object.entries(readers)) {
        best[reader] = Math.min(best[reader] ?? Number.POSITIVE_INFINITY, await measure(read))
      }
    }
    const ratio = (best.ours ?? Number.NaN) / (best.pgCopyStreams ?? Number.NaN)
    const cpuSecondsPerGigabyte = Object.fromEntries(
      Object.entries(best).map(([reader, seconds]) => [reader, Number(seconds.toFixed(2))]),
    )
    const line = { table: name, cpuSecondsPerGigabyte, ratio: Number(ratio.toFixed(2)) }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
} finally {
  await client.end()
  await server.stop()
}
