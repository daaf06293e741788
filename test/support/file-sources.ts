import { lstat, mkdtemp, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CommittedFiles } from '../../src/format/values.ts'
import type { ObjectSink } from '../../src/objects/object-sink.ts'
import { type CapturedFiles, captureFiles } from '../../src/sources/capture-files.ts'
import type { FilesSource } from '../../src/sources/source.ts'
import {
  type LiveFile,
  liveFileOf,
  type StagedFiles,
  stageFiles,
} from '../../src/sources/stage-files.ts'
import type { Store } from '../../src/store.ts'

/** A source of everything in a new directory, which is gone when the test is over. */
export async function filesSource(settings: Partial<FilesSource> = {}): Promise<FilesSource> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'snap-test-')))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return {
    kind: 'files',
    name: 'uploads',
    root: 'uploads',
    rootPath: join(directory, 'uploads'),
    patterns: ['**'],
    exclude: [],
    storePath: null,
    ...settings,
  }
}

/** Captures into a store in memory, through a sink that a test may wrap. */
export async function capture(
  store: Store,
  source: FilesSource,
  {
    wrap = (sink) => sink,
    onEntry,
  }: {
    wrap?: (sink: ObjectSink) => ObjectSink
    onEntry?: (path: string) => void
  } = {},
): Promise<CapturedFiles & { live: Map<string, LiveFile> }> {
  const writer = store.objects.newWriter({ compressionThreads: 0 })
  const live = new Map<string, LiveFile>()
  try {
    const captured = await captureFiles(
      source,
      { entries: writer, contents: wrap(writer) },
      {
        now: () => new Date(),
        onStart: () => live.clear(),
        onEntry: (entry, stats) => {
          live.set(entry.path, liveFileOf(entry, stats))
          onEntry?.(entry.path)
        },
      },
    )
    await writer.flush()
    return { ...captured, live }
  } finally {
    await writer.close()
  }
}

/** Reads what there is and stages what was committed. */
export async function stage(
  store: Store,
  source: FilesSource,
  wanted: CommittedFiles,
): Promise<StagedFiles> {
  const { live } = await capture(store, source)
  return stageFiles(store.objects, {
    sourceName: source.name,
    rootPath: source.rootPath,
    live,
    wanted,
  })
}

/** Every path below a directory in latin1, which shows each byte, with kind, permissions and contents. */
export async function readTree(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const visit = async (below: Buffer) => {
    const here = Buffer.concat([Buffer.from(directory), below])
    const names = await readdir(here, { encoding: 'buffer' })
    for (const name of names.sort(Buffer.compare)) {
      const path = Buffer.concat([below, Buffer.from('/'), name])
      const absolute = Buffer.concat([Buffer.from(directory), path])
      const stats = await lstat(absolute)
      const mode = (stats.mode & 0o7777).toString(8)
      const key = path.subarray(1).toString('latin1')
      if (stats.isSymbolicLink()) {
        found[key] = `-> ${(await readlink(absolute, { encoding: 'buffer' })).toString('latin1')}`
      } else if (stats.isDirectory()) {
        found[key] = `directory ${mode}`
        await visit(path)
      } else if (stats.isFile()) {
        found[key] = `${mode} ${(await readFile(absolute)).toString('latin1')}`
      } else found[key] = 'special'
    }
  }
  await visit(Buffer.alloc(0))
  return found
}
