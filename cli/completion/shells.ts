import type { Answer } from './answer.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/**
 * Returns the lines that the shell's script reads: what the candidates are, then each with a tab and
 * its description, except for bash, which shows none.
 *
 * @param typed  the word that is being typed as it stands on the line
 */
export function formatAnswer(shell: Shell, answer: Answer, typed: string): string[] {
  const { kind, candidates, isUnfinished } = answer
  const directive = kind === 'words' && isUnfinished ? 'unfinished' : kind
  if (shell !== 'bash') {
    const lines = candidates.map(({ value, description }) =>
      description === '' ? value : `${value}\t${description}`,
    )
    return [directive, ...lines]
  }
  // Within quotes bash puts in what it is given, and closes them.
  const isQuoted = /^['"]/.test(typed)
  return [directive, ...candidates.map(({ value }) => (isQuoted ? value : escapeForBash(value)))]
}

/** A tilde or a hash mark means something to the shell at the beginning of a word alone. */
function escapeForBash(value: string): string {
  return value.replaceAll(/[\s'"\\$`!*?()<>|&;[\]]|^[~#]/g, String.raw`\$&`)
}
