import { deepEqual, equal, match } from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'vitest'
import type { InputStream } from '../../cli/io.ts'
import { allMajors } from '../support/postgres.ts'
import { INTACT_SHOP, newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** A wrecked shop, one commit before the wreckage. */
async function wreckedWorkplace() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  await place.database.query(WRECKAGE)
  return place
}

/** A terminal at which somebody presses keys as soon as something is asked. */
function terminalWith(keys: string): InputStream {
  const stdin: InputStream = new PassThrough()
  stdin.isTTY = true
  stdin.setRawMode = (isRaw) => {
    // Raw mode is when the question listens.
    if (isRaw) setImmediate(() => stdin.push(keys))
    return stdin
  }
  return stdin
}

test('without a terminal and without -y nothing is overwritten, and the plan says what would have been', async () => {
  const { database, snap } = await wreckedWorkplace()
  const { exitCode, stdout, stderr } = await snap(['checkout', 'HEAD'])
  deepEqual({ exitCode, stdout }, { exitCode: 7, stdout: '' })
  match(stderr, /Will be lost from the database/)
  match(stderr, /^fatal: cannot ask for a confirmation: no terminal\nhint: pass -y to confirm$/m)
  deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '200' }])
})

test('--quiet does not hide what a confirmation is about', async () => {
  const { snap } = await wreckedWorkplace()
  const { exitCode, stderr } = await snap(['checkout', 'HEAD', '--quiet'])
  equal(exitCode, 7)
  match(stderr, /^ {2}table public\.leftovers with 1 row$/m)
})

test('--json never asks', async () => {
  const { snap } = await wreckedWorkplace()
  const { exitCode, stdout, stderr } = await snap(['checkout', 'HEAD', '--json'], {
    isTerminal: true,
  })
  deepEqual({ exitCode, stdout }, { exitCode: 7, stdout: '' })
  equal(JSON.parse(stderr).code, 'CONFIRMATION_NEEDED')
})

test('yes goes on', async () => {
  const { database, snap } = await wreckedWorkplace()
  const { exitCode, stderr } = await snap(['checkout', 'HEAD'], {
    isTerminal: true,
    stdin: terminalWith('y'),
  })
  equal(exitCode, 0, stderr)
  match(stderr, new RegExp(`Make database '${database.name}' equal to [0-9a-f]{12}\\?`))
  deepEqual(await readShop(database), INTACT_SHOP)
})

test('enter alone is no, and nothing is changed', async () => {
  const { database, snap } = await wreckedWorkplace()
  const { exitCode, stderr } = await snap(['checkout', 'HEAD'], {
    isTerminal: true,
    stdin: terminalWith('\r'),
  })
  equal(exitCode, 7)
  match(stderr, /not confirmed: nothing was changed/)
  deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '200' }])
})

test('Ctrl-C at the question ends with 130, and nothing is changed', async () => {
  const { database, snap } = await wreckedWorkplace()
  const { exitCode, stderr } = await snap(['checkout', 'HEAD'], {
    isTerminal: true,
    stdin: terminalWith('\u0003'),
  })
  equal(exitCode, 130)
  match(stderr, /nothing was changed/)
  deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '200' }])
})

test('init on a terminal in a git work tree asks whether to have git ignore the store', async () => {
  const { directory, snap } = await newWorkplace(newestMajor)
  const { execFileSync } = await import('node:child_process')
  execFileSync('git', ['init', '--quiet'], { cwd: directory })
  const { exitCode, stderr } = await snap(['init'], {
    isTerminal: true,
    stdin: terminalWith('y'),
  })
  equal(exitCode, 0, stderr)
  match(stderr, /Add \.snap\/ to \.gitignore\?/)
  const { readFile } = await import('node:fs/promises')
  equal(await readFile(`${directory}/.gitignore`, 'utf8'), '.snap/\n')
})
