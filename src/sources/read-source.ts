import type { CommittedFiles, CommittedSource, FileEntry } from '../format/values.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'
import { readFileEntries } from './compare-files.ts'
import { ContentReader } from './content-reader.ts'

/** An entry of a source, and where a file's bytes begin among those of all files. */
export interface SourceFile {
  entry: FileEntry
  offsetBytes: number
}

/**
 * Lists what a commit holds of a source at a path and below it, ascending by the bytes of the path.
 *
 * The path itself comes first; one that is not there yields nothing.
 *
 * @param path  as `FileEntry` has it; empty for all
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function* listSourceFiles(
  objects: StreamReader,
  source: CommittedFiles,
  path: string,
): AsyncGenerator<SourceFile> {
  let offsetBytes = 0
  for await (const entry of readFileEntries(objects, source)) {
    // On a command line, a name that is not UTF-8 has replacement characters.
    const isWanted = [entry.path, Buffer.from(entry.path).toString()].some(
      (each) => path === '' || each === path || each.startsWith(`${path}/`),
    )
    if (isWanted) yield { entry, offsetBytes }
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
  { entry, offsetBytes }: SourceFile,
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
