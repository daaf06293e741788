/**
 * Finds out from DDL alone what depends on single columns of tables. Pure.
 *
 * The catalog that would know is not at hand for a commit, and pg_dump's own
 * dependencies name whole tables. What depends on a table and has the column's
 * name somewhere in its definition is taken to depend on the column: pg_dump
 * writes every column out, so none is missed, and one too many is made again
 * without need.
 */
import type { SchemaEntry } from '../format/values.ts'
import type { ColumnDependent, SchemaState } from '../restore/plan-surgery.ts'
import { unquoteIdentifier } from '../schema/sql-text.ts'
import { parseTableDefinition } from '../schema/table-definition.ts'

/** Belong to a table and not to its columns, or go with a column and come back with it unharmed. */
const NOT_CONCERNED = new Set(['ACL', 'COMMENT', 'SECURITY LABEL', 'TABLE', 'TABLE ATTACH'])

const IDENTIFIER = /"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*/gu

export function inferColumnDependents({ entries, facts }: SchemaState): ColumnDependent[] {
  const columnsOf = entries.map(listColumns)
  return entries.flatMap((entry, position) => {
    if (NOT_CONCERNED.has(entry.kind) || entry.definition === null) return []
    const { dependsOn } = facts[position]!
    const mentioned = new Set((entry.definition.match(IDENTIFIER) ?? []).map(unquoteIdentifier))
    return dependsOn.flatMap((table) =>
      columnsOf[table]!.filter((column) => mentioned.has(column)).map((columnName) => ({
        table,
        columnName,
        dependent: dependentOf(entry, position, { entries, facts }),
      })),
    )
  })
}

/** A sequence that a column owns goes with the column. */
function dependentOf(
  entry: SchemaEntry,
  position: number,
  { entries, facts }: SchemaState,
): number {
  if (entry.kind !== 'SEQUENCE OWNED BY') return position
  const sequence = facts[position]!.dependsOn.find((each) => entries[each]!.kind === 'SEQUENCE')
  return sequence ?? position
}

function listColumns({ kind, definition }: SchemaEntry): string[] {
  if (kind !== 'TABLE') return []
  const columns = parseTableDefinition(definition ?? '')?.columns ?? []
  return columns.map(({ name }) => unquoteIdentifier(name))
}
