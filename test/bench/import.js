/**
 * What a folder of old dumps takes as commits: successive dumps of a growing database.
 *
 * Prints a line for each dump, and the size of the store beside one dump (the last,
 * as pg_dump compresses it) and beside its own first commit. Needs `npm run build`,
 * psql, and a pg_dump of the server's major or newer.
 *
 *   node test/bench/import.js [--tables 450] [--rows 400] [--dumps 7] [--active 0.3] [--growth 0.02] [--updates 0.01] [--package postgres-15]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../../dist/cli/demo/embedded-postgres.js'

const { values } = parseArgs({
  options: {
    /** Every other is a quarter of the mean, every tenth ten times it. */
    tables: { type: 'string', default: '450' },
    rows: { type: 'string', default: '400' },
    dumps: { type: 'string', default: '7' },
    /** Share of the tables that change between two dumps; of these, the share of rows added, */
    growth: { type: 'string', default: '0.02' },
    active: { type: 'string', default: '0.3' },
    /** and the share changed, in every other. */
    updates: { type: 'string', default: '0.01' },
    package: { type: 'string', default: 'postgres-15' },
  },
})
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname
const [tableCount, meanRowCount, dumpCount] = [values.tables, values.rows, values.dumps].map(Number)

/** @param {number} table */
const firstRowCount = (table) =>
  Math.ceil((meanRowCount ?? 0) * (table % 10 === 0 ? 10 : table % 2 === 0 ? 0.25 : 1))

/** Spread over tables of every size. @param {number} table */
const isActive = (table) =>
  Math.floor(table * Number(values.active)) !== Math.floor((table - 1) * Number(values.active))

/** @param {number} table @param {number} from @param {number} to */
const insertRows = (table, from, to) =>
  `INSERT INTO t${table} SELECT g, 1 + g % 97, (g::bigint * 7919) % 100000 / 100.0,
     timestamptz '2024-01-01' + g * interval '17 min', md5((g * ${table})::text) || repeat(' lorem ipsum', g % 5)
   FROM generate_series(${from}, ${to}) AS g;`

/** @param {string} command @param {string[]} args @param {import('node:child_process').ExecFileSyncOptions} options */
const run = (command, args, options = {}) =>
  execFileSync(command, args, { stdio: ['pipe', 'ignore', 'inherit'], ...options })

/** @param {string} directory @returns {number} */
const sizeOf = (directory) =>
  readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const server = await startEmbeddedPostgres({
  packageName: values.package,
  settings: { max_wal_size: '4GB', max_locks_per_transaction: '256' },
})
const directory = mkdtempSync(join(tmpdir(), 'snap-bench-'))
try {
  const url = server.url('postgres')
  /** @param {string[]} statements */
  const psql = (statements) =>
    run('psql', [url, '-qX1', '-v', 'ON_ERROR_STOP=1', '-f', '-'], { input: statements.join('\n') })
  const tables = Array.from({ length: tableCount ?? 0 }, (_, position) => position + 1)
  const rowCounts = new Map(tables.map((table) => [table, firstRowCount(table)]))
  psql(
    tables.map(
      (
        table,
      ) => `CREATE TABLE t${table} (id int PRIMARY KEY, customer int NOT NULL, amount numeric(12,2),
        at timestamptz, note text); CREATE INDEX ON t${table} (customer);
        ${insertRows(table, 1, firstRowCount(table))}`,
    ),
  )
  /** @type {string[]} */
  const dumps = []
  for (let number = 1; number <= (dumpCount ?? 0); number++) {
    if (number > 1) {
      psql(
        tables.filter(isActive).map((table) => {
          const before = rowCounts.get(table) ?? 0
          const after = before + Math.ceil(before * Number(values.growth))
          rowCounts.set(table, after)
          const every = Math.round(1 / Number(values.updates))
          const update =
            table % 2 === 0
              ? `UPDATE t${table} SET amount = amount + 1 WHERE id % ${every} = ${number};`
              : ''
          return insertRows(table, before + 1, after) + update
        }),
      )
    }
    const file = join(directory, `${number}.dump`)
    run('pg_dump', ['-Fc', '-f', file, url])
    dumps.push(file)
  }

  const environment = { ...process.env, DATABASE_URL: url }
  run('node', [program, 'init', '--no-gitignore'], { cwd: directory, env: environment })
  /** @type {{ storedSizeBytes: number, seconds: number }[]} */
  const imports = []
  for (const file of dumps) {
    const startedAt = performance.now()
    const output = execFileSync('node', [program, '--json', 'import', file, '--scratch', url], {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [{ storedSizeBytes }] = JSON.parse(String(output)).imported
    imports.push({ storedSizeBytes, seconds: (performance.now() - startedAt) / 1000 })
  }
  const mib = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(2)
  const sizes = dumps.map((file) => statSync(file).size)
  const storeBytes = sizeOf(join(directory, '.snap'))
  const firstBytes = imports[0]?.storedSizeBytes ?? 0
  process.stdout.write(
    [
      '| dump | its size, MiB | added to the store, MiB | time |',
      '|---|---|---|---|',
      ...imports.map(
        ({ storedSizeBytes, seconds }, position) =>
          `| ${position + 1} | ${mib(sizes[position] ?? 0)} | ${mib(storedSizeBytes)} | ${seconds.toFixed(1)} s |`,
      ),
      '',
      `store ${mib(storeBytes)} MiB: ${(storeBytes / (sizes.at(-1) ?? 1)).toFixed(2)} × the last dump, ` +
        `${(storeBytes / sizes.reduce((sum, size) => sum + size, 0)).toFixed(2)} × all dumps, ` +
        `${(storeBytes / firstBytes).toFixed(2)} × the first commit`,
      '',
    ].join('\n'),
  )
  process.stderr.write(`${JSON.stringify({ ...values, sizes, storeBytes, imports })}\n`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
