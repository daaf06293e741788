import stringWidth from 'string-width'

/**
 * Makes text exactly so many columns wide: cut with `…` where it is wider, filled where it is not.
 *
 * Wide characters count twice and are never cut in half; colours count nothing.
 */
export function fitWidth(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutToWidth(text, width)
  const padding = ' '.repeat(Math.max(0, width - stringWidth(cut)))
  return align === 'right' ? padding + cut : cut + padding
}

/** What `createColors` writes around painted text. */
const COLOR_SEQUENCE = /(\u001b\[\d+m)/

/** Cuts text that is wider than that; a colour that is on where it is cut is switched off behind the cut. */
export function cutToWidth(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  if (width <= 0) return ''
  let cut = ''
  let used = 0
  let isCut = false
  for (const [place, piece] of text.split(COLOR_SEQUENCE).entries()) {
    // Every second piece is a colour: those behind the cut are kept, because they end what began before it.
    if (place % 2 === 1) cut += piece
    else if (!isCut) {
      for (const { segment } of new Intl.Segmenter().segment(piece)) {
        const own = stringWidth(segment)
        isCut = used + own > width - 1
        if (isCut) {
          cut += '…'
          break
        }
        cut += segment
        used += own
      }
    }
  }
  return cut
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
