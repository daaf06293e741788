/**
 * Takes a value out of the text of JSON with comments, with its key, its commas and its lines. Pure.
 */
import { applyEdits, type Edit, type Node } from 'jsonc-parser'

const COMMA = /(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*,/y

/** What may stand behind a value on its line and goes with it. */
const REST_OF_LINE = /[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*)?(?=\r?\n|$)/y

/** @param node  of the tree of `text`; not its root */
export function removeJson(text: string, node: Node): string {
  const element = node.parent?.type === 'property' ? node.parent : node
  const siblings = element.parent!.children!
  const position = siblings.indexOf(element)
  const previous = siblings[position - 1]
  const end = element.offset + element.length
  const comma = findComma(text, end)
  const edits = [removal(text, element.offset, comma ?? end, position < siblings.length - 1)]
  // The last of several leaves the comma before it behind.
  const before = comma === undefined && previous !== undefined ? endOf(previous) : undefined
  const left = before === undefined ? undefined : findComma(text, before)
  if (left !== undefined) edits.unshift({ offset: left - 1, length: 1, content: '' })
  return applyEdits(text, edits)
}

const endOf = ({ offset, length }: Node) => offset + length

/** Returns where the comma behind a value ends. */
function findComma(text: string, from: number): number | undefined {
  COMMA.lastIndex = from
  return COMMA.test(text) ? COMMA.lastIndex : undefined
}

function removal(text: string, from: number, to: number, hasNext: boolean): Edit {
  const lineStart = text.lastIndexOf('\n', from - 1) + 1
  REST_OF_LINE.lastIndex = to
  const isAlone = /^[ \t]*$/.test(text.slice(lineStart, from)) && REST_OF_LINE.test(text)
  if (isAlone && lineStart > 0) {
    const start = text[lineStart - 2] === '\r' ? lineStart - 2 : lineStart - 1
    return { offset: start, length: REST_OF_LINE.lastIndex - start, content: '' }
  }
  const spaces = hasNext
    ? /^[ \t]*/.exec(text.slice(to))![0].length
    : -/[ \t]*$/.exec(text.slice(0, from))![0].length
  const [start, end] = spaces < 0 ? [from + spaces, to] : [from, to + spaces]
  return { offset: start, length: end - start, content: '' }
}
