/**
 * What snap costs beside raw COPY and beside its peers: `npm run bench`.
 *
 * Makes the same database each time, then runs everything that is installed by turns, several
 * rounds, and prints medians as one table: time, that time over the time of raw COPY by two
 * connections, processor time (of the client side; the server's is not in it), peak resident memory
 * and bytes stored. What is not installed is named below the table. Needs psql, and Linux for memory.
 *
 *   npm run bench [-- --small] [--megabytes 1024] [--rounds 3]
 */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'
import { quoteForShell, runShell } from './support/run-command.js'
import { CHANGES, shopDatabaseSql, TABLE_NAMES } from './support/shop-database.js'

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    megabytes: { type: 'string' },
    rounds: { type: 'string' },
  },
})
const megabytes = Number(values.megabytes ?? (values.small ? 64 : 1024))
const roundCount = Number(values.rounds ?? (values.small ? 1 : 3))
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname

/** Returns the major version of an installed PostgreSQL program. @param {string} name */
function findMajor(name) {
  try {
    return Number(
      /(\d+)/.exec(execFileSync(name, ['--version'], { encoding: 'utf8', stdio: 'pipe' }))?.[1],
    )
  } catch {
    return undefined
  }
}

/** @param {string} name */
function isInstalled(name) {
  try {
    execFileSync('bash', ['-c', `command -v ${name}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** @param {string} path @returns {number} */
function bytesBelow(path) {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((total, name) => total + bytesBelow(join(path, name)), 0)
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const pgDumpMajor = findMajor('pg_dump')
const hasPgRestore = findMajor('pg_restore') !== undefined
/** pg_dump reads no server newer than itself, and what it cannot read nobody could compare. */
const serverMajor = Math.min(18, Math.max(14, pgDumpMajor ?? 18))
const packageName = serverMajor === 18 ? 'embedded-postgres' : `postgres-${serverMajor}`

/**
 * @typedef {{ name: string, group: string, stores?: string, run: string, before?: string, needs: Record<string, boolean> }} Step
 *   `stores`: the place whose growth is what was stored
 */

const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
const server = await startEmbeddedPostgres({
  packageName,
  settings: { shared_buffers: '512MB', max_wal_size: '8GB' },
})
try {
  const url = server.url('postgres')
  const q = quoteForShell(url)
  const inDirectory = (/** @type {string} */ name) => join(directory, name)
  const psql = (/** @type {string} */ sql) =>
    runShell(`psql ${q} -qX -v ON_ERROR_STOP=1 -c ${quoteForShell(sql)}`)
  process.stderr.write(`making a database of ${megabytes} MB on PostgreSQL ${serverMajor}\n`)
  await psql(shopDatabaseSql(megabytes))
  await psql('VACUUM (FREEZE, ANALYZE)')

  /** Two connections, the tables shared out so that both have about as much to do. */
  const halves = [TABLE_NAMES.filter((_, i) => i % 2 === 0), TABLE_NAMES.filter((_, i) => i % 2)]
  const rawCopy = halves
    .map((names) => {
      const copies = names.map((name) => `-c ${quoteForShell(`COPY ${name} TO STDOUT`)}`)
      return `psql ${q} -qX ${copies.join(' ')} >/dev/null`
    })
    .join(' & ')
  const snap = (/** @type {string} */ args) =>
    `node ${quoteForShell(program)} --store ${inDirectory('store')} --database ${q} -q ${args}`
  const store = inDirectory('store')
  const isDumping = { pg_dump: pgDumpMajor !== undefined }
  const isRestoring = { ...isDumping, pg_restore: hasPgRestore }
  const withZstd = { 'pg_dump 16 or newer, for zstd': (pgDumpMajor ?? 0) >= 16 }
  const restic = `RESTIC_PASSWORD=bench restic -q -r ${inDirectory('restic')}`
  const borg = `BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes borg`
  const dumped = (/** @type {string} */ name) => inDirectory(`${name}.dump`)
  const drop = (/** @type {string} */ name) =>
    `psql ${q} -qX -c 'DROP DATABASE IF EXISTS ${name}' 2>/dev/null`
  const otherDatabase = (/** @type {string} */ name) => quoteForShell(server.url(name))

  /** @type {Step[]} */
  const snapshots = [
    { name: 'raw COPY, 2 connections', group: 'first', run: `${rawCopy} & wait`, needs: {} },
    {
      name: 'snap commit',
      group: 'first',
      stores: store,
      before: `rm -rf ${store}; ${snap('init --no-gitignore')}`,
      run: snap('commit -m first'),
      needs: {},
    },
    {
      name: 'snap commit, nothing changed',
      group: 'first',
      stores: store,
      run: snap('commit -m again'),
      needs: {},
    },
    {
      name: 'pg_dump -Fc (gzip)',
      group: 'first',
      stores: dumped('gzip'),
      before: `rm -f ${dumped('gzip')}`,
      run: `pg_dump -Fc -f ${dumped('gzip')} ${q}`,
      needs: isDumping,
    },
    {
      name: 'pg_dump -Fc (zstd)',
      group: 'first',
      stores: dumped('zstd'),
      before: `rm -f ${dumped('zstd')}`,
      run: `pg_dump -Fc -Z zstd -f ${dumped('zstd')} ${q}`,
      needs: { ...isDumping, ...withZstd },
    },
    {
      name: 'pg_dump -Fd -j2',
      group: 'first',
      stores: dumped('directory'),
      before: `rm -rf ${dumped('directory')}`,
      run: `pg_dump -Fd -j2 -f ${dumped('directory')} ${q}`,
      needs: isDumping,
    },
    {
      name: 'pg_dump | restic',
      group: 'first',
      stores: inDirectory('restic'),
      before: `rm -rf ${inDirectory('restic')}; ${restic} init`,
      run: `pg_dump ${q} | ${restic} backup --stdin`,
      needs: { ...isDumping, restic: isInstalled('restic') },
    },
    {
      name: 'pg_dump | borg',
      group: 'first',
      stores: inDirectory('borg'),
      before: `rm -rf ${inDirectory('borg')}; ${borg} init -e none ${inDirectory('borg')}`,
      run: `pg_dump ${q} | ${borg} create ${inDirectory('borg')}::first -`,
      needs: { ...isDumping, borg: isInstalled('borg') },
    },
    { name: 'snap fsck', group: 'check', run: snap('fsck'), needs: {} },
    {
      name: 'zstd -d | sha256sum',
      group: 'check',
      before: `test -f ${dumped('text.zst')} || { ${rawCopy.replaceAll('>/dev/null', '')} & wait; } | zstd -1 -q -o ${dumped('text.zst')}`,
      run: `zstd -dcq ${dumped('text.zst')} | sha256sum`,
      needs: { zstd: isInstalled('zstd') },
    },
    {
      name: 'snap checkout --into',
      group: 'restore',
      before: drop('into_snap'),
      run: snap('checkout HEAD --into into_snap -y'),
      needs: {},
    },
    {
      name: 'pg_restore -j2',
      group: 'restore',
      before: `${drop('into_pg')}; psql ${q} -qX -c 'CREATE DATABASE into_pg'`,
      run: `pg_restore -j2 -d ${otherDatabase('into_pg')} ${dumped('directory')}`,
      needs: isRestoring,
    },
  ]
  const isRunnable = (/** @type {Step} */ { needs }) => Object.values(needs).every(Boolean)
  const absent = new Map(
    snapshots
      .filter((step) => !isRunnable(step))
      .map(({ name, needs }) => [
        name,
        Object.entries(needs)
          .filter(([, there]) => !there)
          .map(([what]) => what),
      ]),
  )

  /** @type {Map<string, { group: string, runs: (import('./support/run-command.js').Measured & { storedBytes: number | undefined })[] }>} */
  const results = new Map()
  /** @param {Step} step */
  const measure = async ({ name, group, stores, before, run }) => {
    if (before !== undefined) await runShell(before)
    const bytesBefore = stores === undefined ? 0 : bytesBelow(stores)
    const measured = await runShell(run)
    const storedBytes = stores === undefined ? undefined : bytesBelow(stores) - bytesBefore
    const { runs } = results.get(name) ?? { runs: [] }
    results.set(name, { group, runs: [...runs, { ...measured, storedBytes }] })
    process.stderr.write(`  ${name}: ${measured.seconds.toFixed(2)} s\n`)
  }
  for (let round = 0; round < roundCount; round++) {
    process.stderr.write(`round ${round + 1} of ${roundCount}\n`)
    for (const step of snapshots.filter(isRunnable)) await measure(step)
  }
  for (const [number, [name, sql]] of Object.entries(CHANGES).entries()) {
    await psql(sql)
    await psql('VACUUM')
    const group = `later: ${name}`
    /** @type {Step[]} */
    const later = [
      {
        name: `snap commit after: ${name}`,
        group,
        stores: store,
        run: snap('commit -m later'),
        needs: {},
      },
      {
        name: `pg_dump | restic after: ${name}`,
        group,
        stores: inDirectory('restic'),
        run: `pg_dump ${q} | ${restic} backup --stdin`,
        needs: { ...isDumping, restic: isInstalled('restic') },
      },
      {
        name: `pg_dump | borg after: ${name}`,
        group,
        stores: inDirectory('borg'),
        run: `pg_dump ${q} | ${borg} create ${inDirectory('borg')}::later${number} -`,
        needs: { ...isDumping, borg: isInstalled('borg') },
      },
    ]
    for (const step of later.filter(isRunnable)) await measure(step)
  }

  const limit = median(
    results.get('raw COPY, 2 connections')?.runs.map(({ seconds }) => seconds) ?? [],
  )
  const lines = [
    '| | time | ÷ raw COPY | processor time | peak memory | stored |',
    '|---|---|---|---|---|---|',
  ]
  for (const [name, { runs }] of results) {
    const of = (/** @type {'seconds' | 'cpuSeconds' | 'peakResidentMegabytes'} */ what) =>
      median(runs.map((run) => run[what]))
    const stored =
      runs[0]?.storedBytes === undefined
        ? ''
        : `${(median(runs.map(({ storedBytes = 0 }) => storedBytes)) / 1e6).toFixed(1)} MB`
    lines.push(
      `| ${name.replace('|', '\\|')} | ${of('seconds').toFixed(2)} s | ${(of('seconds') / limit).toFixed(2)} | ${of('cpuSeconds').toFixed(2)} s | ${Math.round(of('peakResidentMegabytes'))} MB | ${stored} |`,
    )
  }
  const processor = cpus()
  const conditions = `${megabytes} MB of COPY text, PostgreSQL ${serverMajor}, Node.js ${process.versions.node}, ${processor.length} × ${processor[0]?.model ?? 'unknown processor'}, ${roundCount} round${roundCount === 1 ? '' : 's'}`
  process.stdout.write(`${lines.join('\n')}\n\n${conditions}.\n`)
  for (const [name, missing] of absent) {
    process.stdout.write(`Absent: ${name}, for want of ${missing.join(', ')}.\n`)
  }
} finally {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
