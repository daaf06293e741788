import { SnapError } from '../src/store-index.ts'
import { askGit } from './git.ts'
import type { ProgramIo } from './io.ts'

export interface Author {
  name: string
  email: string
}

/**
 * Says who commits, as git finds it.
 *
 * SNAP_AUTHOR_NAME and SNAP_AUTHOR_EMAIL, then GIT_AUTHOR_NAME and
 * GIT_AUTHOR_EMAIL, then git's configuration, then the account and its machine;
 * name and address each on their own.
 */
export async function findAuthor(io: ProgramIo): Promise<Author> {
  const { environment, workingDirectory } = io
  const config = (key: string) =>
    askGit(['config', '--get', key], { workingDirectory, environment })
  return {
    name:
      environment.SNAP_AUTHOR_NAME ||
      environment.GIT_AUTHOR_NAME ||
      (await config('user.name')) ||
      io.userName,
    email:
      environment.SNAP_AUTHOR_EMAIL ||
      environment.GIT_AUTHOR_EMAIL ||
      (await config('user.email')) ||
      `${io.userName}@${io.hostName}`,
  }
}

/**
 * Parses `Ada Lovelace <ada@example.com>`.
 *
 * @throws USAGE  it is not written like that
 */
export function parseAuthor(text: string): Author {
  const match = /^\s*([^<>]+?)\s*<([^<>]*)>\s*$/.exec(text)
  if (match === null) {
    throw new SnapError(
      'USAGE',
      `cannot read author '${text}'`,
      { argument: '--author' },
      { hint: "write it as 'Name <address>'" },
    )
  }
  return { name: match[1]!, email: match[2]! }
}
