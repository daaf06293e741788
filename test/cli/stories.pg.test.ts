import { deepEqual, equal, match } from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { allMajors, oldestAndNewestMajor } from '../support/postgres.ts'
import { INTACT_SHOP, newWorkplace, readShop, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

oldestAndNewestMajor((majorVersion) => {
  test('a wrecked database comes back, and the checkout can be taken back too', async () => {
    const { database, snap, succeed } = await newWorkplace(majorVersion)
    await succeed(['init'])
    match(
      await succeed(['commit', '-m', 'before']),
      /^\[main \(root commit\) [0-9a-f]{12}\] before\n/,
    )
    await database.query(WRECKAGE)

    const checkout = await snap(['checkout', 'HEAD', '-y'])
    equal(checkout.exitCode, 0, checkout.stderr)
    match(checkout.stdout, /Proven equal to the commit before it became final/)
    match(checkout.stdout, /HEAD is now at [0-9a-f]{12} before/)
    match(checkout.stdout, /to return to it: snap undo/)
    deepEqual(await readShop(database), INTACT_SHOP)
    match(await succeed(['commit', '-m', 'again']), /nothing changed since its parent/)
    match(await succeed(['fsck']), /^No problems found: /)

    await succeed(['checkout', 'HEAD~1', '-y'])
    await succeed(['undo', '-y'])
    match(await succeed(['log', '--oneline', '-n', '1']), /\(HEAD -> main\) again\n$/)
  })
})

test('undo brings back what the checkout overwrote', async () => {
  const { database, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'before'])
  await database.query(WRECKAGE)
  await succeed(['checkout', 'HEAD', '-y'])

  match(
    await succeed(['undo', '-y']),
    /^Returned to the state before the checkout of 2026-.*Z: [0-9a-f]{12} .*\nHEAD is at main \([0-9a-f]{12}\)$/m,
  )

  deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '200' }])
  deepEqual(await database.query('SELECT n FROM leftovers'), [{ n: 1 }])
  await succeed(['undo', '-y'])
  deepEqual(await readShop(database), INTACT_SHOP)
})

test('init says where the store is, which database it found and what commits will hold', async () => {
  const { directory, database, snap } = await newWorkplace(newestMajor)
  const { exitCode, stdout } = await snap(['init'])
  equal(exitCode, 0)
  const [location, address, contents] = stdout.split('\n')
  equal(location, `Initialized empty store in ${directory}/.snap`)
  match(address!, new RegExp(`^Database: .*/${database.name} \\(PostgreSQL ${newestMajor}`))
  match(contents!, /^Commits will hold everything in it: 3 tables, about [\d,]+ rows, /)
  equal((await stat(join(directory, '.snap'))).mode & 0o777, 0o700)
})

test('init in a git work tree adds the store to .gitignore when told to, and only once', async () => {
  const { directory, json } = await newWorkplace(newestMajor)
  await git(directory, 'init', '--quiet')
  equal((await json(['init', '--gitignore'])).gitignore, 'added')
  equal(await readFile(join(directory, '.gitignore'), 'utf8'), '.snap/\n')
  equal((await json(['init', 'elsewhere', '--no-gitignore'])).gitignore, 'alreadyIgnored')
})

test('init without a terminal leaves .gitignore alone and says what to do', async () => {
  const { directory, snap } = await newWorkplace(newestMajor)
  await git(directory, 'init', '--quiet')
  const { exitCode, stderr } = await snap(['init'])
  equal(exitCode, 0)
  match(stderr, /hint: add \.snap\/ to \.gitignore/)
})

test('the dry run says what would be done and exactly what would be lost, and does nothing', async () => {
  const { database, snap, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'before'])
  await database.query(WRECKAGE)

  const { exitCode, stdout } = await snap(['checkout', 'HEAD', '--dry-run'])

  equal(exitCode, 0)
  match(stdout, /^public\.orders +200 +500 {2}rows replaced \(.* KiB\)$/m)
  match(stdout, /^public\.alembic_version +- +1 {2}created \(.* B\)$/m)
  match(stdout, /^public\.leftovers +1 +- {2}dropped$/m)
  match(stdout, /^ {2}! VIEW public\.spending$/m)
  const lost = stdout.slice(stdout.indexOf('Will be lost'))
  match(lost, /a safety commit keeps it/)
  match(lost, /^ {2}table public\.leftovers with 1 row$/m)
  match(lost, /^ {2}200 rows of public\.orders as they are now$/m)
  match(lost, /^ {2}the present form of VIEW public\.spending$/m)
  deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '200' }])
})

test('without a safety commit the plan says that the state is lost for good, and undo says why it cannot', async () => {
  const { database, snap, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'before'])
  await database.query('DELETE FROM orders')

  const checkout = await snap(['checkout', 'HEAD', '--no-safety', '-y'])
  match(checkout.stderr, /Will be lost for good \(--no-safety: no commit keeps it\):/)
  equal(checkout.exitCode, 0)
  deepEqual(await readShop(database), INTACT_SHOP)

  const undo = await snap(['undo', '-y'])
  equal(undo.exitCode, 2)
  match(
    undo.stderr,
    /^fatal: cannot undo the checkout of .*: it was made without a safety commit$/m,
  )
})

test('a checkout of what is there already asks nothing and restores nothing', async () => {
  const { succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'before'])
  match(await succeed(['checkout', 'HEAD']), /^Nothing had to be restored\nHEAD is now at/)
})

test('--into makes a new database and asks nothing, and refuses one that exists', async () => {
  const { database, snap, succeed } = await newWorkplace(newestMajor)
  const copyName = `${database.name}_copy`
  await succeed(['init'])
  await succeed(['commit', '-m', 'before'])
  await database.query(WRECKAGE)
  try {
    match(
      await succeed(['checkout', 'HEAD', '--into', copyName]),
      new RegExp(`Database '${copyName}' holds`),
    )
    deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '200' }])
    const again = await snap(['checkout', 'HEAD', '--into', copyName])
    equal(again.exitCode, 7)
    match(again.stderr, /^fatal: cannot restore into '.*': a database of that name exists$/m)
  } finally {
    await database.query(`DROP DATABASE IF EXISTS ${copyName}`)
  }
})

test('a branch and a tag are made, listed, followed and deleted', async () => {
  const { database, snap, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'one'])
  await succeed(['tag', 'first', '-m', 'as it was'])
  await succeed(['branch', 'topic'])
  await database.query('DELETE FROM orders WHERE id = 1')
  await succeed(['commit', '-m', 'two'])

  match(
    await succeed(['log', '--oneline']),
    /^[0-9a-f]{12} \(HEAD -> main\) two\n[0-9a-f]{12} \(topic, tag: first\) one\n$/,
  )
  match(
    await succeed(['branch']),
    /^\* {2}main {3}[0-9a-f]{12} {2}two\n {3}topic {2}[0-9a-f]{12} {2}one\n$/,
  )
  match(await succeed(['tag']), /^first {2}[0-9a-f]{12} {2}one\n$/)

  await succeed(['checkout', 'topic', '-y'])
  deepEqual(await readShop(database), INTACT_SHOP)
  match(await succeed(['branch']), /^\* {2}topic/m)

  const current = await snap(['branch', '-d', 'topic'])
  equal(current.exitCode, 2)
  match(current.stderr, /^fatal: cannot delete branch 'topic': HEAD is on it$/m)
  await succeed(['tag', '-d', 'first'])
  equal(await succeed(['tag']), '')
  match(
    await succeed(['reflog', 'first']),
    /^-{12} first@\{0\}: tag: deleted .*\n[0-9a-f]{12} first@\{1\}: as it was /,
  )
})

test('the reflog tells every move of HEAD and why', async () => {
  const { database, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'one'])
  await database.query('DELETE FROM orders')
  await succeed(['checkout', 'HEAD', '-y'])
  const lines = (await succeed(['reflog'])).split('\n')
  match(lines[0]!, /^[0-9a-f]{12} HEAD@\{0\}: checkout: to HEAD \(just now\)$/)
  match(lines[1]!, /^[0-9a-f]{12} HEAD@\{1\}: one \(just now\)$/)
  match(lines[2]!, /^-{12} HEAD@\{2\}: init on main \(just now\)$/)
})

test('show lists tables with their change, what else is held, and where it came from', async () => {
  const { database, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'one'])
  await database.query(`
    DELETE FROM orders WHERE id <= 20;
    CREATE TABLE extra AS SELECT generate_series(1, 3) AS n;
    DROP TABLE alembic_version`)
  await succeed(['commit', '-m', 'two\n\nbecause'])

  const shown = await succeed(['show'])
  match(shown, /^commit [0-9a-f]{64} \(HEAD -> main\)$/m)
  match(shown, /^Author: +Ada <ada@example\.org>$/m)
  match(shown, /^Date: +2026-03-01 .* \(just now\)$/m)
  match(shown, new RegExp(`^Server: +PostgreSQL ${newestMajor}`, 'm'))
  match(shown, /^LSN: +[0-9A-F]+\/[0-9A-F]+$/m)
  match(shown, /^ {4}two\n\n {4}because$/m)
  match(shown, /^public\.orders +480 +-20 +[\d.]+ KiB {2}changed$/m)
  match(shown, /^public\.extra +3 +\+3 +\d+ B {2}new$/m)
  match(shown, /^public\.alembic_version +-1 +gone$/m)
  match(shown, /^3 tables, 583 rows, /m)
  match(shown, /^\d+ schema entries, 1 sequence, 0 large objects$/m)
  match(await succeed(['show', 'HEAD~1']), /^Migration: +alembic ae1027a6acf$/m)
})

test('show REVISION:schema prints the schema as SQL', async () => {
  const { succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'one'])
  const schema = await succeed(['show', 'HEAD:schema'])
  match(schema, /^-- TABLE public\.customers, owner /m)
  match(schema, /^CREATE TABLE public\.customers \($/m)
  match(schema, /ALTER TABLE ONLY public\.orders\n\s+ADD CONSTRAINT orders_customer_id_fkey/)
})

test('a selection is kept with the commit and shown', async () => {
  const { succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed([
    'commit',
    '-m',
    'part',
    '-t',
    'orders',
    '-t',
    'customers',
    '--exclude-table-data',
    'orders',
  ])
  const shown = await succeed(['show'])
  match(shown, /^Selection: +only tables orders, customers$/m)
  match(shown, /^Selection: +without rows of orders$/m)
})

test('cat-object prints kind, size, bytes and a readable form, and its bytes hash to its id', async () => {
  const { json, succeed } = await newWorkplace(newestMajor)
  await succeed(['init'])
  await succeed(['commit', '-m', 'one'])
  const [id] = (await json(['rev-parse', 'HEAD'])).commitIds
  equal(await succeed(['cat-object', '-t', id.slice(0, 10)]), 'commit\n')
  const bytes = await succeed(['cat-object', 'HEAD'])
  equal(await succeed(['cat-object', '-s', 'HEAD']), `${Buffer.byteLength(bytes)}\n`)
  equal(await sha256(bytes), id)
  const { treeId, message } = JSON.parse(await succeed(['cat-object', '-p', 'HEAD']))
  equal(message, 'one')
  equal(await succeed(['cat-object', '-t', treeId]), 'tree\n')
})

async function git(directory: string, ...args: string[]): Promise<void> {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  await promisify(execFile)('git', args, { cwd: directory })
}

async function sha256(text: string): Promise<string> {
  const { createHash } = await import('node:crypto')
  return createHash('sha256').update(text).digest('hex')
}
