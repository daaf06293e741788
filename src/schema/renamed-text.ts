/**
 * What renaming does to the SQL that pg_dump writes. Pure.
 *
 * The server rewrites definitions when something they refer to is renamed. Which
 * identifier refers to what is not known here, only what was renamed to what; so
 * this tells what a definition is likely to say, never what it does say.
 */
import { quoteIfNeeded, unquoteIdentifier } from './sql-text.ts'

interface Token {
  kind: 'identifier' | 'string' | 'other'
  /** Of an identifier the name that it stands for, of all else the text. */
  value: string
  start: number
  end: number
}

const TOKEN =
  /\s+|(?<string>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\2\$)|(?<identifier>"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)|(?<other>\d[\w.]*|.)/suy

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const { string, identifier, other } = match.groups!
    const [start, end] = [match.index, TOKEN.lastIndex]
    if (string !== undefined) tokens.push({ kind: 'string', value: string, start, end })
    if (identifier !== undefined) {
      tokens.push({ kind: 'identifier', value: unquoteIdentifier(identifier), start, end })
    }
    if (other !== undefined) tokens.push({ kind: 'other', value: other, start, end })
  }
  return tokens
}

/** `'public.users'::regclass` names something that may be renamed; other strings do not. */
function namesSomething(tokens: readonly Token[], position: number): boolean {
  const [string, colon, another, type] = tokens.slice(position, position + 4)
  return (
    string?.kind === 'string' &&
    string.value.startsWith("'") &&
    colon?.value === ':' &&
    another?.value === ':' &&
    /^reg(?:class|type|proc|procedure|collation|config|dictionary|namespace)$/.test(
      type?.value ?? '',
    )
  )
}

const contentOf = (string: string) => string.slice(1, -1).replaceAll("''", "'")

/**
 * Tells whether two texts say the same once identifiers of the first have been renamed.
 *
 * @param isRenamed  whether something called `from` in the first text is called `to` in the second
 */
export function isSameAfterRenames(
  before: string | null,
  after: string | null,
  isRenamed: (from: string, to: string) => boolean,
): boolean {
  if (before === null || after === null) return before === after
  const [left, right] = [tokenize(before), tokenize(after)]
  let i = 0
  let j = 0
  for (;;) {
    i += impliedLength(left, i, right, j)
    j += impliedLength(right, j, left, i)
    const [a, b] = [left[i], right[j]]
    if (a === undefined || b === undefined) return a === b
    const isSame =
      a.kind === b.kind &&
      (a.value === b.value ||
        (a.kind === 'identifier' && isRenamed(a.value, b.value)) ||
        (namesSomething(left, i) &&
          namesSomething(right, j) &&
          isSameAfterRenames(contentOf(a.value), contentOf(b.value), isRenamed)))
    if (!isSame) return false
    i++
    j++
  }
}

/**
 * How many tokens at `i` say what the other text leaves out because it is meant
 * anyway: a view's column is named like what it selects, a not-null constraint
 * like its column, until one of them is renamed.
 */
function impliedLength(
  tokens: readonly Token[],
  i: number,
  others: readonly Token[],
  j: number,
): number {
  const [word, name, not] = tokens.slice(i, i + 3)
  if (name?.kind !== 'identifier') return 0
  const previous = others[j - 1]
  const other = others[j]
  if (word?.value === 'AS' && previous?.kind === 'identifier' && other?.value !== 'AS') {
    return name.value === previous.value ? 2 : 0
  }
  const isNotNull = word?.value === 'CONSTRAINT' && not?.value === 'NOT' && other?.value === 'NOT'
  return isNotNull && name.value.endsWith('_not_null') ? 2 : 0
}

export interface NewNames {
  /** By `namespace NUL name`. */
  qualified: ReadonlyMap<string, { namespace: string; name: string }>
  namespaces: ReadonlyMap<string, string>
  /** Of everything by the name alone: columns, constraints, and what stands without its namespace. */
  plain: ReadonlyMap<string, string>
}

/** Replaces identifiers wherever they stand for something renamed, as far as their place tells. */
export function replaceNames(text: string, names: NewNames): string {
  const tokens = tokenize(text)
  let result = ''
  let copiedTo = 0
  const replace = (token: Token, value: string) => {
    if (token.value === value) return
    result += text.slice(copiedTo, token.start) + value
    copiedTo = token.end
  }
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    if (namesSomething(tokens, i)) {
      const content = replaceNames(contentOf(token.value), names)
      replace(token, `'${content.replaceAll("'", "''")}'`)
    }
    if (token.kind !== 'identifier') continue
    const qualifies = tokens[i + 1]?.value === '.' && tokens[i + 2]?.kind === 'identifier'
    const object = qualifies
      ? names.qualified.get(`${token.value}\0${tokens[i + 2]!.value}`)
      : undefined
    if (object !== undefined) {
      if (object.namespace !== token.value) replace(token, quoteIfNeeded(object.namespace))
      if (object.name !== tokens[i + 2]!.value) replace(tokens[i + 2]!, quoteIfNeeded(object.name))
      i += 2
      continue
    }
    const value =
      (qualifies ? names.namespaces.get(token.value) : undefined) ?? names.plain.get(token.value)
    if (value !== undefined && value !== token.value) replace(token, quoteIfNeeded(value))
  }
  return result + text.slice(copiedTo)
}
