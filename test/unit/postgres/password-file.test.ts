import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findPassword, findPasswordLine } from '../../../src/postgres/address/password-file.ts'

const query = { host: 'db.example', port: 5432, databaseName: 'shop', user: 'ann' }

test.each([
  ['all fields equal', 'db.example:5432:shop:ann:secret', 'secret'],
  ['wildcards', '*:*:*:*:secret', 'secret'],
  ['the first match counts', 'other:*:*:*:no\n*:*:shop:*:first\n*:*:*:*:second', 'first'],
  ['another port', 'db.example:5433:shop:ann:secret', null],
  ['another user', '*:*:*:bob:secret', null],
  ['a comment', '#*:*:*:*:secret', null],
  ['too few fields', '*:*:*:secret', null],
  ['an escaped colon and backslash', '*:*:*:ann:a\\:b\\\\c', 'a:b\\c'],
  ['an escaped field', 'db\\.example:*:*:ann:secret', 'secret'],
  ['Windows line ends', '*:*:*:bob:x\r\n*:*:*:ann:secret\r\n', 'secret'],
  ['an empty password', '*:*:*:*:', ''],
  ['an empty file', '', null],
])('a password file line with %s', (_, text, expected) => {
  expect(findPasswordLine(text, query)).toBe(expected)
})

test('an IPv6 address is written with escaped colons', () => {
  expect(findPasswordLine('\\:\\:1:*:*:*:secret', { ...query, host: '::1' })).toBe('secret')
})

async function passwordFile(mode: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'snap-pgpass-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, '.pgpass')
  await writeFile(path, '*:*:*:*:secret')
  await chmod(path, mode)
  return path
}

test('a private password file is used', async () => {
  expect(await findPassword(await passwordFile(0o600), query)).toEqual({
    password: 'secret',
    isTooOpen: false,
  })
})

test.each([0o640, 0o604, 0o620])('a password file of mode %o is not used', async (mode) => {
  expect(await findPassword(await passwordFile(mode), query)).toEqual({
    password: null,
    isTooOpen: true,
  })
})

test('a password file that does not exist has no password', async () => {
  expect(await findPassword('/nonexistent/.pgpass', query)).toEqual({
    password: null,
    isTooOpen: false,
  })
})
