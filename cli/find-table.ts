import { findClosestName, SnapError, type TableEntry, type Tree } from '../src/store-index.ts'

const IDENTIFIER = '("(?:[^"]|"")*"|[^".:]+)'
const TABLE_OF_REVISION = new RegExp(`^(.+?):(?:${IDENTIFIER}\\.)?${IDENTIFIER}$`, 's')

export interface TableArgument {
  revision: string
  /** Undefined where only a name was given. */
  namespace: string | undefined
  name: string
}

/**
 * Reads `REVISION:schema.table` or `REVISION:table`; names that hold a dot, a colon or a quote are quoted as in SQL.
 *
 * @throws USAGE  it is not written like that
 */
export function parseTableArgument(text: string): TableArgument {
  const match = TABLE_OF_REVISION.exec(text)
  if (match === null) {
    throw new SnapError(
      'USAGE',
      `cannot read '${text}' as a table of a commit`,
      { argument: 'table' },
      { hint: "write it as REVISION:schema.table, for instance 'HEAD:public.orders'" },
    )
  }
  const [, revision, namespace, name] = match
  return {
    revision: revision!,
    namespace: namespace === undefined ? undefined : unquote(namespace),
    name: unquote(name!),
  }
}

/**
 * Finds the table in a tree; a bare name that several schemas have means that of `public`.
 *
 * @throws USAGE  there is none, there are several, or the commit leaves its rows out
 */
export function findTable(tree: Tree, { revision, namespace, name }: TableArgument): TableEntry {
  const named = tree.tables.filter(
    (table) => table.name === name && (namespace === undefined || table.namespace === namespace),
  )
  const table = named.length === 1 ? named[0] : named.find((each) => each.namespace === 'public')
  const label = namespace === undefined ? name : `${namespace}.${name}`
  if (table === undefined) {
    const schemas = named.map((each) => each.namespace).join(', ')
    throw new SnapError(
      'USAGE',
      named.length === 0
        ? `there is no table '${label}' in '${revision}'`
        : `several schemas of '${revision}' have a table '${label}': ${schemas}`,
      { argument: 'table' },
      { hint: guess(tree, label, named) ?? `'snap show ${revision} --tables' lists its tables` },
    )
  }
  if (table.rows === null) {
    throw new SnapError('USAGE', `'${revision}' was made without the rows of '${label}'`, {
      argument: 'table',
    })
  }
  return table
}

function guess(tree: Tree, label: string, named: readonly TableEntry[]): string | undefined {
  if (named.length > 0) return undefined
  const names = tree.tables.flatMap((table) => [table.name, `${table.namespace}.${table.name}`])
  const found = findClosestName(label, names)
  return found === undefined ? undefined : `did you mean ${found}?`
}

function unquote(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier
}
