import type { Command, Option } from 'commander'

/**
 * Returns where the command's name stands in a command line; undefined when there is none.
 *
 * @param program  knows which options before it take a value
 */
export function findFirstOperand(program: Command, words: readonly string[]): number | undefined {
  for (let position = 0; position < words.length; position++) {
    const word = words[position]!
    if (word === '--' || !word.startsWith('-') || word === '-') {
      const at = word === '--' ? position + 1 : position
      return at < words.length ? at : undefined
    }
    if (takesNextWord(program.options, word)) position++
  }
  return undefined
}

/** Whether the word is an option whose value is the word after it. */
export function takesNextWord(options: readonly Option[], word: string): boolean {
  return findOption(options, word)?.required === true
}

/** Returns the option of that name, long or short, as it is typed. */
export function findOption(options: readonly Option[], name: string): Option | undefined {
  return options.find(({ short, long }) => short === name || long === name)
}
