/**
 * What a rollback costs beside `pg_restore --clean -j2` of the same state.
 *
 * Everything is measured in turns, in one run; printed are medians as a table,
 * and as one JSON line on stderr. The floor is an unchanged commit: it starts the
 * program and reads the live state once, which every checkout has to. Needs
 * `npm run build`, psql, and pg_dump and pg_restore of the server's major or newer.
 *
 *   node test/bench/rollback.js [--megabytes 1024] [--tables 50] [--rounds 3] [--package postgres-15]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'
import { run as runMeasured } from './support/run-command.js'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1024' },
    tables: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '3' },
    package: { type: 'string', default: 'postgres-15' },
  },
})
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname

/** One row is about 200 bytes of COPY text. */
const BYTES_PER_ROW = 200

/** What a migration does, by name; each is rolled back by a checkout of the state before. */
const MIGRATIONS = {
  'nothing changed': 'SELECT 1',
  'a small table dropped': 'DROP TABLE small',
  'a column dropped from a mid-size table': 'ALTER TABLE t2 DROP COLUMN amount',
  "1 % of one table's rows updated": `UPDATE t1 SET note = 'changed' WHERE id % 100 = 0`,
}

/**
 * Runs a command to its end and returns the seconds it took.
 *
 * @param {Parameters<typeof runMeasured>} command
 */
const run = async (...command) => (await runMeasured(...command)).seconds

const server = await startEmbeddedPostgres({
  packageName: values.package,
  settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
})
const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
try {
  const url = server.url('postgres')
  const tableCount = Number(values.tables)
  const rowCount = Math.round((Number(values.megabytes) * 2 ** 20) / BYTES_PER_ROW / tableCount)
  /** @param {string} sql */
  const psql = (sql) => run('psql', [url, '-qc', sql])
  for (let i = 1; i <= tableCount; i++) {
    await psql(`CREATE TABLE t${i} AS SELECT g AS id, g % 1000 AS customer, (g::bigint * 7919) % 100000 / 100.0 AS amount,
      timestamptz '2024-01-01' + g * interval '17 s' AS at,
      md5(g::text) || ' the quick brown fox jumps over the lazy dog ' || md5((g / 3)::text) || repeat(' lorem ipsum', 2) AS note
      FROM generate_series(1, ${rowCount}) g;
      ALTER TABLE t${i} ADD PRIMARY KEY (id); CREATE INDEX ON t${i} (customer)`)
  }
  await psql(`CREATE TABLE small (id int PRIMARY KEY, t1_id int REFERENCES t1);
    INSERT INTO small SELECT g, g FROM generate_series(1, 1000) g`)
  await psql('VACUUM ANALYZE')

  /** @param {string[]} args */
  const snap = (...args) => run('node', [program, ...args, '--database', url], { cwd: directory })
  await snap('init', '--no-gitignore')
  await snap('commit', '-q', '-m', 'before')
  const archive = join(directory, 'archive')
  await run('pg_dump', ['-Fd', '-j2', '-f', archive, url])

  /** @type {Record<string, number[]>} */
  const seconds = {}
  /** @param {string} name @param {Promise<number>} measured */
  const note = async (name, measured) => {
    seconds[name] ??= []
    seconds[name].push(await measured)
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    await note('restore', run('pg_restore', ['--clean', '-j2', '-d', url, archive]))
    await psql('VACUUM ANALYZE')
    // The restored heap is in the archive's order: commit what is to come back.
    await snap('commit', '-q', '-m', 'restored')
    await note('floor', snap('commit', '-q', '-m', 'unchanged'))
    for (const [name, sql] of Object.entries(MIGRATIONS)) {
      await psql(sql)
      await note(name, snap('checkout', 'HEAD', '-y', '-q'))
    }
  }

  /** @param {string} name */
  const median = (name) => {
    const sorted = (seconds[name] ?? []).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  }
  const restore = median('restore')
  const floor = median('floor')
  const times = (/** @type {number} */ ratio) => `${ratio.toFixed(1)} ×`
  process.stdout.write(
    [
      '| rolled back | time | faster than pg_restore | beyond the floor |',
      '|---|---|---|---|',
      ...Object.keys(MIGRATIONS).map((name) => {
        const taken = median(name)
        const beyond = taken - floor
        return `| ${name} | ${taken.toFixed(2)} s | ${times(restore / taken)} | ${beyond.toFixed(2)} s: ${times(restore / Math.max(beyond, 0.01))} |`
      }),
      `| floor: the live state read once | ${floor.toFixed(2)} s | ${times(restore / floor)} | |`,
      `| pg_restore --clean -j2 | ${restore.toFixed(2)} s | | |`,
      '',
    ].join('\n'),
  )
  process.stderr.write(`${JSON.stringify({ ...values, rowCount, seconds })}\n`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
