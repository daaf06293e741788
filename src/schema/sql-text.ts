/**
 * Finds its way through the SQL that pg_dump writes, without understanding it.
 *
 * Knows only what may hide a comma, a semicolon or a keyword: string constants,
 * quoted identifiers, dollar quotes and parentheses. Pure.
 */
import { quoteIdentifier } from '../postgres/quote.ts'

/** A string constant, a quoted identifier or a dollar-quoted body, whole. */
const QUOTED = /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$/suy

const MAY_BEGIN_QUOTED = new Set(['e', 'E', "'", '"', '$'])

/** Calls `visit` for every character outside quotes; it returns true to stop there. */
function walk(text: string, visit: (offset: number, depth: number) => boolean): void {
  let depth = 0
  for (let offset = 0; offset < text.length; offset++) {
    const character = text[offset]!
    if (MAY_BEGIN_QUOTED.has(character)) {
      QUOTED.lastIndex = offset
      const quoted = QUOTED.exec(text)
      if (quoted !== null) {
        offset += quoted[0].length - 1
        continue
      }
    }
    if (character === ')' || character === ']') depth--
    if (visit(offset, depth)) return
    if (character === '(' || character === '[') depth++
  }
}

/** Splits at a separator outside quotes and parentheses; the parts are trimmed, empty ones left out. */
export function splitTopLevel(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = []
  let start = 0
  walk(text, (offset, depth) => {
    if (depth === 0 && text[offset] === separator) {
      parts.push(text.slice(start, offset))
      start = offset + 1
    }
    return false
  })
  parts.push(text.slice(start))
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

export interface Parenthesised {
  /** Offset of the opening parenthesis. */
  start: number
  /** Offset after the closing one. */
  end: number
  /** What is between them. */
  content: string
}

/**
 * Finds the first parenthesis outside quotes and other parentheses, from offset
 * `from` on, that directly follows `keyword` and a blank (any parenthesis when there is none).
 */
export function findParenthesised(
  text: string,
  keyword?: string,
  from = 0,
): Parenthesised | undefined {
  let start = -1
  let end = -1
  walk(text, (offset, depth) => {
    if (depth !== 0 || offset < from) return false
    const character = text[offset]
    if (start === -1 && character === '(') {
      if (keyword === undefined || text.slice(0, offset).endsWith(`${keyword} `)) start = offset
    } else if (start !== -1 && character === ')') {
      end = offset + 1
      return true
    }
    return false
  })
  return end === -1 ? undefined : { start, end, content: text.slice(start + 1, end - 1) }
}

/** Returns the name that an identifier in SQL written by pg_dump stands for. */
export function unquoteIdentifier(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier
}

/** Writes an identifier as pg_dump does, reserved words left aside: quoted only where it has to be. */
export function quoteIfNeeded(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteIdentifier(name)
}
