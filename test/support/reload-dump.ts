/**
 * Loads a dump of `dumpWith` into an empty database, as a person would who has
 * no `snap`: the measure of what pg_dump alone brings back.
 */
import { spawn } from 'node:child_process'
import type { TestDatabase } from './postgres.ts'

/** @throws when a statement fails */
export async function reloadDump(database: TestDatabase, dump: string): Promise<void> {
  const script = makeLoadable(database.majorVersion, dump)
  // Rows as COPY are for psql; the WebAssembly pg_dump writes only SQL, which needs no client program.
  if (/^COPY .* FROM stdin;$/m.test(script)) await runPsql(database.url, script)
  else await database.query(script)
}

/** Undoes what a newer pg_dump writes that an older server cannot read. */
function makeLoadable(majorVersion: number, dump: string): string {
  const rules: [until: number, (script: string) => string][] = [
    // An unlogged table's identity, by pg_dump 15 and newer.
    [14, (script) => script.replace(/^ {4}LOGGED\n/gm, '')],
    // A subscription's option, by pg_dump 16 and newer.
    [15, (script) => script.replace(/^(CREATE SUBSCRIPTION .*), run_as_owner = \w+/gm, '$1')],
    [16, (script) => script.replace(/^SET transaction_timeout = 0;\n/m, '')],
    // A not-null constraint that an inheriting table adds to an inherited column, by pg_dump 18.
    [
      17,
      (script) =>
        script.replace(/^CREATE (?:UNLOGGED )?TABLE (.+) \(\n([^;]*?)\n\)[^;]*;/gm, moveNotNull),
    ],
    // INSERT takes an unquoted -0 for the integer, which has no sign at 0.
    [
      18,
      (script) =>
        script.replace(/^(INSERT INTO vals\.floats VALUES \(\d+), -0, -0\);$/m, `$1, '-0', '-0');`),
    ],
  ]
  return rules
    .filter(([until]) => majorVersion <= until)
    .reduce((script, [, rewrite]) => rewrite(script), dump)
}

function moveNotNull(statement: string, tableName: string, body: string): string {
  const lines = body.split(',\n')
  const constraints = lines.filter((line) => line.startsWith('    NOT NULL '))
  const rest = lines.filter((line) => !constraints.includes(line))
  const alterations = constraints.map((line) => {
    const column = line.slice('    NOT NULL '.length)
    return `\nALTER TABLE ONLY ${tableName} ALTER COLUMN ${column} SET NOT NULL;`
  })
  return statement.replace(body, () => rest.join(',\n')) + alterations.join('')
}

function runPsql(url: string, script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['--no-psqlrc', '--quiet', '--output=/dev/null', '--set=ON_ERROR_STOP=1']
    const psql = spawn('psql', [...args, `--dbname=${url}`], { stdio: ['pipe', 'ignore', 'pipe'] })
    let complaints = ''
    psql.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text
    })
    psql.on('error', reject)
    psql.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`psql exited with ${code}: ${complaints}`)),
    )
    psql.stdin.on('error', () => {
      // psql stopped at an error, which its exit reports.
    })
    psql.stdin.end(script)
  })
}
