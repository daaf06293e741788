import { findParenthesised, splitTopLevel, unquoteIdentifier } from './sql-text.ts'

const COLUMN = /^("(?:[^"]|"")*"|[^\s"().,;]+) (.+)$/su
/** What else pg_dump puts in a table's list; it quotes a column of such a name, each being reserved. */
const NO_COLUMN = /^(?:CONSTRAINT|CHECK|NOT NULL) /

/**
 * Returns the columns that a table's own definition lists, generated ones too. Pure.
 *
 * Columns that it only inherits are not in it.
 *
 * @param definition  the CREATE TABLE statement as pg_dump writes it
 */
export function listTableColumns(definition: string): string[] {
  const list = findParenthesised(definition)
  const head = definition.slice(0, list?.start ?? 0)
  // The first parenthesis of `CREATE TABLE t OF type` or `… PARTITION BY` alone lists no columns.
  if (list === undefined || !/^\s*CREATE (?:UNLOGGED )?TABLE [^()]*$/.test(head)) return []
  return splitTopLevel(list.content, ',').flatMap((item) => {
    const match = NO_COLUMN.test(item) ? null : COLUMN.exec(item)
    return match === null ? [] : [unquoteIdentifier(match[1]!)]
  })
}
