/**
 * What is compared of a definition: equal where the objects do the same, whatever
 * the order in which they were told to.
 *
 * A commit keeps pg_dump's order, which is the history's; a comparison forgets it. Pure.
 */
import type { SchemaEntry } from '../format/values.ts'
import { findParenthesised, splitTopLevel } from './sql-text.ts'

/** Returns the definition with everything in one order that has no meaning in it. */
export function comparableDefinition(
  entry: Pick<SchemaEntry, 'kind' | 'definition'>,
): string | null {
  if (entry.definition === null) return null
  switch (entry.kind) {
    case 'ACL':
    case 'DEFAULT ACL':
      return sortGrants(entry.definition)
    case 'TABLE':
    case 'INDEX':
    case 'VIEW':
    case 'MATERIALIZED VIEW':
    case 'CONSTRAINT':
      return sortStorageParameters(entry.definition)
    default:
      return entry.definition
  }
}

/**
 * Grants come in the order in which they were given. Sorted, REVOKEs stay in
 * front; with more than one grantor the order carries who could grant, and stays.
 */
function sortGrants(definition: string): string {
  const statements = splitTopLevel(definition, ';')
  if (statements.some((statement) => /SESSION AUTHORIZATION/.test(statement))) return definition
  const isGrant = (statement: string) => /^(?:ALTER DEFAULT PRIVILEGES .*)?GRANT /s.test(statement)
  const revokes = statements.filter((statement) => !isGrant(statement))
  const grants = statements.filter(isGrant).sort()
  return [...revokes, ...grants].map((statement) => `${statement};`).join('\n')
}

/** Storage parameters come in the order in which they were set. */
function sortStorageParameters(definition: string): string {
  let result = definition
  for (const keyword of ['WITH', 'SET']) {
    if (!result.includes(`${keyword} (`)) continue
    let list = findParenthesised(result, keyword)
    while (list !== undefined) {
      const parameters = splitTopLevel(list.content, ',')
      const sorted = parameters.every(isParameter) ? parameters.sort().join(', ') : list.content
      const before = result.slice(0, list.start)
      result = `${before}(${sorted})${result.slice(list.end)}`
      list = findParenthesised(result, keyword, before.length + sorted.length + 2)
    }
  }
  return result
}

const isParameter = (text: string) => /^[\w.]+ ?=/.test(text)
