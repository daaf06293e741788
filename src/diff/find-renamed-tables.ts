import { qualifiedName } from '../postgres/quote.ts'
import type { DatabaseState } from './database-state.ts'

interface TableName {
  namespace: string
  name: string
}

/** Names of tables that another state has under another name, by `qualifiedName`. */
export interface RenamedTables {
  /** What a table of the state before is called after. */
  namesAfter: ReadonlyMap<string, TableName>
  namesBefore: ReadonlyMap<string, TableName>
}

/**
 * Finds tables that were renamed, or moved to another schema, between two states of one database.
 *
 * The catalog knows a table by its OID, which outlives a rename. OIDs of another database, or of
 * one that was restored from a dump, are about other things: then nothing is found. Pure.
 */
export function findRenamedTables(
  before: Pick<DatabaseState, 'origin' | 'schema' | 'facts'>,
  after: Pick<DatabaseState, 'origin' | 'schema' | 'facts'>,
): RenamedTables {
  const namesAfter = new Map<string, TableName>()
  const namesBefore = new Map<string, TableName>()
  if (isSameDatabase(before.origin, after.origin)) {
    const tablesAfter = tablesByOid(after)
    for (const [oid, table] of tablesByOid(before)) {
      const renamed = tablesAfter.get(oid)
      if (renamed === undefined || qualifiedName(renamed) === qualifiedName(table)) continue
      namesAfter.set(qualifiedName(table), renamed)
      namesBefore.set(qualifiedName(renamed), table)
    }
  }
  return { namesAfter, namesBefore }
}

function isSameDatabase(a: DatabaseState['origin'], b: DatabaseState['origin']): boolean {
  return (
    a.systemIdentifier !== null &&
    a.systemIdentifier === b.systemIdentifier &&
    a.oid !== undefined &&
    a.oid === b.oid
  )
}

function tablesByOid({
  schema,
  facts,
}: Pick<DatabaseState, 'schema' | 'facts'>): Map<number, TableName> {
  return new Map(
    facts.flatMap(({ entry, oid }) => {
      const { kind, namespace, name } = schema[entry]!
      return kind === 'TABLE' && namespace !== null && oid !== 0 ? [[oid, { namespace, name }]] : []
    }),
  )
}
