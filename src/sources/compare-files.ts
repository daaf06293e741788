import { SnapError } from '../errors.ts'
import { parseFileName } from '../format/file-name.ts'
import { decodeJsonLines } from '../format/json-lines.ts'
import { checkFileEntry } from '../format/stream-entries.ts'
import type { CommittedFiles, FileEntry } from '../format/values.ts'
import { readRows, type StreamReader } from '../objects/walk-manifest.ts'

/** One path that differs; null where there is nothing. */
export interface FileChange {
  path: string
  before: FileEntry | null
  after: FileEntry | null
}

/**
 * Reads the entries of a source, in order.
 *
 * A parent always comes first and is a directory, so that nothing is ever
 * written through a link.
 *
 * @throws OBJECT_MISSING, OBJECT_CORRUPT
 */
export async function* readFileEntries(
  objects: StreamReader,
  { entries }: Pick<CommittedFiles, 'entries'>,
): AsyncGenerator<FileEntry> {
  let previous: Buffer | undefined
  const directories = new Set<string>()
  for await (const entry of decodeJsonLines(readRows(objects, entries), checkFileEntry)) {
    const bytes = parseFileName(entry.path)
    const isInOrder = previous === undefined || Buffer.compare(previous, bytes) < 0
    const slash = entry.path.lastIndexOf('/')
    if (!isInOrder || (slash !== -1 && !directories.has(entry.path.slice(0, slash)))) {
      throw new SnapError('OBJECT_CORRUPT', `cannot accept the file entry '${entry.path}'`, {
        expected: 'paths that ascend, each behind the directory it is in',
        found: entry.path,
      })
    }
    if (entry.kind === 'directory') directories.add(entry.path)
    previous = bytes
    yield entry
  }
}

/**
 * Merges two lists of entries and yields the paths that differ, in order.
 *
 * When a file was last written is not compared: writing the same again changes nothing.
 */
export async function* compareFiles(
  before: AsyncIterable<FileEntry>,
  after: AsyncIterable<FileEntry>,
): AsyncGenerator<FileChange> {
  const [left, right] = [before[Symbol.asyncIterator](), after[Symbol.asyncIterator]()]
  let [a, b] = [await left.next(), await right.next()]
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : compareByBytes(a.value.path, b.value.path)
    const change: FileChange = {
      path: (order <= 0 ? a.value : b.value).path,
      before: order <= 0 ? a.value : null,
      after: order >= 0 ? b.value : null,
    }
    if (!isSameFile(change.before, change.after)) yield change
    if (order <= 0) a = await left.next()
    if (order >= 0) b = await right.next()
  }
}

function isSameFile(a: FileEntry | null, b: FileEntry | null): boolean {
  if (a === null || b === null || a.kind !== b.kind) return a === b
  if (a.kind === 'symlink') return b.kind === 'symlink' && a.target === b.target
  if (b.kind === 'symlink' || a.mode !== b.mode) return false
  return a.kind !== 'file' || b.kind !== 'file' || a.contentId === b.contentId
}

function compareByBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(parseFileName(a), parseFileName(b))
}
