import { deepEqual, equal, rejects } from 'node:assert/strict'
import { chmod, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'vitest'
import type { CommittedFiles } from '../../../src/format/values.ts'
import { type StreamReader, walkChunks } from '../../../src/objects/walk-manifest.ts'
import { captureSources } from '../../../src/sources/capture-sources.ts'
import {
  compareFiles,
  type FileChange,
  readFileEntries,
} from '../../../src/sources/compare-files.ts'
import type { FilesSource } from '../../../src/sources/source.ts'
import { planSteps, stageFiles, takeStep } from '../../../src/sources/stage-files.ts'
import { putBackUnfinished, writeJournal } from '../../../src/sources/staging.ts'
import type { Store } from '../../../src/store.ts'
import { capture, filesSource, readTree, stage } from '../../support/file-sources.ts'
import { memoryStore } from '../../support/store.ts'

/** A committed directory, and another state of it that differs in every way there is. */
async function changedSource(): Promise<{
  store: Store
  source: FilesSource
  committed: CommittedFiles
  changes: FileChange[]
}> {
  const store = await memoryStore()
  const source = await filesSource()
  const at = (...parts: string[]) => join(source.rootPath, ...parts)
  await mkdir(at('goes', 'deep'), { recursive: true })
  await mkdir(at('dir to file'))
  await writeFile(at('dir to file', 'x'), 'x')
  await writeFile(at('file to dir'), 'f')
  await writeFile(at('goes', 'deep', 'y'), 'y')
  await writeFile(at('same'), 's')
  await writeFile(at('other contents'), 'before')
  await mkdir(at('mode'), { mode: 0o755 })
  await symlink('a', at('link'))
  const { committed } = await capture(store, source)
  await rm(source.rootPath, { recursive: true })
  await mkdir(at('file to dir', 'new'), { recursive: true })
  await writeFile(at('file to dir', 'new', 'z'), 'z')
  await writeFile(at('dir to file'), 'now a file')
  await writeFile(at('same'), 's')
  await writeFile(at('other contents'), 'after')
  await mkdir(at('mode'))
  await chmod(at('mode'), 0o700)
  await symlink('b', at('link'))
  const live = await capture(store, source)
  const changes: FileChange[] = []
  for await (const change of compareFiles(
    readFileEntries(store.objects, live.committed),
    readFileEntries(store.objects, committed),
  )) {
    changes.push(change)
  }
  return { store, source, committed, changes }
}

async function listStagings({ rootPath }: FilesSource): Promise<string[]> {
  const names = await readdir(dirname(rootPath))
  return names.filter((name) => name.includes('.snap-restore-'))
}

/** A process that has ended: no system counts as far. */
const ENDED = { pid: 2 ** 30, host: (await import('node:os')).hostname(), processStart: null }

describe('a swap of files', () => {
  test('that is cut off after any of its steps is taken back by the next checkout', async () => {
    const stepCount = planSteps((await changedSource()).changes).length
    equal(stepCount > 10, true)
    for (let doneCount = 0; doneCount <= stepCount; doneCount++) {
      const { store, source, committed, changes } = await changedSource()
      const before = await readTree(source.rootPath)
      await stage(store, source, committed)
      const [name] = await listStagings(source)
      const staging = join(dirname(source.rootPath), name!)
      const steps = planSteps(changes)
      await writeJournal(staging, steps)
      for (const step of steps.slice(0, doneCount)) {
        const wanted = changes.find(({ path }) => path === step.path)!.after
        await takeStep(source.rootPath, staging, step, wanted)
      }
      await writeFile(join(staging, 'owner'), JSON.stringify(ENDED))

      const sinks = { entries: NOWHERE, contents: NOWHERE }
      await rejects(captureSources([source], sinks, {}), { code: 'SOURCE_UNFINISHED' })
      equal(await putBackUnfinished(source), true)
      deepEqual(await readTree(source.rootPath), before, `after ${doneCount} steps`)
      deepEqual(await listStagings(source), [])
    }
  })

  test('of a commit that is damaged does not begin, and nothing is left of it', async () => {
    const { store, source, committed } = await changedSource()
    const before = await readTree(source.rootPath)
    const { live } = await capture(store, source)
    const damaged: StreamReader = {
      readNode: (id) => store.objects.readNode(id),
      readChunk: async (id) => {
        const bytes = await store.objects.readChunk(id)
        return Buffer.from(bytes.toReversed())
      },
    }
    // Entries are read as they are: it is the contents that hash to something else.
    const entries = new Map<string, Uint8Array>()
    for await (const { id } of walkChunks(store.objects, committed.entries)) {
      entries.set(id, await store.objects.readChunk(id))
    }
    const objects: StreamReader = {
      ...damaged,
      readChunk: async (id) => entries.get(id) ?? damaged.readChunk(id),
    }
    const { name: sourceName, rootPath } = source
    await rejects(stageFiles(objects, { sourceName, rootPath, live, wanted: committed }), {
      code: 'OBJECT_CORRUPT',
    })
    deepEqual(await readTree(source.rootPath), before)
    deepEqual(await listStagings(source), [])
  })

  test('that another process is at is not touched', async () => {
    const { store, source, committed, changes } = await changedSource()
    const staged = await stage(store, source, committed)
    const [name] = await listStagings(source)
    await writeJournal(join(dirname(source.rootPath), name!), planSteps(changes))
    await rejects(putBackUnfinished(source), { code: 'SOURCE_UNFINISHED' })
    await staged.discard()
    equal(await putBackUnfinished(source), false)
  })

  test('of files that were written since they were read does not begin', async () => {
    const { store, source, committed } = await changedSource()
    const staged = await stage(store, source, committed)
    await writeFile(join(source.rootPath, 'other contents'), 'later')
    const before = await readTree(source.rootPath)
    await rejects(staged.swap(), {
      code: 'SOURCE_CHANGED',
      data: { source: 'uploads', paths: ['other contents'] },
    })
    deepEqual(await readTree(source.rootPath), before)
    await staged.discard()
    deepEqual(await listStagings(source), [])
  })

  test('that fails half way is taken back at once', async () => {
    const { store, source, committed } = await changedSource()
    // What no pattern chose keeps its directory where a file has to stand.
    const narrow = { ...source, exclude: ['**/kept'] }
    await rm(join(source.rootPath, 'dir to file'))
    await mkdir(join(source.rootPath, 'dir to file'))
    const { committed: withDirectory } = await capture(store, narrow)
    await rm(join(source.rootPath, 'dir to file'), { recursive: true })
    await writeFile(join(source.rootPath, 'dir to file'), 'file')
    const { committed: withFile } = await capture(store, narrow)
    await rm(join(source.rootPath, 'dir to file'))
    await mkdir(join(source.rootPath, 'dir to file'))
    await writeFile(join(source.rootPath, 'dir to file', 'kept'), 'kept')
    await writeFile(join(source.rootPath, 'another'), 'goes first')
    const before = await readTree(source.rootPath)

    await rejects((await stage(store, narrow, withFile)).swap(), { code: 'ENOTEMPTY' })
    deepEqual(await readTree(source.rootPath), before)
    deepEqual(await listStagings(source), [])
    await (await stage(store, narrow, withDirectory)).swap()
    deepEqual((await readTree(source.rootPath))['dir to file/kept'], '644 kept')
    equal(committed.name, 'uploads')
  })
})

const NOWHERE = { put: () => Promise.reject(new Error('nothing is to be read')) }
