/**
 * What a folder of old dumps takes as commits: successive dumps of a growing database.
 *
 * Prints a line for each dump, and the size of the store beside one dump (the last,
 * as pg_dump compresses it) and beside its own first commit. Needs `npm run build`,
 * psql, and a pg_dump of the server's major or newer.
 *
 *   node test/bench/import.js [--tables 450] [--rows 400] [--dumps 7] [--growth 0.02] [--updates 0.01] [--package postgres-15]
 */
import { execFileSync, spawn } from 'node:child_process'
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
    /** Share of rows added between two dumps. */
    growth: { type: 'string', default: '0.02' },
    /** Share of rows changed between two dumps, in every fifth table. */
    updates: { type: 'string', default: '0.01' },
    package: { type: 'string', default: 'postgres-15' },
  },
})
const program = new URL('../../dist/cli/main.js', import.meta.url).pathname
const [tableCount, meanRowCount, dumpCount] = [values.tables, values.rows, values.dumps].map(Number)

/** @param {number} table */
const firstRowCount = (table) =>
  Math.ceil((meanRowCount ?? 0) * (table % 10 === 0 ? 10 : table % 2 === 0 ? 0.25 : 1))

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
        tables.map((table) => {
          const before = rowCounts.get(table) ?? 0
          const after = before + Math.ceil(before * Number(values.growth))
          rowCounts.set(table, after)
          const every = Math.round(1 / Number(values.updates))
          const update =
            table % 5 === 0
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
  const startedAt = performance.now()
  /** When each dump was done, by what the program tells of it. */
  const doneAt = [startedAt]
  const output = await new Promise((resolve, reject) => {
    const child = spawn('node', [program, '--json', 'import', ...dumps], {
      cwd: directory,
      env: environment,
    })
    let text = ''
    child.stdout.on('data', (piece) => {
      text += piece
    })
    child.stderr.on('data', (piece) => {
      for (const _ of String(piece).matchAll(/^[0-9a-f]{12} /gm)) doneAt.push(performance.now())
    })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`snap: ${code}`))))
  })
  const { imported } = JSON.parse(output)
  const mib = (/** @type {number} */ bytes) => (bytes / 2 ** 20).toFixed(2)
  const sizes = dumps.map((file) => statSync(file).size)
  const storeBytes = sizeOf(join(directory, '.snap'))
  const firstBytes = imported[0].storedSizeBytes
  process.stdout.write(
    [
      '| dump | its size, MiB | added to the store, MiB | time |',
      '|---|---|---|---|',
      ...imported.map(
        (
          /** @type {{storedSizeBytes: number}} */ { storedSizeBytes },
          /** @type {number} */ position,
        ) => {
          const seconds = ((doneAt[position + 1] ?? Number.NaN) - (doneAt[position] ?? 0)) / 1000
          return `| ${position + 1} | ${mib(sizes[position] ?? 0)} | ${mib(storedSizeBytes)} | ${seconds.toFixed(1)} s |`
        },
      ),
      '',
      `store ${mib(storeBytes)} MiB: ${(storeBytes / (sizes.at(-1) ?? 1)).toFixed(2)} × the last dump, ` +
        `${(storeBytes / sizes.reduce((sum, size) => sum + size, 0)).toFixed(2)} × all dumps, ` +
        `${(storeBytes / firstBytes).toFixed(2)} × the first commit`,
      '',
    ].join('\n'),
  )
  process.stderr.write(`${JSON.stringify({ ...values, sizes, storeBytes, imported })}\n`)
} finally {
  rmSync(directory, { recursive: true, force: true })
  await server.stop()
}
