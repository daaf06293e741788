/**
 * How much a store grows when a database changes, beside restic and borg, and what deltas cost a restore.
 *
 * A database with tables of many kinds goes through a history (growth-history.js); after each step
 * it is committed, with deltas to one store and without to another, and what `pg_dump` writes of its
 * rows goes into restic and borg where they are installed. Printed are the bytes that each grew by, and how many
 * times the compressed size of the rows that are new or changed (zstd -3, each table on its own) that is. At the
 * end the newest commit of both stores is restored into new databases, by turns.
 *
 * Needs `npm run build`, psql and zstd.
 *
 *   node test/bench/growth.js [--scale 0.5] [--restores 3]
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ADD_COLUMNS, createStatements, listSteps, TABLES } from './growth-history.js'

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '0.5' },
    restores: { type: 'string', default: '3' },
  },
})
const scale = Number(values.scale)
// By name, so that the sources can be checked before anything is compiled.
const compiled = new URL('../../dist/cli/demo/embedded-postgres.js', import.meta.url).href
/** @type {typeof import('../../cli/demo/embedded-postgres.ts')} */
const { startEmbeddedPostgres } = await import(compiled)
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname

const MAX_OUTPUT_BYTES = 2 ** 31
const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
const dump = join(directory, 'dump.sql')
const environment = {
  ...process.env,
  RESTIC_PASSWORD: 'bench',
  RESTIC_REPOSITORY: join(directory, 'restic'),
  RESTIC_CACHE_DIR: join(directory, 'restic-cache'),
  BORG_REPO: join(directory, 'borg'),
  BORG_BASE_DIR: join(directory, 'borg-base'),
  BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
}

/** @param {string} command @param {string[]} args @param {import('node:child_process').ExecFileSyncOptions} [options] */
function run(command, args, options = {}) {
  return execFileSync(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment,
    maxBuffer: MAX_OUTPUT_BYTES,
    ...options,
  })
}

/** @param {string} command */
const isInstalled = (command) => spawnSync(command, ['--version']).error === undefined

/** @param {string} path @returns {number} */
function sizeOf(path) {
  const entry = statSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return 0
  if (!entry.isDirectory()) return entry.size
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

/**
 * What each keeps, by name: how it is begun, and how it takes the state of a database.
 *
 * @type {Record<string, { isThere: boolean, begin: (url: string) => void, take: (url: string, step: string) => void }>}
 */
const keepers = {
  snap: snapStore('snap', []),
  'snap, no delta': snapStore('snap-whole', ['--no-delta']),
  restic: {
    isThere: isInstalled('restic'),
    begin: () => void run('restic', ['init', '-q']),
    take: () => void run('restic', ['backup', '-q', dump]),
  },
  borg: {
    isThere: isInstalled('borg'),
    begin: () => void run('borg', ['init', '-e', 'none']),
    take: (_, step) =>
      void run('borg', ['create', '-C', 'zstd,1', `::${step.replaceAll(/\W+/g, '-')}`, dump]),
  },
}
const directories = {
  snap: 'snap',
  'snap, no delta': 'snap-whole',
  restic: 'restic',
  borg: 'borg',
}

/** @param {string} name @param {string[]} flags */
function snapStore(name, flags) {
  const cwd = join(directory, name)
  return {
    isThere: true,
    begin: (/** @type {string} */ url) => {
      mkdirSync(cwd)
      run('node', [program, 'init', '--database', url, '--no-gitignore'], { cwd })
    },
    take: (/** @type {string} */ url, /** @type {string} */ step) =>
      void run('node', [program, 'commit', '-q', '-m', step, '--database', url, ...flags], { cwd }),
  }
}

/** @param {string} url @param {string} sql */
const psql = (url, sql) => run('psql', [url, '-q', '-v', 'ON_ERROR_STOP=1'], { input: sql })

/** Writes the rows of all tables, as `pg_dump --data-only` does. @param {string} url */
function writeDump(url) {
  const file = openSync(dump, 'w')
  for (const name of Object.keys(TABLES)) {
    writeSync(file, `COPY ${name} FROM stdin;\n`)
    run('psql', [url, '-qc', `COPY ${name} TO STDOUT`], { stdio: ['ignore', file, 'inherit'] })
    writeSync(file, '\\.\n\n')
  }
  closeSync(file)
}

/** Compresses the rows that are new or changed, and notes all. @param {string} url @param {Record<string, Set<string>>} known */
function readChanges(url, known) {
  let compressedBytes = 0
  for (const name of Object.keys(TABLES)) {
    const rows = run('psql', [url, '-qc', `COPY ${name} TO STDOUT`])
      .toString('latin1')
      .split('\n')
    const digests = rows.map((row) => createHash('md5').update(row).digest('base64').slice(0, 14))
    const before = known[name]
    known[name] = new Set(digests)
    const changed = rows.filter((_, i) => !before?.has(digests[i] ?? ''))
    if (changed.length === 0) continue
    const input = Buffer.from(changed.join('\n'), 'latin1')
    compressedBytes += run('zstd', ['-3', '-q', '-c'], { input }).length
  }
  return compressedBytes
}

const server = await startEmbeddedPostgres({
  settings: { shared_buffers: '512MB', max_wal_size: '8GB', timezone: 'UTC' },
})
try {
  let url = server.url('postgres')
  psql(url, createStatements(scale))
  psql(url, 'VACUUM ANALYZE')
  const present = Object.entries(keepers).filter(([, { isThere }]) => isThere)
  for (const [, { begin }] of present) begin(url)
  /** @type {Record<string, Set<string>>} */
  const known = {}
  const steps = [{ name: 'first', sql: '', isReload: false }, ...listSteps(scale)]
  for (const { name, sql, isReload } of steps) {
    if (isReload) {
      psql(url, 'CREATE DATABASE restored')
      url = server.url('restored')
      psql(url, createStatements(0) + ADD_COLUMNS)
      run('psql', [url, '-q', '-v', 'ON_ERROR_STOP=1', '-f', dump])
    }
    if (sql !== '') psql(url, sql)
    psql(url, 'VACUUM')
    const changedBytes = readChanges(url, known)
    writeDump(url)
    /** @type {Record<string, object>} */
    const grown = {}
    for (const [keeper, { take }] of present) {
      const path = join(directory, directories[/** @type {keyof typeof directories} */ (keeper)])
      const before = sizeOf(path)
      const startedAt = performance.now()
      take(url, name)
      const kilobytes = Math.round((sizeOf(path) - before) / 1024)
      grown[keeper] = {
        kilobytes,
        ratio: changedBytes === 0 ? null : Number(((kilobytes * 1024) / changedBytes).toFixed(2)),
        seconds: Number(((performance.now() - startedAt) / 1000).toFixed(1)),
      }
    }
    const step = { step: name, changedKilobytes: Math.round(changedBytes / 1024), ...grown }
    process.stdout.write(`${JSON.stringify(step)}\n`)
  }

  /** @type {Record<string, number[]>} */
  const seconds = { snap: [], 'snap, no delta': [] }
  for (let i = 0; i < Number(values.restores); i++) {
    for (const keeper of Object.keys(seconds)) {
      const cwd = join(directory, directories[/** @type {keyof typeof directories} */ (keeper)])
      const into = `into_${i}_${keeper === 'snap' ? 'delta' : 'whole'}`
      const startedAt = performance.now()
      const target = ['--into', into, '--database', url, '-y']
      run('node', [program, 'checkout', 'HEAD', '-q', '--force', ...target], { cwd })
      seconds[keeper]?.push((performance.now() - startedAt) / 1000)
      psql(url, `DROP DATABASE ${into}`)
    }
  }
  process.stdout.write(`${JSON.stringify({ restoreSeconds: seconds })}\n`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
