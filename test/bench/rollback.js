/**
 * What a rollback costs beside `pg_restore --clean -j2` of the same state.
 *
 * Prints one JSON line: seconds of each rollback, of pg_restore, their ratios,
 * and the floor: a commit of the unchanged database, which reads the live state
 * once, as every checkout does for its plan and again under its locks. Needs
 * `npm run build`, psql, and pg_dump and pg_restore of the server's major or newer.
 *
 *   node test/bench/rollback.js [--megabytes 1024] [--tables 50] [--package postgres-15]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1024' },
    tables: { type: 'string', default: '50' },
    package: { type: 'string', default: 'postgres-15' },
  },
})
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname

/** One row is about 200 bytes of COPY text. */
const BYTES_PER_ROW = 200

/** What a migration does, by name; each is rolled back by a checkout of the state before. */
const MIGRATIONS = {
  'one percent of a table updated': `UPDATE t1 SET note = 'changed' WHERE id % 100 = 0`,
  'a column of a mid-size table dropped': 'ALTER TABLE t2 DROP COLUMN amount',
  'a small table dropped': 'DROP TABLE small',
  nothing: 'SELECT 1',
}

/**
 * Runs a command to its end and returns the seconds it took.
 *
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<number>}
 */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === 0) resolve((performance.now() - startedAt) / 1000)
      else reject(new Error(`${command} exited ${code}`))
    })
  })
}

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
  const firstCommitSeconds = await snap('commit', '-q', '-m', 'before')
  const unchangedCommitSeconds = await snap('commit', '-q', '-m', 'again')

  const archive = join(directory, 'archive')
  await run('pg_dump', ['-Fd', '-j2', '-f', archive, url])
  const restoreSeconds = await run('pg_restore', ['--clean', '-j2', '-d', url, archive])
  // The restored heap is in the archive's order and has other free space: commit what is to come back.
  await snap('commit', '-q', '-m', 'restored')

  const rollbacks = []
  for (const [name, sql] of Object.entries(MIGRATIONS)) {
    await psql(sql)
    const seconds = await snap('checkout', 'HEAD', '-y', '-q')
    rollbacks.push({ name, seconds, ratio: restoreSeconds / seconds })
  }
  process.stdout.write(
    `${JSON.stringify({ ...values, rowCount, firstCommitSeconds, unchangedCommitSeconds, restoreSeconds, rollbacks })}\n`,
  )
} finally {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
