import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import {
  chmod,
  link,
  mkdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import type { CommittedFiles } from '../../../src/format/values.ts'
import { fsck } from '../../../src/maintenance/fsck.ts'
import type { ObjectSink } from '../../../src/objects/object-sink.ts'
import { walkChunks } from '../../../src/objects/walk-manifest.ts'
import { compareFiles, readFileEntries } from '../../../src/sources/compare-files.ts'
import { listSourceFiles, readSourceFile } from '../../../src/sources/read-source.ts'
import type { FilesSource } from '../../../src/sources/source.ts'
import type { Store } from '../../../src/store.ts'
import { capture, filesSource, readTree, stage } from '../../support/file-sources.ts'
import { memoryStore } from '../../support/store.ts'

/** Some of everything that a directory can hold. */
async function fillWithEverything({ rootPath }: FilesSource): Promise<void> {
  await mkdir(join(rootPath, 'deep', 'er'), { recursive: true })
  await mkdir(join(rootPath, 'empty'), { mode: 0o700 })
  await chmod(join(rootPath, 'deep'), 0o2750)
  const files: [name: string | Buffer, contents: string | Buffer, mode?: number][] = [
    ['nothing', ''],
    ['deep/er/no line feed', 'a\nb'],
    ['deep/er/run', '#!/bin/sh\n', 0o4755],
    ['read only', 'x', 0o400],
    ['large', Buffer.alloc(900_000, 'line\n')],
    ['zeros', Buffer.alloc(400_000)],
    ['brackets[a]{b,c}*?!', 'glob'],
    ['!excluded?', 'no'],
    ['back\\slash', 'b'],
    ['line\nfeed', 'l'],
    ['été 😀', 'utf-8'],
    ['\ufffd', 'replacement'],
    ['.hidden', 'dot'],
    [Buffer.from('latin-\xe9', 'latin1'), 'not utf-8'],
    [Buffer.from('surrogate-\xed\xa0\x80', 'latin1'), 'not utf-8 either'],
  ]
  for (const [name, contents, mode = 0o644] of files) {
    const path = Buffer.concat([Buffer.from(`${rootPath}/`), Buffer.from(name)])
    await writeFile(path, contents)
    await chmod(path, mode)
  }
  await symlink('nowhere', join(rootPath, 'broken link'))
  await symlink(Buffer.from('latin-\xe9', 'latin1'), join(rootPath, 'deep', 'link'))
  await link(join(rootPath, 'large'), join(rootPath, 'hard link'))
}

describe('files', () => {
  test('are read from the store one by one, by the name that a shell hands on as well', async () => {
    const store = await memoryStore()
    const source = await filesSource()
    await fillWithEverything(source)
    const { committed } = await capture(store, source)
    const read = async (path: string) => {
      const found = []
      for await (const file of listSourceFiles(store.objects, committed, path)) {
        let contents = ''
        for await (const bytes of readSourceFile(store.objects, committed, file)) {
          contents += Buffer.from(bytes).toString('latin1')
        }
        found.push([file.entry.path, contents, file.isNamed])
      }
      return found
    }
    deepEqual(await read('read only'), [['read only', 'x', true]])
    deepEqual(await read('deep/er'), [
      ['deep/er', '', true],
      ['deep/er/no line feed', 'a\nb', false],
      ['deep/er/run', '#!/bin/sh\n', false],
    ])
    deepEqual(await read('zeros'), [['zeros', '\0'.repeat(400_000), true]])
    deepEqual(await read('latin-\ufffd'), [['latin-\udce9', 'not utf-8', true]])
    deepEqual(await read('\ufffd'), [['\ufffd', 'replacement', true]])
    deepEqual(await read('deep/e'), [])
  })

  test('of every kind and name come back as they were', async () => {
    const store = await memoryStore()
    const source = await filesSource()
    await fillWithEverything(source)
    await utimes(join(source.rootPath, 'large'), 1_700_000_000.123456, 1_700_000_000.123456)
    const before = await readTree(source.rootPath)
    const { committed } = await capture(store, source)

    await rm(source.rootPath, { recursive: true })
    await mkdir(source.rootPath)
    await mkdir(join(source.rootPath, 'large'))
    await writeFile(join(source.rootPath, 'large', 'in the way'), '')
    await writeFile(join(source.rootPath, 'deep'), 'in the way')
    await (await stage(store, source, committed)).swap()

    deepEqual(await readTree(source.rootPath), before)
    equal(Math.round((await stat(join(source.rootPath, 'large'))).mtimeMs), 1_700_000_000_123)
    const again = await capture(store, source)
    equal(again.committed.entries.rootId, committed.entries.rootId)
    equal(again.committed.contents.rootId, committed.contents.rootId)
    deepEqual((await fsck(store.backend)).findings, [])
  })

  test('that a directory has but no pattern chose stay, and .env is theirs', async () => {
    const store = await memoryStore()
    const source = await filesSource({
      patterns: ['images/**', '*.db'],
      exclude: ['images/tmp/**'],
    })
    await mkdir(join(source.rootPath, 'images', 'tmp'), { recursive: true })
    await writeFile(join(source.rootPath, 'images', 'a.png'), 'a')
    await writeFile(join(source.rootPath, 'app.db'), 'db')
    const { committed } = await capture(store, source)
    await writeFile(join(source.rootPath, 'images', 'tmp', 'x'), 'outside')
    await writeFile(join(source.rootPath, 'other'), 'outside')
    await writeFile(join(source.rootPath, 'images', 'b.png'), 'b')
    await rm(join(source.rootPath, 'app.db'))

    await (await stage(store, source, committed)).swap()

    deepEqual(await readTree(source.rootPath), {
      'app.db': '644 db',
      images: 'directory 755',
      'images/a.png': '644 a',
      'images/tmp': 'directory 755',
      'images/tmp/x': '644 outside',
      other: '644 outside',
    })
  })

  test('sockets, pipes and devices are named as not captured', async () => {
    const source = await filesSource()
    await mkdir(source.rootPath)
    execFileSync('mkfifo', [join(source.rootPath, 'pipe')])
    const { committed, notCaptured } = await capture(await memoryStore(), source)
    equal(committed.entries.rowCount, 0)
    deepEqual(notCaptured, [
      { kind: 'FILE', name: 'uploads/pipe', reason: 'a named pipe holds no data' },
    ])
  })

  test('what a pattern names behind a link is named, too, and only the link is held', async () => {
    const source = await filesSource({ patterns: ['link/*.txt', 'link/deep/*'] })
    const store = await memoryStore()
    await mkdir(join(source.rootPath, '..', 'elsewhere', 'deep'), { recursive: true })
    await mkdir(source.rootPath)
    await writeFile(join(source.rootPath, '..', 'elsewhere', 'a.txt'), 'a')
    await writeFile(join(source.rootPath, '..', 'elsewhere', 'deep', 'b'), 'b')
    await symlink('../elsewhere', join(source.rootPath, 'link'))
    const { committed, notCaptured } = await capture(store, source)
    deepEqual(
      (await listAll(readFileEntries(store.objects, committed))).map(({ path }) => path),
      ['link'],
    )
    deepEqual(
      notCaptured.map(({ name }) => name),
      ['uploads/link/a.txt', 'uploads/link/deep', 'uploads/link/deep/b'],
    )
  })

  test('the store and what a checkout stages are no files of a source', async () => {
    const source = await filesSource()
    const storePath = join(source.rootPath, 'a[1]', '.snap')
    await mkdir(join(storePath, 'packs'), { recursive: true })
    await mkdir(join(source.rootPath, '.uploads.snap-restore-0123456789ab'))
    await writeFile(join(storePath, 'format'), '')
    const { live } = await capture(await memoryStore(), { ...source, storePath })
    deepEqual([...live.keys()], ['a[1]'])
  })

  test('that cannot be read are named, and a missing root is refused', async () => {
    const source = await filesSource()
    const store = await memoryStore()
    await rejects(capture(store, source), {
      code: 'SOURCE_UNREADABLE',
      message: "cannot read source 'uploads': it is not there",
    })
    await mkdir(join(source.rootPath, 'private'), { recursive: true })
    await writeFile(join(source.rootPath, 'secret'), 's', { mode: 0 })
    await chmod(join(source.rootPath, '..'), 0o755)
    await asNobody(() =>
      rejects(capture(store, source), {
        code: 'SOURCE_UNREADABLE',
        data: { source: 'uploads', path: 'secret', reason: 'permission denied' },
      }),
    )
    await chmod(join(source.rootPath, 'private'), 0)
    await asNobody(() =>
      rejects(capture(store, source), {
        code: 'SOURCE_UNREADABLE',
        data: { source: 'uploads', path: 'private', reason: 'permission denied' },
      }),
    )
    await chmod(join(source.rootPath, 'private'), 0o700)
  })

  test('ten thousand of them take a few seconds and few objects', async () => {
    const store = await memoryStore()
    const source = await filesSource()
    for (let directory = 0; directory < 100; directory++) {
      const path = join(source.rootPath, String(directory))
      await mkdir(path, { recursive: true })
      for (let n = 0; n < 100; n++)
        writeFileSync(join(path, String(n)), `file ${directory} ${n}\n`.repeat(20))
    }
    const startedAtMs = performance.now()
    const { committed } = await capture(store, source)
    const elapsedMs = performance.now() - startedAtMs
    equal(committed.entries.rowCount, 10_100)
    ok(committed.contents.chunkCount < 200, `${committed.contents.chunkCount} chunks`)
    // A few seconds on two cores; what is measured here is that nothing grows with its square.
    ok(elapsedMs < 60_000, `${elapsedMs} ms`)
  })

  test('one more among small ones takes a chunk or two, and a large one brings its own', async () => {
    const store = await memoryStore()
    const small = Array.from({ length: 400 }, (_, n) => [
      `${n}`.padStart(3, '0'),
      `${n}\n`.repeat(400),
    ])
    const source = await sourceOf(Object.fromEntries(small))
    const large = Buffer.from(Array.from({ length: 50_000 }, (_, n) => `row ${n}\n`).join(''))
    await writeFile(join(source.rootPath, 'large'), large)
    const first = await capture(store, source)
    const before = new Set(await chunksOf(store, first.committed))
    await writeFile(join(source.rootPath, '200a'), 'one more\n')
    await writeFile(join(source.rootPath, '100 copy of large'), large)
    const second = await capture(store, source)
    const added = (await chunksOf(store, second.committed)).filter((id) => !before.has(id))
    ok(before.size > 10, `${before.size} chunks`)
    ok(added.length <= 5, `${added.length} new chunks`)
    const changes = await listAll(
      compareFiles(
        readFileEntries(store.objects, first.committed),
        readFileEntries(store.objects, second.committed),
      ),
    )
    deepEqual(
      changes.map(({ path }) => path),
      ['100 copy of large', '200a'],
    )
  })
})

describe('a file that changes', () => {
  test('once while it is read is read again', async () => {
    const source = await sourceOf({ large: Buffer.alloc(2_000_000, 'old\n') })
    const path = join(source.rootPath, 'large')
    const store = await memoryStore()
    const writes = onFirstPut(() => appendFileSync(path, 'new\n'))
    const { committed } = await capture(store, source, { wrap: writes })
    equal(committed.contents.sizeBytes, 2_000_004)
  })

  test('in place and without growing is noticed, too', async () => {
    const source = await sourceOf({ large: Buffer.alloc(2_000_000, 'old\n') })
    const path = join(source.rootPath, 'large')
    const store = await memoryStore()
    const after = Buffer.alloc(2_000_000, 'new\n')
    const { committed, live } = await capture(store, source, {
      wrap: onFirstPut(() => writeFileSync(path, after)),
    })
    deepEqual(await readFile(path), after)
    const [entry] = [...live.values()].map((each) => each.entry)
    const [stored] = await listAll(readFileEntries(store.objects, committed))
    deepEqual(stored, entry)
    equal((await capture(store, source)).committed.entries.rootId, committed.entries.rootId)
  })

  test('each time it is read is refused', async () => {
    const source = await sourceOf({ 'app.log': Buffer.alloc(1_000_000, 'line\n') })
    const path = join(source.rootPath, 'app.log')
    const wrap = (sink: ObjectSink): ObjectSink => ({
      put: (kind, bytes) => {
        appendFileSync(path, 'more\n')
        return sink.put(kind, bytes)
      },
    })
    await rejects(capture(await memoryStore(), source, { wrap }), {
      code: 'SOURCE_CHANGED',
      data: { source: 'uploads', paths: ['app.log'] },
    })
  })

  test('and goes before its turn is not there', async () => {
    const names = Array.from({ length: 60 }, (_, n) => [String(n).padStart(2, '0'), `${n}`])
    const source = await sourceOf(Object.fromEntries(names))
    const { live } = await capture(await memoryStore(), source, {
      onEntry: (path) => {
        if (path === '00') rmSync(join(source.rootPath, '59'))
      },
    })
    equal(live.has('58'), true)
    equal(live.has('59'), false)
  })

  test('with the log of an SQLite database has both read again, so that they belong together', async () => {
    const header = Buffer.from('SQLite format 3\0', 'latin1')
    const source = await sourceOf({ 'a.db': header, 'a.db-wal': 'wal 1', 'z.txt': 'z' })
    const wal = join(source.rootPath, 'a.db-wal')
    let isFirst = true
    const { committed } = await capture(await memoryStore(), source, {
      onEntry: (path) => {
        if (path !== 'z.txt' || !isFirst) return
        isFirst = false
        writeFileSync(wal, 'wal 22')
      },
    })
    equal(committed.contents.sizeBytes, header.length + 'wal 22'.length + 1)
  })
})

async function chunksOf(store: Store, { contents }: CommittedFiles): Promise<string[]> {
  return (await listAll(walkChunks(store.objects, contents))).map(({ id }) => id)
}

async function listAll<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

async function sourceOf(files: Record<string, string | Buffer>): Promise<FilesSource> {
  const source = await filesSource()
  await mkdir(source.rootPath)
  for (const [name, contents] of Object.entries(files)) {
    await writeFile(join(source.rootPath, name), contents)
  }
  return source
}

/** Lets something happen while the first chunk of a large file is on its way. */
function onFirstPut(happen: () => void) {
  let isFirst = true
  return (sink: ObjectSink): ObjectSink => ({
    put: (kind, bytes) => {
      if (isFirst) happen()
      isFirst = false
      return sink.put(kind, bytes)
    },
  })
}

/** Root may read everything, so it is somebody else for that long; the ids of a process hold for its threads. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid!() === 0
  if (isRoot) process.seteuid!(65534)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid!(0)
  }
}
