/**
 * What a database of many small tables costs, beside raw COPY of the same tables and beside pg_dump.
 *
 * Runs everything by turns, several rounds, and prints the medians as one table: time, that time over
 * the one of raw COPY by two connections, processor time of the client and peak resident memory.
 * With a latency, the server is as if so far away: then what
 * counts is how often one waits for it. Needs `npm run build`, psql, and Linux for memory; a
 * pg_dump older than the server is left out.
 *
 *   node test/bench/small-tables.js [--tables 5000] [--rows 100] [--rounds 3] [--latency-ms 0]
 *
 * `--rows` is of the largest small table; every `--large-every`th table (none when 0) has 100 times as many.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { quoteForShell, runShell } from './support/run-command.js'
import { openSlowSocket } from './support/slow-socket.js'

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '5000' },
    rows: { type: 'string', default: '100' },
    'large-every': { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
    'latency-ms': { type: 'string', default: '0' },
  },
})
const [tableCount = 0, rowCount = 0, largeEvery = 0, roundCount = 0, latencyMs = 0] = [
  values.tables,
  values.rows,
  values['large-every'],
  values.rounds,
  values['latency-ms'],
].map(Number)
// By name, so that the sources can be checked before anything is compiled.
const compiled = new URL('../../dist/cli/demo/embedded-postgres.js', import.meta.url).href
/** @type {typeof import('../../cli/demo/embedded-postgres.ts')} */
const { startEmbeddedPostgres } = await import(compiled)
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname

/** How many tables are made in one transaction. */
const TABLES_AT_ONCE = 250

/** @param {number} table */
const nameOf = (table) => `table_of_things_${table}`

/** From a tenth of the rows to all, and now and then many more. @param {number} table */
function rowsOf(table) {
  if (largeEvery > 0 && table % largeEvery === 0) return 100 * rowCount
  return Math.ceil(rowCount * (0.1 + (0.9 * ((table * 7919) % 101)) / 100))
}

/** @param {number} table */
const createTable = (table) => `
  CREATE TABLE ${nameOf(table)} (id int PRIMARY KEY, customer int NOT NULL, amount numeric(12,2), at timestamptz, note text);
  INSERT INTO ${nameOf(table)} SELECT g, 1 + g % 97, (g::bigint * 7919) % 100000 / 100.0,
    timestamptz '2024-01-01' + g * interval '17 min', md5((g * ${table})::text) || repeat(' lorem ipsum', g % 5)
  FROM generate_series(1, ${rowsOf(table)}) g;`

/** Returns the major version of an installed PostgreSQL program. @param {string} name */
function findMajor(name) {
  try {
    return Number(/(\d+)/.exec(execFileSync(name, ['--version'], { encoding: 'utf8' }))?.[1])
  } catch {
    return undefined
  }
}

/** @param {number[]} numbers */
function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}

const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
const server = await startEmbeddedPostgres({
  settings: {
    shared_buffers: '256MB',
    max_wal_size: '4GB',
    summarize_wal: 'on',
    autovacuum: 'off',
    max_locks_per_transaction: '1024',
  },
})
const socketPath = join(server.host, `.s.PGSQL.${server.port}`)
const slow = latencyMs > 0 ? await openSlowSocket(socketPath, latencyMs / 2) : undefined
try {
  const near = server.url('postgres')
  const q = quoteForShell(slow === undefined ? near : near.replace(server.host, slow.host))
  /** @param {string} sql */
  const psql = (sql) =>
    execFileSync('psql', [near, '-qX1', '-v', 'ON_ERROR_STOP=1', '-f', '-'], { input: sql })
  const tables = Array.from({ length: tableCount }, (_, table) => table + 1)
  process.stderr.write(`making ${tableCount} tables\n`)
  for (let from = 0; from < tables.length; from += TABLES_AT_ONCE) {
    psql(
      tables
        .slice(from, from + TABLES_AT_ONCE)
        .map(createTable)
        .join('\n'),
    )
  }
  execFileSync('psql', [near, '-qXc', 'VACUUM ANALYZE'])

  /** @param {string} name @param {number[]} own */
  const copyScript = (name, own) => {
    const path = join(directory, name)
    writeFileSync(path, own.map((table) => `COPY ${nameOf(table)} TO STDOUT;\n`).join(''))
    return `psql ${q} -qX -f ${path}`
  }
  const halves = [0, 1].map((half) => tables.filter((table) => table % 2 === half))
  const rawCopy = halves.map((half, i) => `${copyScript(`half${i}.sql`, half)} & `).join('')
  const store = join(directory, 'store')
  const dump = join(directory, 'dump')
  /** @param {string} args */
  const snap = (args) =>
    `node ${quoteForShell(program)} --store ${store} --database ${q} -q ${args}`
  const change = `UPDATE ${nameOf(7)} SET customer = customer + 1`

  /** @type {{ name: string, before?: string, run: string }[]} */
  const steps = [
    { name: 'raw COPY, 2 connections', run: `${rawCopy} wait` },
    {
      name: 'snap commit',
      before: `rm -rf ${store}; ${snap('init --no-gitignore')}`,
      run: snap('commit -m first'),
    },
    { name: 'snap commit --full, nothing changed', run: snap('commit -m again --full') },
    { name: 'snap commit, nothing changed', run: snap('commit -m again') },
    { name: 'snap status', run: snap('status') },
    {
      name: 'snap checkout HEAD, one table changed',
      before: `psql ${quoteForShell(near)} -qXc '${change}'`,
      run: snap('checkout HEAD -y'),
    },
    { name: 'pg_dump -Fc', run: `pg_dump -Fc ${q}` },
    { name: 'pg_dump -Fd -j2', run: `pg_dump -Fd -j2 -f ${dump} ${q}`, before: `rm -rf ${dump}` },
  ]
  const canDump = (findMajor('pg_dump') ?? 0) >= server.majorVersion
  const runnable = steps.filter(({ name }) => canDump || !name.startsWith('pg_dump'))
  /** @type {Map<string, import('./support/run-command.js').Measured[]>} */
  const measured = new Map(runnable.map(({ name }) => [name, []]))
  for (let round = 1; round <= roundCount; round++) {
    for (const { name, before, run } of runnable) {
      if (before !== undefined) await runShell(`${before} 2>/dev/null`)
      process.stderr.write(`round ${round}: ${name}\n`)
      measured.get(name)?.push(await runShell(`{ ${run}; } 2>/dev/null`))
    }
  }
  const results = [...measured].map(([name, runs]) => ({
    name,
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
    peakResidentMegabytes: median(runs.map(({ peakResidentMegabytes }) => peakResidentMegabytes)),
  }))
  const limitSeconds = results[0]?.seconds ?? Number.NaN
  process.stdout.write(
    [
      '| | time | × raw COPY | processor time | peak memory |',
      '|---|---|---|---|---|',
      ...results.map(
        ({ name, seconds, cpuSeconds, peakResidentMegabytes }) =>
          `| ${name} | ${seconds.toFixed(2)} s | ${(seconds / limitSeconds).toFixed(2)} | ${cpuSeconds.toFixed(2)} s | ${peakResidentMegabytes.toFixed(0)} MiB |`,
      ),
      '',
    ].join('\n'),
  )
  process.stderr.write(`${JSON.stringify({ ...values, results })}\n`)
} finally {
  slow?.close()
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
