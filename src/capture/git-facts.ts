import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Commit } from '../format/values.ts'

const run = promisify(execFile)

/** A repository that does not answer by then (a dead network mount) is not worth a commit's time. */
const TIMEOUT_MS = 2_000

/**
 * Reads the branch and commit of the git work tree around `directory`.
 *
 * Returns null where there is none, where it has no commit yet, or where git is
 * not installed: the code beside a database is worth noting, never required.
 */
export async function readGitFacts(directory: string): Promise<Commit['git']> {
  const git = async (...args: string[]) => {
    const { stdout } = await run('git', args, { cwd: directory, timeout: TIMEOUT_MS })
    return stdout.trim()
  }
  try {
    const commit = await git('rev-parse', '--verify', '--quiet', 'HEAD')
    const branch = await git('symbolic-ref', '--quiet', '--short', 'HEAD').catch(() => null)
    return { branch, commit }
  } catch {
    return null
  }
}
