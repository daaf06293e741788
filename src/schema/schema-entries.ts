import type { CatalogFact, SchemaEntry } from '../format/values.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import { normaliseDefinition } from './normalise-definition.ts'
import type { TocEntry } from './toc.ts'

export interface SchemaEntries {
  /** In an order in which they can be created. */
  entries: SchemaEntry[]
  /** One for each entry, at the same position. */
  facts: CatalogFact[]
  /** What belongs to the database itself: its properties, comment and grants. */
  databaseEntries: SchemaEntry[]
}

/**
 * Turns a table of contents into what a commit holds of it. Pure.
 *
 * Equal schemas give equal `entries`, whatever their OIDs, their history and the
 * time of the dump; what differs (OIDs, dependencies by position) is in `facts`.
 */
export function toSchemaEntries(toc: readonly TocEntry[]): SchemaEntries {
  const objects = toc.filter((entry) => !DUMP_SETTINGS.has(entry.kind))
  const kept = objects.filter((entry) => !belongsToDatabase(entry))
  const positions = new Map(kept.map((entry, position) => [entry.dumpId, position]))
  return {
    entries: kept.map((entry) => toSchemaEntry(entry, toc)),
    facts: kept.map((entry, position) => ({
      entry: position,
      classOid: entry.classOid,
      oid: entry.oid,
      dependsOn: [...new Set(entry.dependencies)]
        .map((dumpId) => positions.get(dumpId))
        .filter((dependency) => dependency !== undefined)
        .sort((left, right) => left - right),
    })),
    databaseEntries: objects.filter(belongsToDatabase).map((entry) => toSchemaEntry(entry, toc)),
  }
}

/** How the dump is to be read back, not what is in the database. */
const DUMP_SETTINGS = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH'])

function belongsToDatabase({ kind, tag }: TocEntry): boolean {
  if (kind === 'DATABASE' || kind === 'DATABASE PROPERTIES') return true
  return ['COMMENT', 'ACL', 'SECURITY LABEL'].includes(kind) && tag.startsWith('DATABASE ')
}

function toSchemaEntry(entry: TocEntry, toc: readonly TocEntry[]): SchemaEntry {
  const schemaEntry = {
    kind: entry.kind,
    namespace: entry.namespace,
    name: entry.tag,
    owner: entry.owner,
    section: entry.section,
    definition: statementOrNull(normaliseDefinition(entry, toc)),
    dropStatement: statementOrNull(entry.dropStatement),
    tableAccessMethod: entry.tableAccessMethod,
    tablespace: entry.tablespace,
  }
  return entry.relationKind === PARTITIONED_TABLE ? withOwnAccessMethod(schemaEntry) : schemaEntry
}

/** For schema `public` pg_dump writes only a comment that says why it writes nothing. */
function statementOrNull(sql: string | null): string | null {
  const statement = sql?.trim() ?? ''
  return statement === '' || /^--[^\n]*$/.test(statement) ? null : statement
}

const PARTITIONED_TABLE = 'p'

/** A partitioned table takes no access method from default_table_access_method; it is altered instead, as pg_restore does. */
function withOwnAccessMethod(entry: SchemaEntry): SchemaEntry {
  const { tableAccessMethod, dropStatement, definition } = entry
  if (tableAccessMethod === null || dropStatement === null) return entry
  const table = dropStatement.replace(/^DROP TABLE /, '').replace(/;$/, '')
  const alteration = `ALTER TABLE ${table} SET ACCESS METHOD ${quoteIdentifier(tableAccessMethod)};`
  return { ...entry, definition: `${definition}\n${alteration}`, tableAccessMethod: null }
}
