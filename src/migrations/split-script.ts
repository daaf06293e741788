/**
 * Cuts a script into statements as psql does, without understanding them.
 *
 * PostgreSQL's own parser takes a whole script too, but refuses all of it at the
 * first thing it does not know: one broken statement, one `\connect`, the data
 * after `COPY … FROM stdin`. Cut first, each statement is judged on its own.
 *
 * Knows what psql's scanner knows (psqlscan.l): strings, quoted identifiers,
 * dollar quotes, nested comments, parentheses, `BEGIN ATOMIC` bodies, backslash
 * commands. Constants are read as `standard_conforming_strings = on` has them.
 */

export type ScriptPiece =
  /** `text` is the statement without its semicolon, from its first word on. */
  | { kind: 'statement'; text: string; offset: number }
  /** A backslash command of psql with its arguments, up to the end of the line. */
  | { kind: 'metaCommand'; text: string; offset: number }

/** Commands that send what has been typed so far, as a semicolon does. */
const SENDING_COMMANDS = /^\\(?:g|gx|gexec|gset|gdesc|crosstabview|watch)\b/

export class ScriptReader {
  readonly #source: string
  #offset = 0
  #isTerminated = true

  constructor(source: string) {
    this.#source = source
  }

  /** Whether what was read last ended before the end of the text: a statement its semicolon, rows their `\.`. */
  get isTerminated(): boolean {
    return this.#isTerminated
  }

  /** Returns the next piece, or undefined at the end. Offsets count UTF-16 code units. */
  next(): ScriptPiece | undefined {
    this.#skipBlanks()
    if (this.#offset >= this.#source.length) return undefined
    return this.#source[this.#offset] === '\\' ? this.#readMetaCommand() : this.#readStatement()
  }

  /** Skips the lines of data after a `COPY … FROM stdin`, up to and with the line `\.`. */
  skipCopyData(): void {
    this.readCopyData()
  }

  /** As `skipCopyData`, and returns these lines without the last. */
  readCopyData(): string {
    const rest = /[^\n]*\n/y
    rest.lastIndex = this.#offset
    // What is left of the statement's own line.
    if (rest.test(this.#source)) this.#offset = rest.lastIndex
    const start = this.#offset
    const end = /^\\\.[ \t]*(?:\r?\n|$)/gm
    end.lastIndex = this.#offset
    const match = end.exec(this.#source)
    this.#isTerminated = match !== null
    this.#offset = match === null ? this.#source.length : match.index + match[0].length
    return this.#source.slice(start, match?.index ?? this.#source.length)
  }

  #readMetaCommand(): ScriptPiece {
    const offset = this.#offset
    const end = this.#source.indexOf('\n', offset)
    this.#offset = end === -1 ? this.#source.length : end
    return { kind: 'metaCommand', text: this.#source.slice(offset, this.#offset).trim(), offset }
  }

  #readStatement(): ScriptPiece {
    const start = this.#offset
    const blanked: [start: number, end: number][] = []
    const words = new BodyDepth()
    let depth = 0
    let end = this.#source.length
    this.#isTerminated = false
    while (this.#offset < this.#source.length) {
      const character = this.#source[this.#offset]!
      if (this.#skipQuotedOrComment()) continue
      if (character === '(' || character === '[') depth += 1
      if (character === ')' || character === ']') depth -= 1
      if (character === ';' && depth <= 0 && words.depth === 0) {
        end = this.#offset
        this.#offset += 1
        this.#isTerminated = true
        break
      }
      if (character === '\\') {
        end = this.#offset
        if (this.#source[this.#offset + 1] === ';') {
          this.#offset += 2
          break
        }
        if (SENDING_COMMANDS.test(this.#source.slice(this.#offset, this.#offset + 20))) break
        this.#readMetaCommand()
        blanked.push([end, this.#offset])
        end = this.#source.length
        continue
      }
      const word = this.#readWord()
      if (word === undefined) this.#offset += 1
      else if (depth <= 0) words.see(word)
    }
    return { kind: 'statement', text: this.#textOf(start, end, blanked), offset: start }
  }

  /** Commands within a statement become blanks, so that positions stay what they are. */
  #textOf(start: number, end: number, blanked: readonly [number, number][]): string {
    let text = this.#source.slice(start, end)
    for (const [from, to] of blanked) {
      text = text.slice(0, from - start) + ' '.repeat(to - from) + text.slice(to - start)
    }
    return text.trimEnd()
  }

  /** Skips blanks, comments and stray semicolons before a statement. */
  #skipBlanks(): void {
    while (this.#offset < this.#source.length) {
      const character = this.#source[this.#offset]!
      if (/[\s;\uFEFF]/.test(character)) this.#offset += 1
      else if (!this.#skipComment()) return
    }
  }

  #skipQuotedOrComment(): boolean {
    const character = this.#source[this.#offset]!
    switch (character) {
      case "'":
        return this.#skipPattern(this.#isEscapeString() ? ESCAPE_STRING : STRING)
      case '"':
        return this.#skipPattern(QUOTED_IDENTIFIER)
      case '$':
        return this.#skipDollarQuoted()
      default:
        return this.#skipComment()
    }
  }

  #skipComment(): boolean {
    const first = this.#source[this.#offset]
    if ((first !== '-' && first !== '/') || this.#offset + 1 >= this.#source.length) return false
    const second = this.#source[this.#offset + 1]
    if (first === '-' && second === '-') {
      const end = this.#source.indexOf('\n', this.#offset)
      this.#offset = end === -1 ? this.#source.length : end
      return true
    }
    if (first === '-' || second !== '*') return false
    const edge = /\/\*|\*\//g
    edge.lastIndex = this.#offset
    let depth = 0
    for (let match = edge.exec(this.#source); match !== null; match = edge.exec(this.#source)) {
      depth += match[0] === '/*' ? 1 : -1
      if (depth > 0) continue
      this.#offset = edge.lastIndex
      return true
    }
    this.#offset = this.#source.length
    return true
  }

  #skipDollarQuoted(): boolean {
    const before = this.#source[this.#offset - 1] ?? ''
    const tag = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy
    tag.lastIndex = this.#offset
    const match = /[\p{L}\p{N}_$]/u.test(before) ? null : tag.exec(this.#source)
    if (match === null) return false
    const end = this.#source.indexOf(match[0], tag.lastIndex)
    this.#offset = end === -1 ? this.#source.length : end + match[0].length
    return true
  }

  /** Skips a quoted piece; one that does not end takes the rest of the script. */
  #skipPattern(pattern: RegExp): boolean {
    pattern.lastIndex = this.#offset
    this.#offset = pattern.test(this.#source) ? pattern.lastIndex : this.#source.length
    return true
  }

  /** `E'…'`, and not the end of a word such as `SOME'…'`. */
  #isEscapeString(): boolean {
    const before = this.#source.slice(Math.max(0, this.#offset - 2), this.#offset)
    return /(?:^|[^\p{L}\p{N}_$])[eE]$/u.test(before)
  }

  #readWord(): string | undefined {
    const word = /[\p{L}_][\p{L}\p{N}_$]*/uy
    word.lastIndex = this.#offset
    const match = word.exec(this.#source)
    if (match === null) return undefined
    // A word before a quote may be its prefix, which is for whoever reads the quote.
    this.#offset = word.lastIndex
    return match[0].toLowerCase()
  }
}

const STRING = /'(?:[^']|'')*'/y
const ESCAPE_STRING = /'(?:[^'\\]|\\[\s\S]|'')*'/y
const QUOTED_IDENTIFIER = /"(?:[^"]|"")*"/y

/** How deep in the body of `CREATE FUNCTION … BEGIN ATOMIC` a statement is: there semicolons do not end it. */
class BodyDepth {
  depth = 0
  readonly #words: string[] = []

  see(word: string): void {
    if (this.#words.length < 4) this.#words.push(word)
    const [first, ...others] = this.#words
    const object = others[0] === 'or' ? others[2] : others[0]
    if (first !== 'create' || (object !== 'function' && object !== 'procedure')) return
    if (word === 'begin') this.depth += 1
    else if (word === 'case' && this.depth > 0) this.depth += 1
    else if (word === 'end' && this.depth > 0) this.depth -= 1
  }
}
