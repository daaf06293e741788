import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { askGit } from './git.ts'
import type { ProgramIo } from './io.ts'

/** `noWorkTree`: git does not look here. `ignored`: it already ignores the store. `notIgnored`: it would pick it up. */
export type GitIgnoreState = 'noWorkTree' | 'ignored' | 'notIgnored'

/** Asks git whether it would pick up the store's files. */
export async function readGitIgnoreState(
  storeDirectory: string,
  io: ProgramIo,
): Promise<GitIgnoreState> {
  const git = { workingDirectory: dirname(storeDirectory), environment: io.environment }
  const isInside = await askGit(['rev-parse', '--is-inside-work-tree'], git)
  if (isInside !== 'true') return 'noWorkTree'
  // Prints the path when it is ignored, and ends with 1 when it is not.
  const ignored = await askGit(['check-ignore', `${basename(storeDirectory)}/`], git)
  return ignored === undefined ? 'notIgnored' : 'ignored'
}

/** Adds the store to the `.gitignore` beside it, as a line of its own. */
export async function addToGitIgnore(storeDirectory: string): Promise<void> {
  const path = join(dirname(storeDirectory), '.gitignore')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const separator = text === '' || text.endsWith('\n') ? '' : '\n'
  await writeFile(path, `${text}${separator}${basename(storeDirectory)}/\n`)
}
