import { deepEqual, equal, match } from 'node:assert/strict'
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { allMajors } from '../support/postgres.ts'
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

/** Every path below a directory, with kind, permissions and contents. */
async function readTree(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const path of (await readdir(directory, { recursive: true })).sort()) {
    const stats = await lstat(join(directory, path))
    const mode = (stats.mode & 0o7777).toString(8)
    found[path] = stats.isSymbolicLink()
      ? `-> ${await readlink(join(directory, path))}`
      : stats.isDirectory()
        ? `directory ${mode}`
        : `${mode} ${(await readFile(join(directory, path), 'latin1')).slice(0, 20)}`
  }
  return found
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
})
