/**
 * Finds the files of a source. The walk, and what matches, are fast-glob's own;
 * underneath it every name is text that stands for its bytes, so that names which
 * are not UTF-8, or hold what no wildcard matches, are found like all others.
 */
import { type Dirent, lstat, readdir, stat } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import glob, { type FileSystemAdapter } from 'fast-glob'
import { SnapError } from '../errors.ts'
import { formatFileName, parseFileName } from '../format/file-name.ts'
import type { FilesSource } from './source.ts'

/** What a checkout stages beside or below a root; no source is made of it. */
export const STAGING_PATTERN = '**/.*snap-restore-*/**'

export interface FileList {
  /** The root without symbolic links. */
  rootPath: string
  /** With the directories that lead there, ascending by bytes. */
  paths: string[]
}

/**
 * @throws SOURCE_UNREADABLE  the root is not there, or a directory cannot be read
 */
export async function listFiles(source: FilesSource, mayBeMissing = false): Promise<FileList> {
  const rootPath = await realpath(source.rootPath).catch((cause: NodeJS.ErrnoException) => {
    if (mayBeMissing && cause.code === 'ENOENT') return null
    throw unreadable(source.name, '', cause)
  })
  if (rootPath === null) return { rootPath: source.rootPath, paths: [] }
  try {
    const found = await glob(source.patterns.map(toMatchable), {
      cwd: rootPath,
      ignore: [
        ...source.exclude.map(toMatchable),
        STAGING_PATTERN,
        ...(await storePatterns(source, rootPath)),
      ],
      dot: true,
      onlyFiles: false,
      followSymbolicLinks: false,
      fs: BYTE_NAMES,
    })
    return { rootPath, paths: sortByBytes(withParents(found.map(fromMatchable))) }
  } catch (cause) {
    if (cause instanceof SnapError) throw cause
    throw unreadable(source.name, relative(rootPath, pathOf(cause)), cause)
  }
}

/** What stands in the way of reading a source. */
export function unreadable(source: string, path: string, cause: unknown): SnapError {
  const { code, message } = cause as NodeJS.ErrnoException
  const reason = REASONS[code ?? ''] ?? message
  const subject = path === '' ? `source '${source}'` : `'${path}' of source '${source}'`
  return new SnapError(
    'SOURCE_UNREADABLE',
    `cannot read ${subject}: ${reason}`,
    { source, path, reason },
    { cause, hint: 'make it readable, or leave it out with exclude in snap.config.json' },
  )
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'it is not there',
  ENOTDIR: 'it is no directory',
  EIO: 'input/output error',
  ELOOP: 'too many symbolic links',
}

const pathOf = (error: unknown) => (error as NodeJS.ErrnoException).path ?? ''

async function storePatterns({ storePath }: FilesSource, rootPath: string): Promise<string[]> {
  if (storePath === null) return []
  const below = relative(rootPath, await realpath(storePath))
  return below.startsWith('..') || below === '' ? [] : [`${glob.escapePath(toMatchable(below))}/**`]
}

/** A file is put back into the directories it was in, so they belong to it. */
function withParents(paths: readonly string[]): Set<string> {
  const all = new Set<string>()
  for (const path of paths) {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end)
      if (all.has(parent)) break
      all.add(parent)
    }
  }
  return all
}

function sortByBytes(paths: Iterable<string>): string[] {
  return Array.from(paths, (path) => ({ path, bytes: parseFileName(path) }))
    .sort((left, right) => Buffer.compare(left.bytes, right.bytes))
    .map(({ path }) => path)
}

type Callback<T> = (error: NodeJS.ErrnoException | null, result: T) => void

/**
 * `.` of a regular expression, and so `*`, matches no end of line. Lone surrogates that no byte
 * has in `formatFileName` stand for those meanwhile.
 */
const UNMATCHED: ReadonlyMap<string, string> = new Map([
  ['\n', '\udc01'],
  ['\r', '\udc02'],
  ['\u2028', '\udc03'],
  ['\u2029', '\udc04'],
])
const MATCHED = new Map(Array.from(UNMATCHED, ([plain, matchable]) => [matchable, plain]))

const toMatchable = (text: string) =>
  text.replace(/[\n\r\u2028\u2029]/g, (end) => UNMATCHED.get(end)!)
const fromMatchable = (text: string) =>
  text.replace(/[\udc01-\udc04]/g, (stand) => MATCHED.get(stand)!)
const bytesOf = (path: string) => parseFileName(fromMatchable(path))

/** The file system with names that can be matched. */
const BYTE_NAMES: Partial<FileSystemAdapter> = {
  lstat: ((path: string, done: Callback<never>) =>
    lstat(bytesOf(path), done as never)) as unknown as FileSystemAdapter['lstat'],
  stat: ((path: string, done: Callback<never>) =>
    stat(bytesOf(path), done as never)) as unknown as FileSystemAdapter['stat'],
  readdir: ((path: string, _options: unknown, done: Callback<unknown[]>) =>
    readdir(
      bytesOf(path),
      { withFileTypes: true, encoding: 'buffer' },
      (error, entries: Dirent<Buffer>[]) => {
        if (error !== null) done(error, [])
        else done(null, entries.map(withTextName))
      },
    )) as unknown as FileSystemAdapter['readdir'],
}

/** What fast-glob looks at of a `Dirent`. */
function withTextName(entry: Dirent<Buffer>) {
  return {
    name: toMatchable(formatFileName(entry.name)),
    isBlockDevice: () => entry.isBlockDevice(),
    isCharacterDevice: () => entry.isCharacterDevice(),
    isDirectory: () => entry.isDirectory(),
    isFIFO: () => entry.isFIFO(),
    isFile: () => entry.isFile(),
    isSocket: () => entry.isSocket(),
    isSymbolicLink: () => entry.isSymbolicLink(),
  }
}
