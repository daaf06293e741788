/**
 * Text → condition, as the grammar in `condition.ts` has it. Pure.
 *
 * Conditions and amounts share one expression grammar, since `(` may begin
 * either; what kind each side must be is checked as the tree is built, so that
 * the message can point at the side that is wrong.
 */
import { SnapError } from '../errors.ts'
import {
  type Amount,
  CONDITION_WORDS,
  type Comparison,
  type Condition,
  MEASURES,
  type Measure,
  type TableReference,
} from './condition.ts'

/**
 * Parses a condition.
 *
 * @throws CONDITION_INVALID  with the offset of what is wrong, in UTF-16 code units
 */
export function parseCondition(text: string): Condition {
  const parser = new Parser(text)
  const parsed = parser.parseExpression(0)
  parser.expectEnd()
  return parser.asCondition(parsed)
}

interface Token {
  kind: 'number' | 'name' | 'quotedName' | 'symbol' | 'end'
  /** As written; of a quoted name, what it stands for. */
  text: string
  offset: number
}

/** A part of the text with what it turned out to be. */
type Parsed = { offset: number } & (
  | { kind: 'condition'; value: Condition }
  | { kind: 'amount'; value: Amount }
)

const TOKEN =
  /\s*(?:(?<number>\d+(?:\.\d+)?)|(?<name>[\p{L}_][\p{L}\p{N}_$]*)|"(?<quoted>(?:[^"]|"")*)"|(?<symbol><=|>=|<>|!=|[<>=+\-*/%().]))/uy

const OPERATOR_STRENGTH: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '=': 4,
  '!=': 4,
  '<>': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
}
const NOT_STRENGTH = 3

class Parser {
  readonly #text: string
  readonly #tokens: Token[]
  #position = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = this.#tokenize()
  }

  /** Parses operators that bind at least as tightly as `strength`; equal ones group to the left. */
  parseExpression(strength: number): Parsed {
    let left = this.#parseOperand()
    for (;;) {
      const token = this.#peek()
      const operator = token.kind === 'symbol' ? token.text : wordOf(token)
      const own = OPERATOR_STRENGTH[operator]
      if (own === undefined || own < strength) return left
      this.#position += 1
      left = this.#combine(left, operator, this.parseExpression(own + 1))
    }
  }

  expectEnd(): void {
    const token = this.#peek()
    if (token.kind !== 'end') this.#fail(token.offset, `did not expect ${describe(token)} here`)
  }

  asCondition(parsed: Parsed): Condition {
    if (parsed.kind === 'condition') return parsed.value
    return this.#fail(parsed.offset, 'expected a comparison here, found an amount alone')
  }

  #asAmount(parsed: Parsed): Amount {
    if (parsed.kind === 'amount') return parsed.value
    return this.#fail(parsed.offset, 'expected an amount here, found a condition')
  }

  #parseOperand(): Parsed {
    const token = this.#next()
    const { offset } = token
    if (token.kind === 'symbol' && token.text === '(') {
      const inner = this.parseExpression(0)
      this.#expectSymbol(')')
      return { ...inner, offset }
    }
    if (token.kind === 'number') return { kind: 'amount', offset, value: this.#numberFrom(token) }
    const word = wordOf(token)
    if (word === 'not') {
      const operand = this.asCondition(this.parseExpression(NOT_STRENGTH))
      return { kind: 'condition', offset, value: { kind: 'not', operand } }
    }
    if (word === 'before') return { kind: 'amount', offset, value: { kind: 'before' } }
    if (isName(token) && word !== 'and' && word !== 'or') {
      return { kind: 'amount', offset, value: this.#measureFrom(token) }
    }
    return this.#fail(
      offset,
      `expected a table's measure ('users.rows'), 'before' or a number, found ${describe(token)}`,
    )
  }

  #numberFrom(token: Token): Amount {
    const isPercent = this.#peek().text === '%' && this.#peek().kind === 'symbol'
    if (isPercent) this.#position += 1
    return { kind: isPercent ? 'percent' : 'number', value: Number(token.text) }
  }

  #measureFrom(first: Token): Amount {
    const names = [first]
    while (this.#peek().kind === 'symbol' && this.#peek().text === '.') {
      this.#position += 1
      const name = this.#next()
      if (!isName(name)) this.#fail(name.offset, `expected a name, found ${describe(name)}`)
      names.push(name)
    }
    const last = names.at(-1)!
    const isMeasure = names.length > 1 && MEASURES.includes(last.text as Measure)
    if (!isMeasure || last.kind !== 'name') {
      const offset = names.length === 1 ? first.offset + first.text.length : last.offset
      this.#fail(offset, `expected one of .${MEASURES.join(', .')} after the table`)
    }
    const table = this.#tableFrom(names.slice(0, -1))
    return { kind: 'measure', table, measure: last.text as Measure }
  }

  #tableFrom(names: readonly Token[]): TableReference {
    const [first, second, third] = names
    if (third !== undefined) {
      this.#fail(third.offset, 'a table has at most a schema before its name')
    }
    if (second !== undefined) return { namespace: first!.text, name: second.text }
    return wordOf(first!) === 'any' ? null : { namespace: null, name: first!.text }
  }

  #combine(left: Parsed, operator: string, right: Parsed): Parsed {
    const { offset } = left
    switch (operator) {
      case 'or':
      case 'and': {
        const value = {
          kind: operator,
          left: this.asCondition(left),
          right: this.asCondition(right),
        } as const
        return { kind: 'condition', offset, value }
      }
      case '+':
      case '-':
      case '*':
      case '/': {
        const value = {
          kind: 'arithmetic',
          operator,
          left: this.#asAmount(left),
          right: this.#asAmount(right),
        } as const
        this.#checkPercent(left, operator === '*')
        this.#checkPercent(right, operator === '*')
        return { kind: 'amount', offset, value }
      }
      default:
        return this.#compare(left, operator as Comparison['operator'] | '<>', right)
    }
  }

  #compare(left: Parsed, operator: Comparison['operator'] | '<>', right: Parsed): Parsed {
    const comparison: Comparison = {
      kind: 'comparison',
      operator: operator === '<>' ? '!=' : operator,
      left: this.#asAmount(left),
      right: this.#asAmount(right),
    }
    this.#checkPercent(left, false)
    this.#checkPercent(right, false)
    const leaves = [...leavesOf(comparison.left), ...leavesOf(comparison.right)]
    const tables = new Set(
      leaves.flatMap((leaf) => (leaf.kind === 'measure' ? [contextOf(leaf)] : [])),
    )
    if (tables.size === 0) {
      this.#fail(left.offset, "expected a table's measure ('users.rows') on one side")
    }
    if (tables.size > 1 && leaves.some(({ kind }) => kind === 'before')) {
      this.#fail(
        left.offset,
        "'before' is of the table it is compared with, and this comparison has more than one",
      )
    }
    return { kind: 'condition', offset: left.offset, value: comparison }
  }

  #checkPercent(side: Parsed, isFactor: boolean): void {
    if (side.value.kind !== 'percent' || isFactor) return
    this.#fail(side.offset, `a percentage of what? write 'before * ${side.value.value}%'`)
  }

  #tokenize(): Token[] {
    const tokens: Token[] = []
    TOKEN.lastIndex = 0
    for (;;) {
      const start = TOKEN.lastIndex
      const match = TOKEN.exec(this.#text)
      if (match === null) {
        const offset = start + /^\s*/.exec(this.#text.slice(start))![0].length
        if (offset < this.#text.length) {
          this.#fail(
            offset,
            `did not expect '${String.fromCodePoint(this.#text.codePointAt(offset)!)}' here`,
          )
        }
        tokens.push({ kind: 'end', text: '', offset })
        return tokens
      }
      const offset = start + match[0].search(/\S/)
      const { number, name, quoted, symbol } = match.groups!
      if (number !== undefined) tokens.push({ kind: 'number', text: number, offset })
      else if (name !== undefined) tokens.push({ kind: 'name', text: name, offset })
      else if (quoted !== undefined) {
        tokens.push({ kind: 'quotedName', text: quoted.replaceAll('""', '"'), offset })
      } else tokens.push({ kind: 'symbol', text: symbol!, offset })
    }
  }

  #peek(): Token {
    return this.#tokens[this.#position]!
  }

  #next(): Token {
    const token = this.#peek()
    if (token.kind !== 'end') this.#position += 1
    return token
  }

  #expectSymbol(symbol: string): void {
    const token = this.#next()
    if (token.kind === 'symbol' && token.text === symbol) return
    this.#fail(token.offset, `expected '${symbol}', found ${describe(token)}`)
  }

  #fail(offset: number, reason: string): never {
    throw new SnapError(
      'CONDITION_INVALID',
      `cannot read the condition '${this.#text}': ${reason}`,
      { condition: this.#text, offset, reason },
      { hint: "write it as 'users.rows < before * 0.9' or 'orders.deleted > 100'" },
    )
  }
}

/** The word of the language that a token is, in lower case; quoted, it is a name. */
function wordOf({ kind, text }: Token): string {
  const word = text.toLowerCase()
  return kind === 'name' && CONDITION_WORDS.has(word) ? word : ''
}

function isName({ kind }: Token): boolean {
  return kind === 'name' || kind === 'quotedName'
}

function describe({ kind, text }: Token): string {
  return kind === 'end' ? 'the end' : `'${text}'`
}

function leavesOf(amount: Amount): Amount[] {
  if (amount.kind !== 'arithmetic') return [amount]
  return [...leavesOf(amount.left), ...leavesOf(amount.right)]
}

/** What `before` beside it would mean. */
function contextOf({ table, measure }: Amount & { kind: 'measure' }): string {
  return JSON.stringify([table, measure === 'columns'])
}
