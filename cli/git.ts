import { execFile } from 'node:child_process'

/**
 * Runs git and returns what it printed, without the last line feed.
 *
 * @returns `undefined` when git is not installed or ended with anything but 0:
 *          to every caller that is just "git has no answer"
 */
export async function askGit(
  args: readonly string[],
  options: {
    workingDirectory: string
    environment: Readonly<Record<string, string | undefined>>
  },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      'git',
      args,
      { cwd: options.workingDirectory, env: { ...options.environment }, timeout: 10_000 },
      (error, stdout) => resolve(error === null ? stdout.replace(/\n$/, '') : undefined),
    )
  })
}
