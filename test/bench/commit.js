/**
 * What a commit costs beside the limit: `psql -c 'COPY … TO STDOUT' >/dev/null` of the same tables.
 *
 * Prints one JSON line: seconds of each run, ratios pair by pair and their medians, and the peak
 * resident memory of the committing process. Needs `npm run build` and psql. Of several tables, one
 * has rows changed before the last kind of commit.
 *
 *   node test/bench/commit.js [--megabytes 2048] [--pairs 3] [--tables 1]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './support/run-command.js'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '2048' },
    pairs: { type: 'string', default: '3' },
    tables: { type: 'string', default: '1' },
  },
})
// By name, so that the sources can be checked before anything is compiled.
const compiled = new URL('../../dist/cli/demo/embedded-postgres.js', import.meta.url).href
/** @type {typeof import('../../cli/demo/embedded-postgres.ts')} */
const { startEmbeddedPostgres } = await import(compiled)
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname

/** One row is about 200 bytes of COPY text: a key, two numbers, a time, and text that compresses threefold. */
const BYTES_PER_ROW = 200

const server = await startEmbeddedPostgres({
  settings: {
    shared_buffers: '512MB',
    max_wal_size: '8GB',
    summarize_wal: 'on',
    autovacuum: 'off',
  },
})
const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
try {
  const url = server.url('postgres')
  const tableNames = Array.from({ length: Number(values.tables) }, (_, i) => `t${i}`)
  const rowCount = Math.round(
    (Number(values.megabytes) * 2 ** 20) / BYTES_PER_ROW / tableNames.length,
  )
  for (const name of tableNames) {
    await run('psql', [
      url,
      '-qc',
      `CREATE TABLE ${name} AS SELECT g AS id, g % 1000 AS customer, (g::bigint * 7919) % 100000 / 100.0 AS amount,
      timestamptz '2024-01-01' + g * interval '17 s' AS at,
      md5(g::text) || ' the quick brown fox jumps over the lazy dog ' || md5((g / 3)::text) || repeat(' lorem ipsum', 2) AS note
      FROM generate_series(1, ${rowCount}) g`,
    ])
  }
  await run('psql', [url, '-qc', 'VACUUM ANALYZE'])
  await run('node', [program, 'init', '--database', url, '--no-gitignore'], { cwd: directory })

  const copies = tableNames.flatMap((name) => ['-c', `COPY ${name} TO STDOUT`])
  /** @param {string[]} flags */
  const commit = (...flags) =>
    run('node', [program, 'commit', '-q', '-m', 'bench', '--database', url, ...flags], {
      cwd: directory,
    })
  /** What precedes each measured commit, and how it reads. */
  const kinds = [
    { kind: 'first commit', flags: [] },
    ...Array.from({ length: Number(values.pairs) - 1 }, () => [
      { kind: 'unchanged, read in full', flags: ['--full'] },
      { kind: 'unchanged, by WAL summaries', flags: [], settles: true },
      {
        kind: '0.1 % changed in one place, by WAL summaries',
        flags: [],
        settles: true,
        changes: true,
      },
    ]).flat(),
  ]
  /** @type {{ kind: string, copySeconds: number, commitSeconds: number, ratio: number, peakResidentMegabytes: number }[]} */
  const pairs = []
  for (const [i, { kind, flags, settles, changes }] of kinds.entries()) {
    // The one that notes what the measured one goes by, and reads what the change before it touched.
    if (settles) await commit()
    if (changes) {
      const from = 1 + i * Math.ceil(rowCount / 1000)
      const to = from + Math.ceil((rowCount * tableNames.length) / 1000) - 1
      await run('psql', [
        url,
        '-qc',
        `UPDATE t0 SET customer = customer + 1 WHERE id BETWEEN ${from} AND ${to}`,
      ])
    }
    const copy = await run('psql', [url, '-q', ...copies])
    const measured = await commit(...flags)
    pairs.push({
      kind,
      copySeconds: copy.seconds,
      commitSeconds: measured.seconds,
      ratio: measured.seconds / copy.seconds,
      peakResidentMegabytes: measured.peakResidentMegabytes,
    })
  }
  const medians = Object.fromEntries(
    kinds.map(({ kind }) => {
      const ratios = pairs.flatMap((pair) => (pair.kind === kind ? [pair.ratio] : []))
      return [kind, ratios.sort((a, b) => a - b)[ratios.length >> 1]]
    }),
  )
  process.stdout.write(`${JSON.stringify({ ...values, rowCount, medians, pairs })}\n`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
