import { Argument, type Command } from 'commander'
import type { Context } from '../context.ts'
import { parseShellWords } from '../shell-words.ts'
import { findCandidates } from './find-candidates.ts'
import { formatAnswer, SHELLS, type Shell } from './shells.ts'

/**
 * What the scripts of `snap completion` ask: `snap __complete SHELL -- WORD…`, with the words after
 * `snap` up to the cursor, the last of them the one that is being typed.
 *
 * Reads the store and nothing else, and is silent about whatever keeps it from that: a shell shows
 * what it is told in the middle of somebody's typing.
 */
export function defineComplete(command: Command, context: Context): void {
  command
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .argument('[words...]')
    .action(async (shell: Shell, words: string[]) => {
      const typed = words.at(-1) ?? ''
      // bash hands over what stands on the line, quotes and all; the others take them off.
      const plain = shell === 'bash' ? words.map((word) => parseShellWords(word)[0] ?? '') : words
      try {
        const answer = await findCandidates(plain.length === 0 ? [''] : plain, context)
        context.output.result(...formatAnswer(shell, answer, typed))
      } catch {
        // Nothing to offer.
      }
    })
}
