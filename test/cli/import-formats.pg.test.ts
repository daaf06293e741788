/**
 * `snap import` of what each major's own pg_dump wrote, in every format and compression.
 *
 * The archives are frozen (`fixtures/dumps`). The witness is psql: it restores the plain
 * dump of the same database, and a commit of that must hold the same as each import.
 */
import { deepEqual, equal } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { allMajors, createDatabase, type TestDatabase } from '../support/postgres.ts'
import { contentsOf } from './commit-contents.ts'
import { newWorkplace, type Workplace } from './workplace.ts'

const run = promisify(execFile)
const dumps = new URL('../../fixtures/dumps/', import.meta.url).pathname
const newest = allMajors.at(-1)!

async function newRestored(sqlFile: string): Promise<TestDatabase> {
  const database = await createDatabase(newest)
  for (const role of ['dump_owner', 'dump_reader']) {
    await database.query(
      `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$`,
    )
  }
  // A dump with --create would go into a database of its own.
  const script = `sed -e '/^CREATE DATABASE/d; /^ALTER DATABASE/d; /^.connect/d' "$0" | psql -qX -v ON_ERROR_STOP=1 "$1"`
  await run('sh', ['-c', script, sqlFile, database.url])
  return database
}

async function importAll(place: Workplace, major: string, files: string[]) {
  const paths = files.map((file) => join(dumps, major, file))
  const { imported } = await place.json(['import', ...paths])
  equal(imported.length, files.length)
  return imported as { file: string; commitId: string; databaseName: string | null }[]
}

describe.each(['14', '15', '16', '17', '18'])('dumps of pg_dump %s', (major) => {
  test('every format and compression gives the commit of the database that psql restores', async () => {
    const files = (await readdir(join(dumps, major))).filter((name) => !name.startsWith('wide'))
    const place = await newWorkplace(newest, '')
    await place.succeed(['init'])
    const restored = await newRestored(join(dumps, major, 'plain.sql'))
    const { commitId } = await place.json(['--database', restored.url, 'commit', '-m', 'restored'])
    const expected = await contentsOf(place.directory, commitId)
    expect(expected.largeObjects.metadata.rowCount).toBe(4)

    const imported = await importAll(place, major, files)
    for (const { file, commitId: id, databaseName } of imported) {
      const found = await contentsOf(place.directory, id)
      deepEqual(found, expected, file)
      equal(databaseName, file.endsWith('latin1.sql') ? null : 'shop', file)
    }
  })
})

describe('rows and large objects of many compressed blocks', () => {
  test('are the same from each compression, of the archive and of the file', async () => {
    const place = await newWorkplace(newest, '')
    await place.succeed(['init'])
    await place.database.query(await readFile(join(dumps, 'wide.sql'), 'utf8'))
    const { commitId } = await place.json(['commit', '-m', 'as it was made'])
    const expected = await contentsOf(place.directory, commitId)
    const archive = await readFile(join(dumps, '18/wide-zstd.dump'))
    await writeFile(join(place.directory, 'wide.dump.gz'), gzipSync(archive))
    const tar = await readFile(join(dumps, '14/tar.tar'))
    await writeFile(join(place.directory, 'shop.tar.gz'), gzipSync(tar))

    const wide = (await readdir(join(dumps, '18'))).filter((name) => name.startsWith('wide'))
    const { imported } = await place.json([
      'import',
      ...wide.map((file) => join(dumps, '18', file)),
      'wide.dump.gz',
      'shop.tar.gz',
    ])
    const ofWide = imported.filter(({ file }: { file: string }) => file !== 'shop.tar.gz')
    equal(ofWide.length, 6)
    for (const { file, commitId: id } of ofWide) {
      const { tables, largeObjects } = await contentsOf(place.directory, id)
      deepEqual(tables, expected.tables, file)
      deepEqual(largeObjects.pages, expected.largeObjects.pages, file)
    }
  })
})
