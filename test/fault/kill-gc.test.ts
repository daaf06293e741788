/**
 * `kill -9` at many moments of `snap gc` and `snap prune`, in processes of their own.
 *
 * After each, the store must open, fsck must find nothing, and every commit that
 * is to be kept must be there to the last chunk. A run is killed when it has
 * made so many of the changes to the directory that an undisturbed one makes: a
 * first one, a few more, up to nearly all.
 */
import { readdirSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalBackend } from '../../src/backend/local-backend.ts'
import { objectIdOf } from '../../src/format/object-id.ts'
import type { ObjectId } from '../../src/format/values.ts'
import { fsck } from '../../src/maintenance/fsck.ts'
import { initStore, openStore } from '../../src/store.ts'
import { type InstalledProgram, installProgram, outcomeOf } from '../cli/installed-program.ts'
import { readWholeCommit } from '../support/aged-store.ts'
import { ada, commitToMain, keysOf, noon, putCommit } from '../support/store.ts'

const KILLS = 12
const HOUR_MS = 3_600_000

let program: InstalledProgram
let directory: string
beforeAll(async () => {
  program = await installProgram()
  directory = await mkdtemp(join(tmpdir(), 'snap-kill-gc-'))
})
afterAll(async () => {
  await program.remove()
  await rm(directory, { recursive: true, force: true })
})

const noise = (name: string, lines: number) =>
  Array.from({ length: lines }, (_, i) => `${objectIdOf(Buffer.from(`${name} ${i}`))}\n`).join('')

/** Commits a day apart that share rows and add some, in packs of which pruning leaves parts. */
async function makeStore(path: string): Promise<ObjectId[]> {
  const backend = await LocalBackend.create(path)
  const store = await initStore(backend, { author: ada, at: noon })
  const ids: ObjectId[] = []
  for (let day = 0; day < 24; day++) {
    const shared = [0, 1, 2].map((i) => noise(`of ${day - (day % (2 + i))}`, 300))
    const own = [0, 1, 2, 3].map((i) => noise(`own ${day} ${i}`, 300))
    const createdAt = new Date(noon.getTime() + day * 24 * HOUR_MS)
    ids.push(
      await commitToMain(store, { users: [...shared, ...own] }, { createdAt, message: `${day}` }),
    )
  }
  const killed = store.objects.newWriter({ compressionThreads: 0 })
  await putCommit(killed, { users: [noise('lost', 3000)] }, { message: 'killed' })
  await killed.flush()
  await killed.close()
  await store.close()
  return ids
}

function filesIn(path: string): Set<string> {
  const names = readdirSync(join(path, '.snap'), { recursive: true, encoding: 'utf8' })
  return new Set(names.filter((name) => !/^(locks|tmp)\b/.test(name)))
}

/** Files that are new, and files that are gone. */
function countChanges(before: ReadonlySet<string>, after: ReadonlySet<string>): number {
  const added = [...after].filter((name) => !before.has(name)).length
  return added + [...before].filter((name) => !after.has(name)).length
}

/** Makes every pack hours old. */
async function agePacks(path: string): Promise<void> {
  const past = new Date(Date.now() - 5 * HOUR_MS)
  for (const folder of await readdir(join(path, 'packs'))) {
    for (const name of await readdir(join(path, 'packs', folder))) {
      await utimes(join(path, 'packs', folder, name), past, past)
    }
  }
}

const KEEP = ['--keep-last', '3', '--keep-weekly', '4']

test.each([
  ['prune', ['prune', ...KEEP, '-y', '-q']],
  ['gc', ['gc', '-q']],
])('killed at any moment, snap %s leaves all that is kept', async (name, argv) => {
  const original = join(directory, name, 'original')
  const ids = await makeStore(join(original, '.snap'))
  const inDirectory = (workingDirectory: string) => ({
    workingDirectory,
    environment: { ...process.env, SNAP_AUTHOR_NAME: 'Ada', SNAP_AUTHOR_EMAIL: 'a@example.org' },
  })
  if (name === 'gc') {
    // Pruned while every pack is young, so that collecting is left to do.
    const { exitCode } = await program.run(['prune', ...KEEP, '-y', '-q'], inDirectory(original))
    expect(exitCode).toBe(0)
  }
  const copy = async (to: string) => {
    const path = join(directory, name, to)
    await cp(original, path, { recursive: true })
    await agePacks(join(path, '.snap'))
    return path
  }
  const undisturbed = await copy('undisturbed')
  const before = filesIn(undisturbed)
  expect(await program.run(argv, inDirectory(undisturbed))).toMatchObject({ exitCode: 0 })
  const changeCount = countChanges(before, filesIn(undisturbed))
  const done = await openStore(await LocalBackend.open(join(undisturbed, '.snap')))
  const kept: ObjectId[] = []
  for (const id of ids) if ((await done.pruned.find(id)) === undefined) kept.push(id)
  expect(kept.length).toBeGreaterThan(4)
  expect(kept.length).toBeLessThan(8)
  const expected = await done.objects.idsWithPrefix('')

  const packCounts = new Set<number>()
  let killedCount = 0
  for (let i = 0; i < KILLS; i++) {
    const path = await copy(`${i}`)
    const child = program.start(argv, inDirectory(path))
    const ended = outcomeOf(child)
    const wantedChanges = 1 + Math.floor((changeCount * i) / KILLS)
    while (child.exitCode === null && countChanges(before, filesIn(path)) < wantedChanges) {
      await new Promise(setImmediate)
    }
    child.kill('SIGKILL')
    if ((await ended).exitCode === null) killedCount++

    const backend = await LocalBackend.open(join(path, '.snap'))
    packCounts.add((await keysOf(backend, 'packs/')).length)
    expect((await fsck(backend)).findings).toEqual([])
    const store = await openStore(backend)
    for (const id of kept) await readWholeCommit(store.objects, id)
    // The next run takes the dead one's lock away and ends as an undisturbed one.
    await agePacks(join(path, '.snap'))
    expect(await program.run(argv, inDirectory(path))).toMatchObject({ exitCode: 0 })
    await store.objects.refresh()
    expect(await store.objects.idsWithPrefix('')).toEqual(expected)
    await rm(path, { recursive: true })
  }
  expect(killedCount).toBeGreaterThan(KILLS / 3)
  // Some were killed in the midst of removing packs.
  expect(packCounts.size).toBeGreaterThan(2)
})
