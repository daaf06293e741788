const WIDTH = 80

/** Breaks a text between words into lines of at most 80 characters, each indented. */
export function wrapWords(text: string, { indent }: { indent: number }): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each)
}
