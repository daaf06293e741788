/** Writes a command line so that it can be pasted into a shell. */
export function formatShellWords(words: readonly string[]): string {
  return words.map(quote).join(' ')
}

function quote(word: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(word) && !word.startsWith('~')) return word
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/**
 * Splits a command line into words as a shell does, with quotes and backslashes and nothing else of it:
 * no variables, no patterns. Of a quote that is not closed, all that follows belongs to the word.
 */
export function parseShellWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  const PIECE = /\s+|'([^']*)'?|"((?:[^"\\]|\\.)*)"?|\\(.?)|[^\s'"\\]+/gsu
  for (const [piece, single, double, escaped] of line.matchAll(PIECE)) {
    if (/^\s/.test(piece)) {
      if (word !== undefined) words.push(word)
      word = undefined
      continue
    }
    const text = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? piece
    word = (word ?? '') + text
  }
  return word === undefined ? words : [...words, word]
}
