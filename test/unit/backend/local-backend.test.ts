import * as fsPromises from 'node:fs/promises'
import { mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalBackend } from '../../../src/backend/local-backend.ts'
import { backendSuite } from '../../support/backend-suite.ts'

vi.mock('node:fs/promises', { spy: true })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snap-local-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(directory, { recursive: true, force: true })
})

const fixture = async () => ({
  backend: await LocalBackend.create(join(directory, 'store')),
  cleanUp: async () => {},
})

backendSuite('a local directory', fixture)

describe('on a file system without hard links', () => {
  beforeEach(() => {
    vi.mocked(fsPromises.link).mockRejectedValue(systemError('EPERM'))
  })

  backendSuite('a local directory without link(2)', fixture)
})

describe('a local directory', () => {
  test('holds files for their owner alone', async () => {
    const { backend } = await fixture()
    await backend.create('packs/ab/x', [Buffer.from('1')])

    expect(await modesBelow(join(directory, 'store'))).toEqual({
      '': 0o700,
      packs: 0o700,
      'packs/ab': 0o700,
      'packs/ab/x': 0o600,
      tmp: 0o700,
    })
  })

  test('keeps nothing of a finished write in tmp/', async () => {
    const { backend } = await fixture()
    await backend.create('k', [Buffer.from('1')])
    await backend.create('k', [Buffer.from('2')])

    expect(await readdir(join(directory, 'store/tmp'))).toEqual([])
  })

  test('removes what killed writers left in tmp/, but not what is younger than asked', async () => {
    const { backend } = await fixture()
    await backend.create('k', [Buffer.from('1')])
    const tmp = join(directory, 'store/tmp')
    await writeFile(join(tmp, 'old'), 'half a pack')
    await writeFile(join(tmp, 'young'), 'being written')
    await utimes(join(tmp, 'old'), new Date('2026-01-01'), new Date('2026-01-01'))

    expect(await backend.removeLeftovers(new Date('2026-01-02'))).toEqual({
      fileCount: 1,
      sizeBytes: 11,
    })
    expect(await readdir(tmp)).toEqual(['young'])
    expect(await backend.findSizeBytes('k')).toBe(1)
  })

  test('does not list what a killed writer left in tmp/, nor symbolic links', async () => {
    const { backend } = await fixture()
    await backend.create('k', [Buffer.from('1')])
    await writeFile(join(directory, 'store/tmp/0123'), 'half a pa')
    await symlink('k', join(directory, 'store/link'))

    const keys: string[] = []
    for await (const { key } of backend.list('')) keys.push(key)
    expect(keys).toEqual(['k'])
  })

  test.each([
    ['ENOSPC', 'BACKEND_FULL'],
    ['EDQUOT', 'BACKEND_FULL'],
    ['EROFS', 'BACKEND_READ_ONLY'],
    ['EACCES', 'BACKEND_READ_ONLY'],
    ['EIO', 'BACKEND_UNAVAILABLE'],
  ])('%s while writing becomes %s and leaves nothing', async (errno, code) => {
    const { backend } = await fixture()
    vi.mocked(fsPromises.link).mockRejectedValueOnce(systemError(errno))

    await expect(backend.create('a/k', [Buffer.from('1')])).rejects.toMatchObject({
      code,
      data: { location: join(directory, 'store') },
    })
    expect(await backend.findSizeBytes('a/k')).toBe(undefined)
    expect(await readdir(join(directory, 'store/tmp'))).toEqual([])
    expect(await backend.create('a/k', [Buffer.from('2')])).toBe('created')
  })

  test('a name whose directory cannot be synced is taken back', async () => {
    const { backend } = await fixture()
    await backend.create('a/before', [Buffer.from('1')])
    const open = vi.mocked(fsPromises.open)
    open.mockImplementation(async (path, ...rest) => {
      if (String(path).endsWith('store/a')) throw systemError('EIO')
      return (await vi.importActual<typeof fsPromises>('node:fs/promises')).open(path, ...rest)
    })

    await expect(backend.create('a/k', [Buffer.from('1')])).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
    })
    open.mockReset()
    expect(await backend.findSizeBytes('a/k')).toBe(undefined)
  })

  test('opening what is missing or no directory fails', async () => {
    await writeFile(join(directory, 'file'), '')

    for (const name of ['missing', 'file']) {
      await expect(LocalBackend.open(join(directory, name))).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
        data: { location: join(directory, name) },
      })
    }
  })

  test('a key that leads out of the directory is a programmer error', async () => {
    const { backend } = await fixture()

    for (const key of ['../k', 'a/../../k', '/k', 'a//k', './k', '']) {
      await expect(backend.create(key, [])).rejects.toMatchObject({ name: 'InvariantError' })
    }
  })
})

async function modesBelow(root: string): Promise<Record<string, number>> {
  const modes: Record<string, number> = { '': (await stat(root)).mode & 0o777 }
  for (const name of (await readdir(root, { recursive: true })).sort()) {
    modes[name] = (await stat(join(root, name))).mode & 0o777
  }
  return modes
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: planned`), { code })
}
