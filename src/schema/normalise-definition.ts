/**
 * Gives equal objects equal DDL, where creating them from pg_dump's own changes it.
 *
 * Only what the DDL itself would not keep is rewritten: all else stays as pg_dump
 * wrote it, so that a restored database dumps to the same text. Pure.
 */
import { findParenthesised, splitTopLevel } from './sql-text.ts'
import type { TocEntry } from './toc.ts'

/** @param all  the whole table of contents, for what an entry does not say itself */
export function normaliseDefinition(entry: TocEntry, all: readonly TocEntry[]): string | null {
  if (entry.definition === null) return null
  const definition = entry.definition.trim()
  return entry.kind === 'SEQUENCE' ? withImpliedLimits(definition, all) : definition
}

/**
 * The sequence of an identity column copied by `LIKE … INCLUDING IDENTITY` is a
 * bigint one with the limits of the column's type written out. Created again
 * from its DDL it has the column's type, and the same limits are implied.
 */
function withImpliedLimits(definition: string, all: readonly TocEntry[]): string {
  const identity = /^ALTER TABLE (.+) ALTER COLUMN (.+) ADD GENERATED /.exec(definition)
  if (identity === null) return definition
  const [, table, column] = identity
  const type = columnType(all, table!, column!)
  const limits = type === undefined ? undefined : LIMITS[type]
  if (limits === undefined) return definition
  return definition
    .replace(`\n    MAXVALUE ${limits.max}\n`, '\n    NO MAXVALUE\n')
    .replace(`\n    MINVALUE ${limits.min}\n`, '\n    NO MINVALUE\n')
}

/** The limit that a sequence of the type has when none is given; of descending ones the lower, of ascending ones the upper. */
const LIMITS: Readonly<Record<string, { min: string; max: string }>> = {
  smallint: { min: '-32768', max: '32767' },
  integer: { min: '-2147483648', max: '2147483647' },
}

function columnType(all: readonly TocEntry[], table: string, column: string): string | undefined {
  const opening = new Set([`CREATE TABLE ${table} (`, `CREATE UNLOGGED TABLE ${table} (`])
  for (const { kind, definition } of all) {
    if (kind !== 'TABLE' || definition === null) continue
    const text = definition.trim()
    if (![...opening].some((start) => text.startsWith(start))) continue
    const columns = splitTopLevel(findParenthesised(text)?.content ?? '', ',')
    const line = columns.find((each) => each.startsWith(`${column} `))
    return /^(\w+)/.exec(line?.slice(column.length + 1) ?? '')?.[1]
  }
  return undefined
}
