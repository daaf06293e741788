/**
 * Changes one value in the text of JSON with comments, and nothing around it. Pure.
 *
 * jsonc-parser finds the place; asked to format what it writes, it would format the lines beside it, too.
 */
import {
  applyEdits,
  type Edit,
  findNodeAtLocation,
  findNodeAtOffset,
  modify,
  parseTree,
} from 'jsonc-parser'
import { removeJson } from './remove-json.ts'

/**
 * @param path   where; what is missing on the way to it is made
 * @param value  undefined takes away what is there
 */
export function changeJson(
  text: string,
  path: readonly (string | number)[],
  value: unknown,
): string {
  if (value === undefined) {
    const root = parseTree(text, [], { allowTrailingComma: true })
    const node = root === undefined ? undefined : findNodeAtLocation(root, [...path])
    return node === undefined ? text : removeJson(text, node)
  }
  const edits = modify(text, [...path], value, {})
  return applyEdits(
    text,
    edits.flatMap((edit) => spread(text, edit)),
  )
}

/** What `modify` writes in one line: commas around, a key, a value. */
const WRITTEN = /^(,?)("(?:[^"\\]|\\.)*":\s*)?(.*?)(,?)$/s

/** The rest of a line behind a value: nothing, or a comma, or a comment. */
const REST_OF_LINE = /^([ \t]*)(,?)[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*)?(?=\r?\n)/

/** The edit, with its value on lines of its own where the file has it so. */
function spread(text: string, edit: Edit): Edit[] {
  const { offset, length } = edit
  const [, before, key = '', json, after] = WRITTEN.exec(edit.content)!
  const value: unknown = JSON.parse(json!)
  const lineIndent = indentAt(text, offset)
  const name = key.replace(/:\s*$/, ': ')
  const isInsertion = length === 0
  if (!isInsertion || (before === '' && after === '' && key === '')) {
    return [{ ...edit, content: name + pretty(text, value, lineIndent) }]
  }
  if (before === '' && after === '') {
    // The first in an empty object or list, whose brackets are on one line or two.
    const inner = lineIndent + unitOf(text)
    const eol = eolOf(text)
    const end = /^\s*[\]}]/.exec(text.slice(offset))?.[0] ?? ''
    const close = end.includes('\n') ? '' : eol + lineIndent
    return [
      { offset, length, content: `${eol}${inner}${name}${pretty(text, value, inner)}${close}` },
    ]
  }
  const isOnOwnLine = /^[ \t]*$/.test(
    lineBefore(text, startOfSibling(text, offset, before === ',')),
  )
  if (!isOnOwnLine) return [{ ...edit, content: inline(before!, name, json!, after!) }]
  const content = `${name}${pretty(text, value, lineIndent)}`
  if (before === '') return [{ offset, length, content: `${content},${eolOf(text)}${lineIndent}` }]
  const rest = REST_OF_LINE.exec(text.slice(offset))
  if (rest === null) return [{ offset, length, content: `,${eolOf(text)}${lineIndent}${content}` }]
  // A comment behind the value before stays there.
  const hasComma = rest[2] === ','
  return [
    ...(hasComma ? [] : [{ offset, length: 0, content: ',' }]),
    {
      offset: offset + rest[0].length,
      length: 0,
      content: `${eolOf(text)}${lineIndent}${content}${hasComma ? ',' : ''}`,
    },
  ]
}

function inline(before: string, name: string, json: string, after: string): string {
  return `${before}${before === '' ? '' : ' '}${name}${json}${after}${after === '' ? '' : ' '}`
}

/** Where the value begins that stands beside what is written, with its key. */
function startOfSibling(text: string, offset: number, isBehind: boolean): number {
  const root = parseTree(text, [], { allowTrailingComma: true })
  if (!isBehind || root === undefined) return offset
  let node = findNodeAtOffset(root, offset - 1)
  while (node?.parent !== undefined && node.parent.offset + node.parent.length === offset) {
    node = node.parent
  }
  return node?.offset ?? offset
}

function lineBefore(text: string, offset: number): string {
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
}

function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))![0]
}

function pretty(text: string, value: unknown, indent: string): string {
  const line = Array.isArray(value)
    ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
    : JSON.stringify(value)
  const isPlain = typeof value !== 'object' || value === null
  if (isPlain || (Array.isArray(value) && line.length <= MAX_LIST_CHARACTERS)) return line
  return JSON.stringify(value, null, unitOf(text)).replaceAll('\n', eolOf(text) + indent)
}

const MAX_LIST_CHARACTERS = 60

function unitOf(text: string): string {
  return /^([ \t]+)\S/m.exec(text)?.[1] ?? '  '
}

function eolOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}
