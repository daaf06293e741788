/** Each thing that can be wrong in the world has its own sentence and its own exit code. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, test } from 'vitest'
import { encodeCommit } from '../../src/format/commit.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import {
  type Backend,
  LocalBackend,
  openStore,
  resolveRevision,
  SnapError,
} from '../../src/index.ts'
import { allMajors, databaseUrl, serverOf } from '../support/postgres.ts'
import { environment, runSnap, temporaryDirectory } from './run-snap.ts'
import { newWorkplace } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

async function storeWithCommit() {
  const place = await newWorkplace(newestMajor)
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'one'])
  return place
}

describe('the database', () => {
  test('init without any address makes the store and says how to name a database', async () => {
    const directory = await temporaryDirectory()
    const { exitCode, stdout, stderr } = await runSnap(['init'], { workingDirectory: directory })
    equal(exitCode, 0)
    equal(stdout, `Initialized empty store in ${directory}/.snap\n`)
    match(stderr, /^warning: .*\nhint: name it with --database URL, or set DATABASE_URL\n/)
    match(stderr, /^Next: {2}echo 'DATABASE_URL=.*' >> \.env$/m)
  })

  test('init with a server that is not there makes the store and warns', async () => {
    const directory = await temporaryDirectory()
    const { exitCode, stderr } = await runSnap(
      ['init', '--database', 'postgres://ada:secret@127.0.0.1:1/shop'],
      { workingDirectory: directory },
    )
    equal(exitCode, 0)
    match(stderr, /^warning: cannot (reach|connect to) .*127\.0\.0\.1:1\/shop/m)
    equal(stderr.includes('secret'), false)
  })

  test('init with an address that cannot be read makes nothing', async () => {
    const directory = await temporaryDirectory()
    const { exitCode, stderr } = await runSnap(
      ['init', '--database', 'postgres://ada:secret@db:port/shop'],
      { workingDirectory: directory },
    )
    equal(exitCode, 2)
    match(stderr, /^fatal: .*--database/m)
    equal(stderr.includes('secret'), false)
    equal((await runSnap(['log'], { workingDirectory: directory })).exitCode, 3)
  })

  test('commit without any address', async () => {
    const { snap } = await storeWithCommit()
    const { exitCode, stderr } = await snap(['commit', '-m', 'x'], { environment: environment() })
    equal(exitCode, 2)
    match(stderr, /^fatal: .*\nhint: name it with --database URL, or set DATABASE_URL\n$/)
  })

  test('commit from a server that is not there', async () => {
    const { snap } = await storeWithCommit()
    const { exitCode, stderr } = await snap([
      'commit',
      '-m',
      'x',
      '--database',
      'postgres://ada:secret@127.0.0.1:1/shop',
    ])
    equal(exitCode, 6)
    match(stderr, /^fatal: cannot .*127\.0\.0\.1:1\/shop/m)
    match(stderr, /^hint: /m)
    equal(stderr.includes('secret'), false)
  })

  test('commit of a database that does not exist', async () => {
    const { snap } = await storeWithCommit()
    const url = databaseUrl(serverOf(newestMajor), 'no_such_database')
    const { exitCode, stderr } = await snap(['commit', '-m', 'x', '--database', url])
    equal(exitCode, 6)
    match(stderr, /^fatal: .*"no_such_database" does not exist/m)
  })

  test('commit as a role that may not read one table', async () => {
    const { database, snap, succeed } = await newWorkplace(newestMajor)
    const role = `${database.name}_reader`
    await database.query(`
      CREATE ROLE ${role} LOGIN;
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
      GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role};
      CREATE TABLE salaries (amount int)`)
    try {
      const url = databaseUrl(serverOf(newestMajor), database.name, role)
      const init = await succeed(['init', '--database', url])
      match(init, /A commit will be refused: role \w+ may not read 1 of 4 tables\n/)
      match(init, /^ {2}GRANT SELECT ON "public"\."salaries" TO /m)
      const { exitCode, stderr } = await snap(['commit', '-m', 'x', '--database', url])
      equal(exitCode, 6)
      match(stderr, /^fatal: .*salaries/m)
      match(stderr, /^hint: /m)
    } finally {
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  test('a lock that is not granted names who holds it', async () => {
    const { database, snap, succeed } = await newWorkplace(newestMajor)
    await succeed(['init'])
    await database.withClient(async (client) => {
      await client.query("SET application_name = 'migration'")
      await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE')
      const { exitCode, stderr } = await snap(['commit', '-m', 'x', '--lock-timeout', '2s'])
      equal(exitCode, 6)
      match(stderr, /^held by:\n {2}pid +user +application +since +query$/m)
      match(stderr, /^ {2}\d+ +postgres +migration +\d{4}-.* LOCK TABLE orders/m)
      await client.query('ROLLBACK')
    })
  })

  test('a table pattern that matches nothing', async () => {
    const { snap } = await storeWithCommit()
    for (const argv of [
      ['commit', '-m', 'x', '-t', 'ordes'],
      ['status', '--table', 'ordes'],
      ['diff', '--rows', '--table', 'ordes', '--table', 'customers'],
      ['diff', '--sql', '--table', 'ordes'],
    ]) {
      const { exitCode, stderr } = await snap(argv)
      equal(exitCode, 2, argv.join(' '))
      match(stderr, /^fatal: no table matches 'ordes'$/m)
      match(stderr, /^hint: did you mean orders\b/m)
    }
  })
})

describe('the store', () => {
  test('there is none', async () => {
    const directory = await temporaryDirectory()
    for (const argv of [['log'], ['fsck'], ['commit', '-m', 'x'], ['checkout', 'HEAD']]) {
      const { exitCode, stderr } = await runSnap(argv, {
        workingDirectory: directory,
      })
      equal(exitCode, 3, argv.join(' '))
      match(stderr, /^fatal: no store in .*\nhint: run 'snap init' to make one\n$/)
    }
  })

  test('there is one already', async () => {
    const { snap } = await storeWithCommit()
    const { exitCode, stderr } = await snap(['init'])
    equal(exitCode, 7)
    match(stderr, /^fatal: there is a store in '.*' already$/m)
  })

  test('it was written by a later version', async () => {
    const { directory, snap } = await storeWithCommit()
    const path = join(directory, '.snap', 'format')
    await rm(path)
    const lines = 'snap store 99\n{}\n'
    await writeFile(path, `${lines}sha256 ${createHash('sha256').update(lines).digest('hex')}\n`)
    const { exitCode, stderr } = await snap(['log'])
    equal(exitCode, 3)
    match(stderr, /^fatal: .*99.*\nhint: update snap\n$/)
  })

  test('it cannot be written', async () => {
    const { snap } = await storeWithCommit()
    const { exitCode, stderr } = await snap(['commit', '-m', 'x'], {
      dependencies: {
        wrapBackend: failWrites(
          'BACKEND_READ_ONLY',
          "cannot write to '/srv': read-only file system",
        ),
      },
    })
    equal(exitCode, 8)
    match(stderr, /^fatal: cannot write to '\/srv': read-only file system$/m)
  })

  test('the disk is full', async () => {
    const { snap, succeed } = await storeWithCommit()
    const { exitCode, stderr } = await snap(['commit', '-m', 'x', '-t', 'orders'], {
      dependencies: { wrapBackend: failWrites('BACKEND_FULL', "no space left in '/srv'") },
    })
    equal(exitCode, 8)
    match(stderr, /^fatal: no space left in '\/srv'$/m)
    match(await succeed(['log', '--oneline']), /^[0-9a-f]{12} \(HEAD -> main\) one\n$/)
    match(await succeed(['fsck']), /^No problems found/)
  })

  test('it is damaged: fsck names the file, and a checkout refuses before it touches anything', async () => {
    const { database, directory, snap } = await storeWithCommit()
    const pack = await damageRowsOf('orders', directory)
    await database.query('DELETE FROM orders')

    const fsck = await snap(['fsck'])
    equal(fsck.exitCode, 1)
    match(fsck.stdout, new RegExp(pack))
    match(fsck.stdout, /^[1-9]\d* problems? found: 1 commit, /m)

    const checkout = await snap(['checkout', 'HEAD', '-y'])
    equal(checkout.exitCode, 4)
    match(checkout.stderr, /^fatal: .*\n?hint: /m)
    deepEqual(await database.query('SELECT count(*) FROM orders'), [{ count: '0' }])
  })

  test('its directory is read-only', async () => {
    // Nobody may make a directory there, root included.
    const { exitCode, stderr } = await runSnap(['init', '/sys/kernel'])
    equal(exitCode, 8)
    match(
      stderr,
      /^fatal: cannot create '\/sys\/kernel\/\.snap': (permission denied|read-only file system)$/m,
    )
  })
})

describe('a revision', () => {
  test('that nothing has the name of', async () => {
    const { snap } = await storeWithCommit()
    for (const argv of [
      ['show', 'nowhere'],
      ['log', 'nowhere'],
      ['rev-parse', 'nowhere'],
      ['tag', 'x', 'nowhere'],
    ]) {
      const { exitCode, stderr } = await snap(argv)
      equal(exitCode, 2)
      match(stderr, /^fatal: unknown revision 'nowhere'/)
    }
  })

  test('before the first commit', async () => {
    const { snap, succeed } = await newWorkplace(newestMajor)
    await succeed(['init'])
    const { exitCode, stderr } = await snap(['log'])
    equal(exitCode, 2)
    match(
      stderr,
      /^fatal: unknown revision 'HEAD': 'refs\/heads\/main' has no commit yet\nhint: run 'snap commit'/,
    )
  })

  test('that is the beginning of several ids', async () => {
    const { directory, snap } = await storeWithCommit()
    const prefix = await addCommitsWithOnePrefix(directory)
    for (const argv of [
      ['show', prefix],
      ['checkout', prefix],
      ['cat-object', prefix],
    ]) {
      const { exitCode, stderr } = await snap(argv)
      equal(exitCode, 2)
      match(stderr, /^fatal: '[0-9a-f]{4}' is the beginning of 2 (commits|ids)$/m)
      match(stderr, new RegExp(`^(  ${prefix}[0-9a-f]{60}\\n){2}hint: `, 'm'))
    }
  })

  test('of undo, when there was no checkout', async () => {
    const { snap } = await storeWithCommit()
    const { exitCode, stderr } = await snap(['undo', '-y'])
    equal(exitCode, 2)
    match(stderr, /^fatal: there is no checkout to undo$/m)
  })
})

/** A backend that reads, and refuses to write as a full or read-only disk does. */
function failWrites(code: 'BACKEND_READ_ONLY' | 'BACKEND_FULL', message: string) {
  return (backend: Backend): Backend => ({
    location: backend.location,
    create: async () => {
      throw new SnapError(code, message, { location: backend.location })
    },
    read: (key, range) => backend.read(key, range),
    findSizeBytes: (key) => backend.findSizeBytes(key),
    list: (prefix) => backend.list(prefix),
    remove: (key) => backend.remove(key),
    close: () => backend.close(),
  })
}

/** Flips one bit of a table's rows, as HEAD holds them, and returns the name of their pack. */
async function damageRowsOf(tableName: string, directory: string): Promise<string> {
  const storeDirectory = join(directory, '.snap')
  const store = await openStore(await LocalBackend.open(storeDirectory))
  const { treeId } = await store.objects.readCommit(await resolveRevision(store, 'HEAD'))
  const { tables } = await store.objects.readTree(treeId)
  const rows = tables.find(({ name }) => name === tableName)!.rows!
  const node = await store.objects.readNode(rows.rootId)
  const chunkId = 'chunks' in node ? node.chunks[0]!.id : node.children[0]!.rootId
  const { packKey, offsetBytes, storedSizeBytes } = (await store.objects.findEntry(chunkId))!
  await store.close()

  const path = join(storeDirectory, packKey)
  const bytes = await readFile(path)
  const middle = offsetBytes + Math.floor(storedSizeBytes / 2)
  bytes[middle] = bytes[middle]! ^ 1
  // Packs are made read-only.
  await rm(path)
  await writeFile(path, bytes)
  return basename(packKey)
}

/** Adds two commits whose ids begin with the same four digits, and returns those. */
async function addCommitsWithOnePrefix(directory: string): Promise<string> {
  const store = await openStore(await LocalBackend.open(join(directory, '.snap')))
  const commit = await store.objects.readCommit(await resolveRevision(store, 'HEAD'))
  const seen = new Map<string, Uint8Array>()
  for (let round = 0; ; round++) {
    const bytes = encodeCommit({ ...commit, message: `round ${round}` })
    const prefix = objectIdOf(bytes).slice(0, 4)
    const other = seen.get(prefix)
    seen.set(prefix, bytes)
    // An object that is there already would be a third.
    if (other === undefined || (await store.objects.idsWithPrefix(prefix)).length > 0) continue
    const writer = store.objects.newWriter()
    await writer.put('metadata', bytes)
    await writer.put('metadata', other)
    await writer.flush()
    await writer.close()
    await store.close()
    return prefix
  }
}
