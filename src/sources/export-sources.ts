import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfAborted } from '../errors.ts'
import type { CommittedSource } from '../format/values.ts'
import type { StreamReader } from '../objects/walk-manifest.ts'
import { readSourceOutput } from './read-source.ts'
import { stageFiles } from './stage-files.ts'

/** How much of a commit's other datastores was written. */
export interface ExportedSources {
  fileCount: number
  sizeBytes: number
}

/**
 * Writes sources below a directory that is made for it: files as a directory of their own, with
 * modes, times and links as a checkout restores them; what a dump command wrote as one file.
 * Both are called as the source is.
 *
 * What fails leaves nothing behind.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 * @throws what the file system says
 */
export async function exportSources(
  objects: StreamReader,
  sources: readonly CommittedSource[],
  { directory, signal }: { directory: string; signal?: AbortSignal | undefined },
): Promise<ExportedSources> {
  throwIfAborted(signal, 'writing sources')
  // Others' secrets may be among it.
  await mkdir(directory, { mode: 0o700 })
  try {
    return await writeSources(objects, sources, { directory, signal })
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw error
  }
}

async function writeSources(
  objects: StreamReader,
  sources: readonly CommittedSource[],
  { directory, signal }: { directory: string; signal?: AbortSignal | undefined },
): Promise<ExportedSources> {
  const written = { fileCount: 0, sizeBytes: 0 }
  for (const source of sources) {
    throwIfAborted(signal, 'writing sources')
    const path = join(directory, source.name)
    if (source.kind === 'command') {
      const file = await open(path, 'wx', 0o600)
      try {
        for await (const piece of readSourceOutput(objects, source)) {
          throwIfAborted(signal, 'writing sources')
          await file.appendFile(piece)
          written.sizeBytes += piece.length
        }
      } finally {
        await file.close()
      }
      written.fileCount += 1
      continue
    }
    await mkdir(path, { mode: 0o700 })
    const staged = await stageFiles(objects, {
      sourceName: source.name,
      rootPath: path,
      live: new Map(),
      wanted: source,
      signal,
    })
    try {
      await staged.swap()
    } finally {
      await staged.discard()
    }
    written.fileCount += source.entries.rowCount
    written.sizeBytes += source.contents.sizeBytes
  }
  return written
}
