import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listExportFiles } from '../../../src/export/directory-export.ts'
import { type ExportedCommit, formatPlainDump } from '../../../src/export/plain-dump.ts'
import { formatTableRows } from '../../../src/export/table-rows.ts'
import type { Store } from '../../../src/store.ts'
import { createFixtureDatabase } from '../../support/fixtures.ts'
import { allMajors, createDatabase, eachMajor, type TestDatabase } from '../../support/postgres.ts'
import { commitDatabase, memoryStore } from '../../support/session.ts'
import { describeDifference, dumpWith } from '../../support/witness.ts'

async function psql(
  database: TestDatabase,
  pieces: AsyncIterable<Uint8Array>,
  workingDirectory?: string,
): Promise<void> {
  const args = ['--no-psqlrc', '--quiet', '--output=/dev/null', `--dbname=${database.url}`]
  const client = spawn('psql', args, {
    cwd: workingDirectory,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let complaints = ''
  client.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  client.stdin.on('error', () => {
    // psql stopped at an error, which its exit reports.
  })
  const closed = once(client, 'close')
  for await (const piece of pieces) {
    if (!client.stdin.writable) break
    if (!client.stdin.write(piece)) await Promise.race([once(client.stdin, 'drain'), closed])
  }
  client.stdin.end()
  const [exitCode] = await closed
  // Warnings tell of the server (no logical replication, say), not of the script.
  const errors = complaints.split('\n').filter((line) => /^(ERROR|FATAL|psql):/.test(line))
  expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: [] })
}

async function readExported(store: Store): Promise<ExportedCommit> {
  const commitId = (await store.refs.find('refs/heads/main'))!
  const commit = await store.objects.readCommit(commitId)
  return { commitId, commit, tree: await store.objects.readTree(commit.treeId) }
}

/** Writes a directory export and has psql run its load.sql there. */
async function loadDirectory(store: Store, database: TestDatabase): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-export-test-'))
  try {
    const settings = { withOwners: true, withPrivileges: true }
    for (const file of listExportFiles(store.objects, await readExported(store), settings)) {
      await writeFile(join(directory, file.name), file.pieces)
    }
    await psql(database, createReadStream(join(directory, 'load.sql')), directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function exportAll(store: Store): Promise<AsyncIterable<Uint8Array>> {
  return formatPlainDump(store.objects, await readExported(store), {
    withOwners: true,
    withPrivileges: true,
    rows: () => 'inline',
  })
}

eachMajor((majorVersion) => {
  // Psql takes long over what each type can hold; the text of values is the same on all majors.
  const isOutermost = [allMajors[0], allMajors.at(-1)].includes(majorVersion)
  const fixtures = isOutermost ? ['shop', 'values', 'everything'] : ['shop', 'everything']
  describe.each(fixtures)('the fixture %s', (fixture) => {
    test('psql loads its export, and pg_dump finds no difference', async () => {
      const database = await createFixtureDatabase(majorVersion, fixture)
      const before = await dumpWith(majorVersion, database.url)
      const store = await memoryStore()
      await commitDatabase(store, database.url)
      const script = await exportAll(store)
      // An event trigger or a subscription of the original must not meet the copy's.
      await database.drop()

      const copy = await createDatabase(majorVersion, { name: database.name })
      await psql(copy, script)

      expect(describeDifference(before, await dumpWith(majorVersion, copy.url))).toBeUndefined()
    })

    test('psql loads its directory export, and pg_dump finds no difference', async () => {
      const database = await createFixtureDatabase(majorVersion, fixture)
      const before = await dumpWith(majorVersion, database.url)
      const store = await memoryStore()
      await commitDatabase(store, database.url)
      await database.drop()

      const copy = await createDatabase(majorVersion, { name: database.name })
      await loadDirectory(store, copy)

      expect(describeDifference(before, await dumpWith(majorVersion, copy.url))).toBeUndefined()
    })
  })

  test('a directory loads whatever its tables are called and hold', async () => {
    const database = await createDatabase(majorVersion)
    await database.query(`
      CREATE TABLE "it's a "" ;\\ table" ("a'b" text, "c""d\\" int); INSERT INTO "it's a "" ;\\ table" VALUES ('\\.', 1), ('', NULL), (NULL, 3);
      CREATE TABLE "two
lines" (t text); INSERT INTO "two
lines" VALUES ('x');
      CREATE TABLE ends (t text, n int); INSERT INTO ends VALUES (E'first\n\\.\nlast', 1), ('after', 2);
      CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES;
      CREATE TABLE made (id int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (n * 2) STORED, n int);
      INSERT INTO made (n) VALUES (1), (2);
      CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM ends`)
    const store = await memoryStore()
    await commitDatabase(store, database.url)
    const copy = await createDatabase(majorVersion)
    await loadDirectory(store, copy)
    const { isUnchanged } = await commitDatabase(store, copy.url)
    expect(isUnchanged).toBe(true)
  })

  test('a database whose public schema is gone, or another than initdb made, comes back so', async () => {
    for (const change of [
      'DROP SCHEMA public',
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      `GRANT ALL ON SCHEMA public TO PUBLIC; COMMENT ON SCHEMA public IS 'ours'`,
      `SELECT lo_from_bytea(7, 'x'); GRANT SELECT ON LARGE OBJECT 7 TO PUBLIC; REVOKE UPDATE ON LARGE OBJECT 7 FROM CURRENT_USER`,
    ]) {
      const database = await createDatabase(majorVersion)
      await database.query(change)
      const store = await memoryStore()
      await commitDatabase(store, database.url)
      const copy = await createDatabase(majorVersion)
      await psql(copy, await exportAll(store))
      const { isUnchanged } = await commitDatabase(store, copy.url)
      expect({ change, isUnchanged }).toEqual({ change, isUnchanged: true })
    }
  })

  test('rows as CSV are what COPY … (FORMAT csv, HEADER) writes, byte for byte', async () => {
    const database = await createFixtureDatabase(majorVersion, 'values')
    await database.query(`
      CREATE SCHEMA csv;
      CREATE TABLE csv.alone (t text);
      INSERT INTO csv.alone VALUES ('\\.'), (''), (NULL), ('a,b'), ('a"b'), (E'a\\nb'), (E'a\\rb'), (E'\\t\\v\\f\\b'), ('\\N');
      CREATE TABLE csv."names, ""odd""" ("a ""b""" int, "c,d" text);
      INSERT INTO csv."names, ""odd""" VALUES (1, '\\.'), (NULL, 'ünï→𝄞');`)
    const store = await memoryStore()
    const { tree } = await commitDatabase(store, database.url)

    for (const table of tree.tables.filter(({ columns }) => columns.length > 0)) {
      const pieces = []
      for await (const piece of formatTableRows(store.objects, table, 'csv')) pieces.push(piece)
      const name = `"${table.namespace}"."${table.name.replaceAll('"', '""')}"`
      const columns = table.columns.map((column) => `"${column.replaceAll('"', '""')}"`)
      const expected = await copyOut(
        database,
        `COPY ${name} (${columns.join(', ')}) TO STDOUT (FORMAT csv, HEADER)`,
      )
      expect(Buffer.concat(pieces).equals(expected), name).toBe(true)
    }
  })
})

function copyOut(database: TestDatabase, statement: string): Promise<Buffer> {
  return database.withClient(async (client) => {
    const { to } = await import('pg-copy-streams')
    await client.query(`SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = hex;
      SET xmloption = content; SET lc_monetary = 'C'`)
    const pieces: Buffer[] = []
    for await (const piece of client.query(to(statement))) pieces.push(piece as Buffer)
    return Buffer.concat(pieces)
  })
}
