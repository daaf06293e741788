import { readFile, stat } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import glob from 'fast-glob'
import { SnapError } from '../src/store-index.ts'
import type { ProgramIo } from './io.ts'

export interface InputFile {
  /** As the user would write it from where he is. */
  file: string
  source: string
}

/**
 * Reads the files that arguments name: files, directories (every `.sql` file below), patterns,
 * and `-` for stdin. In the order of the arguments, each file once.
 *
 * @throws INPUT_UNREADABLE  one of them is not there or cannot be read, or a pattern matches nothing
 */
export async function readInputFiles(
  args: readonly string[],
  { stdin, workingDirectory }: Pick<ProgramIo, 'stdin' | 'workingDirectory'>,
): Promise<InputFile[]> {
  const paths = (await Promise.all(args.map((each) => expand(each, workingDirectory)))).flat()
  const files: InputFile[] = []
  for (const path of new Set(paths)) {
    const source =
      path === '-' ? await readAll(stdin) : await readText(resolve(workingDirectory, path), path)
    files.push({ file: path === '-' ? '<stdin>' : path, source })
  }
  return files
}

/**
 * Reads the files that patterns match below a directory; a pattern may match none.
 *
 * @throws INPUT_UNREADABLE
 */
export async function readMatchingFiles(
  patterns: readonly string[],
  { directory, workingDirectory }: { directory: string; workingDirectory: string },
): Promise<InputFile[]> {
  const paths = await glob([...patterns], { cwd: directory, ignore: NOT_OURS })
  return Promise.all(
    paths.map(async (path) => {
      const absolute = resolve(directory, path)
      const file = relative(workingDirectory, absolute)
      return { file, source: await readText(absolute, file) }
    }),
  )
}

const NOT_OURS = ['**/node_modules/**', '**/.git/**', '**/.snap/**']

async function expand(argument: string, workingDirectory: string): Promise<string[]> {
  if (argument === '-') return [argument]
  const found = await stat(resolve(workingDirectory, argument)).catch(() => undefined)
  const isDirectory = found?.isDirectory() === true
  // A file may have a name that reads like a pattern.
  if (found !== undefined && !isDirectory) return [argument]
  const pattern = isDirectory
    ? `${glob.escapePath(argument.replaceAll('\\', '/').replace(/\/+$/, ''))}/**/*.sql`
    : argument
  const paths = await glob(pattern, { cwd: workingDirectory, ignore: isDirectory ? NOT_OURS : [] })
  if (paths.length === 0) {
    const reason = isDirectory ? 'there is no .sql file in it' : 'there is no such file'
    throw new SnapError('INPUT_UNREADABLE', `cannot read '${argument}': ${reason}`, {
      path: argument,
    })
  }
  return paths.sort(new Intl.Collator('en', { numeric: true }).compare)
}

/** @throws INPUT_UNREADABLE */
export async function readText(path: string, label: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code ?? cause.message
    throw new SnapError(
      'INPUT_UNREADABLE',
      `cannot read '${label}': ${reason}`,
      { path },
      { cause },
    )
  })
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(Buffer.from(piece as Uint8Array))
  return Buffer.concat(pieces).toString()
}
