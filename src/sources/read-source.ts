import { throwIfAborted } from '../errors.ts'
import type { CommittedFiles, CommittedSource, FileEntry } from '../format/values.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { readFileEntries } from './compare-files.ts'
import { ContentReader } from './content-reader.ts'

/** An entry of a source, and where a file's bytes begin among those of all files. */
export interface SourceFile {
  entry: FileEntry
  offsetBytes: number
  /** It is what was asked for, and not below it. */
  isNamed: boolean
}

/**
 * Lists what a commit holds of a source at a path and below it, ascending by the bytes of the path.
 *
 * The path itself comes first; one that is not there yields nothing.
 *
 * @param path  as `FileEntry` has it; empty for all
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ABORTED
 */
export async function* listSourceFiles(
  objects: StreamReader,
  source: CommittedFiles,
  path: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<SourceFile> {
  // On a command line, a name that is not UTF-8 has replacement characters.
  const typed = (name: string) => Buffer.from(name).toString()
  const entries = () => untilAborted(readFileEntries(objects, source), signal)
  const isThere = path === '' || (await hasPath(entries(), path))
  let offsetBytes = 0
  for await (const entry of entries()) {
    const name = isThere ? entry.path : typed(entry.path)
    const isNamed = name === path
    if (isNamed || path === '' || name.startsWith(`${path}/`)) yield { entry, offsetBytes, isNamed }
    if (entry.kind === 'file') offsetBytes += entry.sizeBytes
  }
}

/**
 * Reads the contents of one file of a source. Lazy; chunks of other files are not read.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export function readSourceFile(
  objects: StreamReader,
  source: CommittedFiles,
  { entry, offsetBytes }: Omit<SourceFile, 'isNamed'>,
): AsyncIterable<Uint8Array> {
  const sizeBytes = entry.kind === 'file' ? entry.sizeBytes : 0
  return new ContentReader(objects, source).read(offsetBytes, sizeBytes)
}

/**
 * Reads what a dump command wrote.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export function readSourceOutput(
  objects: StreamReader,
  { output }: Extract<CommittedSource, { kind: 'command' }>,
): AsyncIterable<Uint8Array> {
  return readRows(objects, output)
}

async function* untilAborted<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item> {
  throwIfAborted(signal, 'listing files')
  for await (const item of items) {
    throwIfAborted(signal, 'listing files')
    yield item
  }
}

async function hasPath(entries: AsyncIterable<FileEntry>, path: string): Promise<boolean> {
  for await (const entry of entries) if (entry.path === path) return true
  return false
}
