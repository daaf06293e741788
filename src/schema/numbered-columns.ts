/**
 * Columns whose value comes from an entry of its own, not from their table's definition. Pure.
 */
import type { SchemaEntry } from '../format/values.ts'
import { type EntryGraph, findOwners } from './entry-owners.ts'
import { unquoteIdentifier } from './sql-text.ts'

const IDENTITY = /ALTER COLUMN ("(?:[^"]|"")*"|[^\s"]+) ADD GENERATED/

/**
 * Returns identity columns and those whose default pg_dump writes apart (a serial's), by their
 * table's position.
 */
export function findNumberedColumns(graph: EntryGraph): Map<number, Set<string>> {
  const owners = findOwners(graph)
  const columns = new Map<number, Set<string>>()
  for (const [position, entry] of graph.entries.entries()) {
    const table = owners[position]!
    const column = columnOf(entry, graph.entries[table]!)
    if (column === undefined) continue
    columns.set(table, (columns.get(table) ?? new Set()).add(column))
  }
  return columns
}

function columnOf({ kind, name, definition }: SchemaEntry, table: SchemaEntry): string | undefined {
  if (kind === 'DEFAULT') return name.slice(table.name.length + 1)
  const identity = kind === 'SEQUENCE' ? IDENTITY.exec(definition ?? '')?.[1] : undefined
  return identity === undefined ? undefined : unquoteIdentifier(identity)
}
