import { deepEqual, throws } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { findAuthor, parseAuthor } from '../../cli/author.ts'
import type { ProgramIo } from '../../cli/io.ts'
import { temporaryDirectory } from './run-snap.ts'

async function authorWith(variables: Record<string, string>, gitConfig = '') {
  const directory = await temporaryDirectory()
  await writeFile(join(directory, 'gitconfig'), gitConfig)
  const environment = {
    PATH: process.env.PATH,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(directory, 'gitconfig'),
    ...variables,
  }
  return findAuthor({
    environment,
    workingDirectory: directory,
    userName: 'ada',
    hostName: 'engine',
  } as unknown as ProgramIo)
}

const GIT_CONFIG = '[user]\n\tname = From Git\n\temail = git@example.org\n'

test('SNAP_AUTHOR_* goes before GIT_AUTHOR_*, that before git, and that before the account', async () => {
  const snap = { SNAP_AUTHOR_NAME: 'Snap', SNAP_AUTHOR_EMAIL: 'snap@example.org' }
  const git = { GIT_AUTHOR_NAME: 'Git', GIT_AUTHOR_EMAIL: 'env@example.org' }
  deepEqual(
    [
      await authorWith({ ...snap, ...git }, GIT_CONFIG),
      await authorWith(git, GIT_CONFIG),
      await authorWith({}, GIT_CONFIG),
      await authorWith({}),
    ],
    [
      { name: 'Snap', email: 'snap@example.org' },
      { name: 'Git', email: 'env@example.org' },
      { name: 'From Git', email: 'git@example.org' },
      { name: 'ada', email: 'ada@engine' },
    ],
  )
})

test('name and address are found each on their own', async () => {
  deepEqual(await authorWith({ SNAP_AUTHOR_NAME: 'Snap' }, GIT_CONFIG), {
    name: 'Snap',
    email: 'git@example.org',
  })
})

test('without git the account is used', async () => {
  deepEqual(await authorWith({ PATH: '/nonexistent' }, GIT_CONFIG), {
    name: 'ada',
    email: 'ada@engine',
  })
})

test('--author is read as git writes it', () => {
  deepEqual(parseAuthor(' Ada Lovelace  <ada@example.org> '), {
    name: 'Ada Lovelace',
    email: 'ada@example.org',
  })
  for (const text of ['Ada', '<ada@example.org>', 'Ada <ada', 'Ada <a> <b>', '']) {
    throws(() => parseAuthor(text), { code: 'USAGE' })
  }
})
