import stringWidth from 'string-width'

/**
 * Makes text exactly so many columns wide: cut with `…` where it is wider, filled where it is not.
 *
 * Wide characters count twice and are never cut in half. Plain text only: no colours in it.
 */
export function fitWidth(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutToWidth(text, width)
  const padding = ' '.repeat(Math.max(0, width - stringWidth(cut)))
  return align === 'right' ? padding + cut : cut + padding
}

/** Cuts text that is wider than that. */
export function cutToWidth(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const own = stringWidth(segment)
    if (used + own > width - 1) break
    cut += segment
    used += own
  }
  return width <= 0 ? '' : `${cut}…`
}

/** Breaks a line that is wider at its spaces, a word that is wider anywhere; what follows is indented as it is. */
export function wrapToWidth(line: string, width: number): string[] {
  if (stringWidth(line) <= width) return [line]
  const indent = ' '.repeat(Math.min(/^ */.exec(line)![0].length + 2, Math.floor(width / 2)))
  const lines: string[] = []
  let current = ''
  for (const word of line.split(/(?<= )/)) {
    if (current.trim() !== '' && stringWidth(current + word.trimEnd()) > width) {
      lines.push(current.trimEnd())
      current = indent
    }
    for (const { segment } of new Intl.Segmenter().segment(word)) {
      if (stringWidth(current + segment.trimEnd()) > width) {
        lines.push(current)
        current = indent
      }
      current += segment
    }
  }
  return current.trim() === '' ? lines : [...lines, current.trimEnd()]
}
