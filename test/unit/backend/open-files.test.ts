import { mkdtemp, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LocalBackend } from '../../../src/backend/local-backend.ts'
import { OpenFiles } from '../../../src/backend/open-files.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snap-open-files-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const file = (name: string) => join(directory, name)
const textOf = (files: OpenFiles, name: string) =>
  files.use(file(name), (handle) =>
    handle.read(Buffer.alloc(5), 0, 5, 0).then(({ buffer }) => buffer.toString()),
  )

describe('a file that is kept open', () => {
  test('serves many readers at once by one handle', async () => {
    const files = new OpenFiles()
    await writeFile(file('a'), 'first')
    const handles = await Promise.all(
      Array.from({ length: 8 }, () => files.use(file('a'), async (handle) => handle.fd)),
    )

    expect(new Set(handles).size).toBe(1)
    files.forgetAll()
  })

  test('is gone when its name has been removed', async () => {
    const files = new OpenFiles()
    await writeFile(file('a'), 'first')
    await textOf(files, 'a')
    await rm(file('a'))

    await expect(textOf(files, 'a')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(files.count).toBe(0)
  })

  test('is another when its name has been given to another', async () => {
    const files = new OpenFiles()
    await writeFile(file('a'), 'first')
    await textOf(files, 'a')
    await writeFile(file('b'), 'other')
    await rename(file('b'), file('a'))

    expect(await textOf(files, 'a')).toBe('other')
    files.forgetAll()
  })

  test('is closed after it has been forgotten, when its last reader has done', async () => {
    const files = new OpenFiles()
    await writeFile(file('a'), 'first')
    await files.use(file('a'), async (handle) => {
      files.forget(file('a'))
      expect((await handle.stat()).size).toBe(5)
    })

    await untilClosed()
  })

  test('is closed by itself once nobody has read it for a moment', async () => {
    const files = new OpenFiles()
    await writeFile(file('a'), 'first')
    await textOf(files, 'a')
    expect(files.count).toBe(1)

    await untilClosed()
    expect(files.count).toBe(0)
  })
})

test('a file that cannot be opened fails each of its readers, and is tried again by the next', async () => {
  const files = new OpenFiles()
  const outcomes = await Promise.allSettled([textOf(files, 'a'), textOf(files, 'a')])
  await writeFile(file('a'), 'first')

  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await textOf(files, 'a')).toBe('first')
  files.forgetAll()
})

test('of many files that are read in parts a few stay open, and none once the backend is closed', async () => {
  const backend = await LocalBackend.open(directory)
  for (let i = 0; i < 200; i++) await writeFile(file(`f${i}`), 'first')
  for (let i = 0; i < 200; i++) await backend.read(`f${i}`, { offsetBytes: 1, sizeBytes: 3 })

  expect((await openFilesBelow(directory)).length).toBeLessThanOrEqual(32)
  await backend.close()
  await untilClosed()
})

/** Linux's list of this process's descriptors; elsewhere nothing is listed. */
async function openFilesBelow(path: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd').catch(() => [])
  const paths = await Promise.all(
    descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return paths.filter((target) => target.startsWith(`${path}/`))
}

async function untilClosed(): Promise<void> {
  while ((await openFilesBelow(directory)).length > 0) await sleep(10)
}
