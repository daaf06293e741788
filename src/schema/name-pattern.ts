/**
 * psql's patterns for names, as `pg_dump --table` takes them (PostgreSQL manual, "psql", Patterns).
 *
 * pg_dump itself matches them for a commit. A checkout has to match them against
 * what a commit holds as well, where no server can be asked. Pure.
 */
import { SnapError } from '../errors.ts'

export interface NamePattern {
  /** As it was written. */
  text: string
  /** Undefined where the pattern names no schema: then the search path decides. */
  namespace: RegExp | undefined
  name: RegExp
}

/**
 * Reads one pattern: `orders`, `sales.*`, `"Mixed Case"`, `log_(2024|2025)`.
 *
 * @throws USAGE  it has more than one dot outside quotes, or is no regular expression
 */
export function parseNamePattern(text: string): NamePattern {
  const parts = ['']
  let isQuoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    const last = parts.length - 1
    if (character === '"') {
      if (isQuoted && text[i + 1] === '"') {
        parts[last] += '"'
        i++
      } else isQuoted = !isQuoted
    } else if (isQuoted) parts[last] += escaped(character)
    else if (character === '.') parts.push('')
    else if (character === '*') parts[last] += '.*'
    else if (character === '?') parts[last] += '.'
    else if (character === '$' || (character === '[' && text[i + 1] === ']')) {
      parts[last] += escaped(character)
    } else parts[last] += character.toLowerCase()
  }
  if (parts.length > 2 || isQuoted) throw unreadable(text)
  const [name, namespace] = parts.reverse()
  return {
    text,
    namespace: namespace === undefined ? undefined : wholeName(namespace, text),
    name: wholeName(name!, text),
  }
}

const escaped = (character: string) => character.replace(/[|*+?()[\]{}.^$\\/]/, '\\$&')

function wholeName(source: string, text: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`, 'su')
  } catch {
    throw unreadable(text)
  }
}

function unreadable(text: string): SnapError<'USAGE'> {
  return new SnapError(
    'USAGE',
    `cannot read '${text}' as a pattern for tables`,
    { argument: '--table' },
    {
      hint: `write it as for pg_dump: 'orders', 'sales.*', '"Mixed Case"'; a name with a dot is quoted`,
    },
  )
}

/**
 * Returns the names that a pattern means.
 *
 * One without a schema means, of several tables of the same name, the one that
 * comes first on the search path; a table in no schema of the path needs its schema.
 */
export function matchNames<T extends { namespace: string; name: string }>(
  { namespace, name }: NamePattern,
  candidates: readonly T[],
  searchPath: readonly string[],
): T[] {
  const named = candidates.filter((candidate) => name.test(candidate.name))
  if (namespace !== undefined) return named.filter((each) => namespace.test(each.namespace))
  const visible = new Map<string, number>()
  for (const each of named) {
    const rank = searchPath.indexOf(each.namespace)
    const best = visible.get(each.name) ?? Number.POSITIVE_INFINITY
    if (rank !== -1 && rank < best) visible.set(each.name, rank)
  }
  return named.filter((each) => {
    const rank = visible.get(each.name)
    return rank !== undefined && each.namespace === searchPath[rank]
  })
}
