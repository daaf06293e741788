/** Writes a command line so that it can be pasted into a shell. */
export function formatShellWords(words: readonly string[]): string {
  return words.map(quote).join(' ')
}

function quote(word: string): string {
  if (/^[\w@%+=:,./~-]+$/.test(word) && !word.startsWith('~')) return word
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
