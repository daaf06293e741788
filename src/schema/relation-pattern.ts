/**
 * Chooses tables by psql's patterns, as `pg_dump --table` does (PostgreSQL manual, psql, "Patterns"). Pure.
 */
import { SnapError } from '../errors.ts'
import { findNearNames } from './near-names.ts'

export interface RelationName {
  namespace: string
  name: string
}

/**
 * Returns a test of whether a table is meant by one of the patterns.
 *
 * `orders` means the table of that name in any schema, `sales.orders` that one.
 * `*` stands for any characters, `?` for one; other characters of regular
 * expressions mean what they do there: `order(s|_lines)`, `log_[0-9]+`. Letters
 * are folded to lower case. Within double quotes every character stands for
 * itself. Without patterns every table is meant.
 *
 * @param relations  all there are
 * @throws USAGE              a pattern cannot be read
 * @throws PATTERN_UNMATCHED  some of the patterns mean none of `relations`
 */
export function chooseRelations(
  patterns: readonly string[],
  relations: readonly RelationName[],
): (relation: RelationName) => boolean {
  const tests = patterns.map((pattern) => ({ pattern, isMeant: parsePattern(pattern) }))
  const unmatched = tests
    .filter(({ isMeant }) => !relations.some(isMeant))
    .map(({ pattern }) => pattern)
  if (unmatched.length > 0) throw unmatchedPatterns(unmatched, relations)
  return (relation) => tests.length === 0 || tests.some(({ isMeant }) => isMeant(relation))
}

/**
 * Returns a test of whether a table is meant by one of the patterns; a pattern may mean nothing.
 *
 * @throws USAGE  a pattern cannot be read
 */
export function matchRelations(patterns: readonly string[]): (relation: RelationName) => boolean {
  const tests = patterns.map(parsePattern)
  return (relation) => tests.length === 0 || tests.some((isMeant) => isMeant(relation))
}

/** Says which patterns mean nothing, and which names are like them. */
export function unmatchedPatterns(
  patterns: readonly string[],
  relations: readonly RelationName[],
): SnapError<'PATTERN_UNMATCHED'> {
  const names = [
    ...new Set(relations.flatMap(({ namespace, name }) => [name, `${namespace}.${name}`])),
  ]
  const candidates = findNearNames(patterns, names)
  return new SnapError(
    'PATTERN_UNMATCHED',
    `no table matches ${patterns.map((pattern) => `'${pattern}'`).join(', ')}`,
    { patterns: [...patterns], candidates },
    {
      hint:
        candidates.length > 0
          ? `did you mean ${candidates.join(', ')}?`
          : 'patterns are as in psql: capital letters need double quotes',
    },
  )
}

const TOKEN = /"((?:[^"]|"")*)"|([\s\S])/gu
const IN_CLASS = /\[[^\]]*\]/uy

function parsePattern(pattern: string): (relation: RelationName) => boolean {
  const parts = ['']
  const add = (text: string) => {
    parts[parts.length - 1] += text
  }
  for (let offset = 0; offset < pattern.length; ) {
    IN_CLASS.lastIndex = offset
    const characterClass = IN_CLASS.exec(pattern)?.[0]
    if (characterClass !== undefined) {
      add(characterClass.toLowerCase())
      offset += characterClass.length
      continue
    }
    TOKEN.lastIndex = offset
    const [token, quoted, character] = TOKEN.exec(pattern)!
    offset += token.length
    if (quoted !== undefined) add(escapeExpression(quoted.replaceAll('""', '"')))
    else if (character === '"') throw unreadable(pattern, 'a quote is not closed')
    else if (character === '.') parts.push('')
    else if (character === '*') add('.*')
    else if (character === '?') add('.')
    else if (character === '$') add('\\$')
    else add(character!.toLowerCase())
  }
  if (parts.length > 2) throw unreadable(pattern, 'it has more dots than between schema and table')
  const [name, namespace] = parts.reverse().map((part) => toExpression(part, pattern))
  return (relation) =>
    name!.test(relation.name) && (namespace === undefined || namespace.test(relation.namespace))
}

function toExpression(text: string, pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, 'su')
  } catch (cause) {
    throw unreadable(pattern, 'it is no regular expression', cause)
  }
}

const escapeExpression = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

function unreadable(pattern: string, because: string, cause?: unknown): SnapError<'USAGE'> {
  return new SnapError(
    'USAGE',
    `cannot read the pattern '${pattern}': ${because}`,
    { argument: pattern },
    { cause, hint: 'write what stands for itself in double quotes' },
  )
}
