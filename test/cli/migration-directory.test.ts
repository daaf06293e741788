/** What `snap migrate` takes for migrations in a directory, before it looks into them. */
import { deepEqual, rejects } from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { readMigrationDirectory } from '../../cli/guarded-migrate/read-directory.ts'
import { temporaryDirectory } from './run-snap.ts'

const refusal = (message: RegExp) => ({ code: 'INPUT_UNREADABLE', message })

test('files and links to files that end in .sql are migrations; directories and hidden files are none', async () => {
  const directory = await temporaryDirectory()
  for (const name of ['10_b.SQL', '9_a.sql', '.8.sql', 'notes.txt']) {
    await writeFile(join(directory, name), 'SELECT 1;')
  }
  await mkdir(join(directory, '7_old.sql'))
  await symlink('9_a.sql', join(directory, '11_again.sql'))
  const migrations = await readMigrationDirectory(directory, directory)
  deepEqual(
    migrations.map(({ name }) => name),
    ['9_a.sql', '10_b.SQL', '11_again.sql'],
  )
})

test('what cannot be read is told by its name, and nothing is left out without a word', async () => {
  const directory = await temporaryDirectory()
  const only = async (name: string | Buffer, bytes: string | Buffer) => {
    const below = join(directory, `${Math.random()}`)
    await mkdir(below)
    await writeFile(Buffer.concat([Buffer.from(`${below}/`), Buffer.from(name)]), bytes)
    return below
  }
  const read = (path: string) => readMigrationDirectory(path, directory)
  await rejects(read(join(directory, 'none')), refusal(/there is no directory/))
  await rejects(read(join(await only('1.sql', 'x'), '1.sql')), refusal(/no directory .*: ENOTDIR/))
  await rejects(read(await only('1.sql', Buffer.from('\ufeffSELECT 1;', 'utf16le'))), {
    ...refusal(/1\.sql': it is not UTF-8/),
    hint: 'convert it: iconv -f utf-16 -t utf-8, for instance',
  })
  await rejects(
    read(await only(Buffer.from('1_\xe9.sql', 'latin1'), 'SELECT 1;')),
    refusal(/its name is not UTF-8/),
  )
  const links = join(directory, 'links')
  await mkdir(links)
  await symlink('gone.sql', join(links, '1.sql'))
  await rejects(read(links), refusal(/links\/1\.sql': ENOENT/))
})
