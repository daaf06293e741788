import { deepEqual, equal, match } from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import initSqlJs from 'sql.js'
import { describe, test } from 'vitest'
import { readTree } from '../support/file-sources.ts'
import { allMajors } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { INTACT_SHOP, newWorkplace, readShop, type Workplace, WRECKAGE } from './workplace.ts'

const newestMajor = allMajors.at(-1)!

/** A shop with an uploads folder beside it, committed. */
async function shopWithUploads(): Promise<Workplace & { uploads: string }> {
  const place = await newWorkplace(newestMajor)
  const uploads = join(place.directory, 'uploads')
  await mkdir(join(uploads, 'photos'), { recursive: true })
  await mkdir(join(uploads, 'empty'))
  await writeFile(join(uploads, 'photos', 'a.png'), 'a')
  await writeFile(join(uploads, 'photos', 'large.bin'), Buffer.alloc(700_000, 'x'))
  await chmod(join(uploads, 'photos', 'a.png'), 0o640)
  await symlink('photos/a.png', join(uploads, 'latest'))
  await writeFile(join(uploads, '.env'), 'SECRET=1')
  await configure(place, { uploads: { files: { root: 'uploads' } } })
  await place.succeed(['init'])
  await place.succeed(['commit', '-m', 'before'])
  return { ...place, uploads }
}

async function configure({ directory }: Pick<Workplace, 'directory'>, sources: object) {
  await writeFile(join(directory, 'snap.config.json'), JSON.stringify({ sources }))
}

async function wreckUploads(uploads: string): Promise<void> {
  await rm(join(uploads, 'latest'))
  await mkdir(join(uploads, 'latest'))
  await writeFile(join(uploads, 'latest', 'new'), 'new')
  await rm(join(uploads, 'empty'), { recursive: true })
  await writeFile(join(uploads, 'photos', 'a.png'), 'b')
  await chmod(join(uploads, 'photos', 'large.bin'), 0o600)
  await writeFile(join(uploads, 'added'), '')
}

describe('files beside the database', () => {
  test('come back with it, and undo takes both away again', async () => {
    const { uploads, database, succeed, snap } = await shopWithUploads()
    const before = await readTree(uploads)
    await database.query(WRECKAGE)
    await wreckUploads(uploads)
    const wrecked = await readTree(uploads)

    const status = await snap(['status'])
    equal(status.exitCode, 1)
    match(status.stdout, /^Source uploads: 2 added, 1 removed, 3 changed \(684 KiB -> 684 KiB\)$/m)
    match(status.stdout, /^ {2}~ photos\/a.png \(1 B 0640, other contents\)$/m)

    await succeed(['checkout', 'HEAD', '-y'])
    deepEqual(await readTree(uploads), before)
    deepEqual(await readShop(database), INTACT_SHOP)
    equal((await snap(['status'])).exitCode, 0)

    await succeed(['undo', '-y'])
    deepEqual(await readTree(uploads), wrecked)
  })

  test('are listed with what would become of them, and left alone, when only looking', async () => {
    const { uploads, snap, json } = await shopWithUploads()
    await wreckUploads(uploads)
    const wrecked = await readTree(uploads)
    const { exitCode, stdout } = await snap(['checkout', 'HEAD', '--dry-run'])
    equal(exitCode, 0)
    match(stdout, /^The database equals this commit already$/m)
    match(stdout, /^ {2}- added \(0 B 0644\)$/m)
    match(stdout, /^ {2}\+ empty \(directory 0755\)$/m)
    match(stdout, /^ {2}~ latest \(directory 0755 -> link to photos\/a\.png\)$/m)
    const { plan } = await json(['checkout', 'HEAD', '--dry-run'])
    equal(plan.sources.changes[0].files.length, 6)
    equal('inPlace' in plan, false)
    await snap(['checkout', 'HEAD', '-y', '--no-sources'])
    deepEqual(await readTree(uploads), wrecked)
    deepEqual((await readdir(join(uploads, '..'))).sort(), ['.snap', 'snap.config.json', 'uploads'])
  })

  test('that differ alone want to be confirmed, come back, and can be rolled back by number', async () => {
    const { uploads, snap, succeed } = await shopWithUploads()
    await rm(uploads, { recursive: true })
    equal((await snap(['checkout', 'HEAD'])).exitCode, 7)
    await succeed(['checkout', 'HEAD', '-y'])
    equal(await readFile(join(uploads, 'photos', 'a.png'), 'utf8'), 'a')
    await succeed(['rollback', '-y'])
    deepEqual(await readdir(uploads), [])
  })

  test('that a failed run has changed alone are rolled back with it', async () => {
    const { uploads, snap } = await shopWithUploads()
    const before = await readTree(uploads)
    const { exitCode, stderr } = await snap(['run', '--rollback-on-failure', '--', 'true'], {
      runChild: async () => {
        await wreckUploads(uploads)
        return { kind: 'exited', exitCode: 3 }
      },
    })
    equal(exitCode, 3)
    match(stderr, /^Source uploads: 2 added, 1 removed, 3 changed/m)
    deepEqual(await readTree(uploads), before)
  })

  test('are printed and exported as they were, without a database', async () => {
    const { uploads, database, directory, snap, succeed } = await shopWithUploads()
    await writeFile(join(uploads, Buffer.from('a\xff').toString('latin1')), 'other')
    await configure(
      { directory },
      {
        uploads: { files: { root: 'uploads' } },
        kv: { command: { dump: ['printf', 'k\\000v'] } },
      },
    )
    await succeed(['commit', '-m', 'second'])
    const whole = await readTree(uploads)
    await database.drop()

    const listed = (await succeed(['cat', 'HEAD:source:uploads'])).split('\n')
    deepEqual(
      listed
        .map((line) => line.replace(/20\S+Z/, 'when'))
        .filter((line) => /a.png|empty/.test(line)),
      [
        'd0755            - when empty',
        'l   -            - -                        latest -> photos/a.png',
        '-0640            1 when photos/a.png',
      ],
    )
    equal(await succeed(['cat', 'HEAD:source:uploads/photos/large.bin']), 'x'.repeat(700_000))
    equal(await succeed(['cat', 'HEAD:source:kv']), 'k\0v')
    const photos = await succeed(['--json', 'cat', 'HEAD:source:uploads/photos'])
    deepEqual(
      photos.split('\n', 3).map((line) => JSON.parse(line).path),
      ['photos', 'photos/a.png', 'photos/large.bin'],
    )
    for (const missing of ['HEAD:source:nothing', 'HEAD:source:uploads/b', 'HEAD:source:kv/x']) {
      equal((await snap(['cat', missing])).exitCode, 2, missing)
    }

    await succeed(['export', '--format', 'directory', '--output', 'out'])
    const exported = join(directory, 'out', 'sources')
    const { '.env': _, ...captured } = whole
    deepEqual(await readTree(join(exported, 'uploads')), captured)
    equal(await readFile(join(exported, 'kv'), 'utf8'), 'k\0v')
    deepEqual((await readdir(exported)).sort(), ['kv', 'uploads'])
    await succeed(['export', '--format', 'directory', '--output', 'without', '--no-sources'])
    equal((await readdir(join(directory, 'without'))).includes('sources'), false)
    match(
      (await snap(['export'])).stderr,
      /^Not in the SQL: source kv, uploads; --format directory/m,
    )
  })

  test('stay as they are when the database cannot be restored', async () => {
    const { uploads, database, snap, directory } = await shopWithUploads()
    await database.query('DELETE FROM orders')
    await wreckUploads(uploads)
    const wrecked = await readTree(uploads)
    const blocker = new pg.Client(database.url)
    await blocker.connect()
    await blocker.query('BEGIN; LOCK TABLE orders')
    const { exitCode } = await snap(['checkout', 'HEAD', '-y', '--lock-timeout', '1s'])
    await blocker.end()
    equal(exitCode, 6)
    deepEqual(await readTree(uploads), wrecked)
    deepEqual((await readdir(directory)).sort(), ['.snap', 'snap.config.json', 'uploads'])
  })
})

describe('Redis and a vector store beside the database', () => {
  test('go through commit, change, status and checkout with it', async () => {
    const place = await newWorkplace(newestMajor)
    const { database, directory, json, snap, succeed } = place
    const redis = await startRedis()
    const chroma = join(directory, 'chroma')
    await writeChroma(chroma, ['first', 'second'])
    await redis.cli('SET', 'session:1', 'ada')
    await redis.cli('HSET', 'cart:1', 'apples', '3', 'pears', '4')
    await redis.cli('-n', '3', 'SET', 'soon', 'gone', 'PXAT', '4102444800000')
    await configure(place, {
      chroma: { files: { root: 'chroma' } },
      redis: { command: redis.command },
    })
    await succeed(['init'])
    match(await succeed(['commit', '-m', 'all three']), /^ redis: \d+ B$/m)
    equal((await json(['commit', '-m', 'again'])).isUnchanged, true)
    const before = await readTree(chroma)

    await database.query(WRECKAGE)
    await writeChroma(chroma, ['first', 'second', 'third'])
    await redis.cli('HSET', 'cart:1', 'apples', '99')
    await redis.cli('DEL', 'session:1')
    await redis.cli('-n', '3', 'SET', 'more', '1')
    const { exitCode, stdout } = await snap(['status'])
    equal(exitCode, 1)
    match(stdout, /^ {2}~ chroma\.sqlite3 \(/m)
    match(stdout, /^Source redis: changed \(\d+ B -> \d+ B\)$/m)

    match(await succeed(['checkout', 'HEAD', '-y']), /^Source redis restored/m)
    deepEqual(await readShop(database), INTACT_SHOP)
    deepEqual(await readTree(chroma), before)
    deepEqual(await readSegments(chroma), ['first', 'second'])
    equal(await redis.cli('HGET', 'cart:1', 'apples'), '3')
    equal(await redis.cli('GET', 'session:1'), 'ada')
    equal(await redis.cli('-n', '3', 'PEXPIRETIME', 'soon'), '4102444800000')
    equal(await redis.cli('-n', '3', 'EXISTS', 'more'), '0')
    equal((await snap(['status'])).exitCode, 0)

    await succeed(['undo', '-y'])
    equal(await redis.cli('HGET', 'cart:1', 'apples'), '99')
    deepEqual(await readSegments(chroma), ['first', 'second', 'third'])

    match(await succeed(['show', 'HEAD']), SHOWN_MOMENTS)
    deepEqual((await json(['fsck'])).findings, [])
    await succeed(['gc'])
    deepEqual((await json(['fsck'])).findings, [])
  })

  test('a dump command that fails after it has written leaves no commit', async () => {
    const place = await newWorkplace(newestMajor)
    await configure(place, { cache: { command: { dump: 'echo half; exit 3', restore: ['cat'] } } })
    await place.succeed(['init'])
    const { exitCode, stderr } = await place.snap(['commit', '-m', 'never'])
    equal(exitCode, 10)
    match(stderr, /the dump command of source 'cache' ended with 3/)
    equal((await place.snap(['rev-parse', 'HEAD'])).exitCode, 2)
    deepEqual((await place.json(['fsck'])).findings, [])
    await place.succeed(['commit', '-m', 'alone', '--no-sources'])
  })

  test('a restore command that fails leaves the others restored, and each state is said', async () => {
    const place = await newWorkplace(newestMajor)
    const { database, directory, json, snap, succeed } = place
    await mkdir(join(directory, 'uploads'))
    await writeFile(join(directory, 'uploads', 'a'), 'a')
    await writeFile(join(directory, 'state'), 'one')
    await configure(place, {
      cache: { command: { dump: 'cat state', restore: 'echo "no room" >&2; exit 9' } },
      uploads: { files: { root: 'uploads' } },
    })
    await succeed(['init'])
    await succeed(['commit', '-m', 'before'])
    await database.query(WRECKAGE)
    await writeFile(join(directory, 'uploads', 'a'), 'b')
    await writeFile(join(directory, 'state'), 'two')

    const { exitCode, stderr } = await snap(['checkout', 'HEAD', '-y'])
    equal(exitCode, 9)
    match(stderr, /^ {2}uploads: restored$/m)
    match(stderr, /^ {2}cache: not known: .*ended with 9.*$/m)
    deepEqual(await readShop(database), INTACT_SHOP)
    equal(await readFile(join(directory, 'uploads', 'a'), 'utf8'), 'a')
    deepEqual((await json(['fsck'])).findings, [])
    const [last] = (await succeed(['--json', 'ops'])).split('\n')
    equal(JSON.parse(last!).end.databaseChange, 'changed')

    await configure(place, {
      cache: { command: { dump: 'cat state', restore: 'cat > state' } },
      uploads: { files: { root: 'uploads' } },
    })
    await succeed(['checkout', 'HEAD', '-y'])
    equal(await readFile(join(directory, 'state'), 'utf8'), 'one')
    equal((await snap(['status'])).exitCode, 0)
  })
})

const SHOWN_MOMENTS =
  /Read one after the other, each at its own time:\n {2}PostgreSQL: as of one moment, \S+ by the server's clock\n {2}chroma: 3 paths below chroma, .*, read from \S+ to \S+\n {2}redis: \d+ B, read from/

/** The layout of ChromaDB: an SQLite file, and binary segments in a directory each. */
async function writeChroma(directory: string, documents: readonly string[]): Promise<void> {
  const { Database } = await initSqlJs()
  const database = new Database()
  database.run('CREATE TABLE embeddings (id INTEGER PRIMARY KEY, document TEXT)')
  for (const each of documents) {
    database.run('INSERT INTO embeddings (document) VALUES (?)', [each])
  }
  const segment = join(directory, '2b9f7c1e-0000-4000-8000-000000000001')
  await mkdir(segment, { recursive: true })
  await writeFile(join(directory, 'chroma.sqlite3'), database.export())
  await writeFile(join(segment, 'data_level0.bin'), Buffer.alloc(40_000 * documents.length, 7))
  database.close()
}

async function readSegments(directory: string): Promise<unknown[]> {
  const { Database } = await initSqlJs()
  const database = new Database(await readFile(join(directory, 'chroma.sqlite3')))
  const [found] = database.exec('SELECT document FROM embeddings ORDER BY id')
  database.close()
  return found!.values.flat()
}
