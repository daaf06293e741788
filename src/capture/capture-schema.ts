import { isSnapError } from '../errors.ts'
import type { CatalogFact, NotCaptured, SchemaEntry, Selection } from '../format/values.ts'
import { dumpSchema } from '../postgres/pg-dump/dump-schema.ts'
import type { Session } from '../postgres/session.ts'
import { type PublicNamespace, withPublicSchema } from '../schema/public-schema.ts'
import { unmatchedPatterns } from '../schema/relation-pattern.ts'
import { toSchemaEntries } from '../schema/schema-entries.ts'
import { parseToc } from '../schema/toc.ts'
import { withColumnNumbers } from './column-numbers.ts'
import { listRelations } from './list-relations.ts'
import { namesSchemas, schemaArguments } from './selection.ts'

export interface CapturedSchema {
  entries: SchemaEntry[]
  facts: CatalogFact[]
  /** `namespace NUL name` of every table, view-like relation and sequence that the dump names. */
  relationNames: ReadonlySet<string>
  notCaptured: NotCaptured[]
  pgDumpVersion: string
}

const RELATION_KINDS = new Set(['TABLE', 'MATERIALIZED VIEW', 'FOREIGN TABLE', 'SEQUENCE'])

export interface SchemaOptions {
  /** Refuse a selection that matches nothing; otherwise it is an empty schema. */
  mustMatch?: boolean
}

/**
 * Reads the selected schema inside the caller's open transaction, uncommitted changes included.
 *
 * @param mode  `holdLocks` keeps pg_dump's ACCESS SHARE locks in the transaction;
 *              `savepoint` leaves neither locks nor settings behind
 */
export async function captureSchema(
  session: Session,
  selection: Selection,
  mode: 'holdLocks' | 'savepoint',
  { mustMatch = false }: SchemaOptions = {},
): Promise<CapturedSchema> {
  const dump = await dumpSchema(session, schemaArguments(selection), {
    holdLocks: mode === 'holdLocks',
    allowsNoMatch: !mustMatch,
  }).catch(async (error) => {
    if (!isSnapError(error, 'PATTERN_UNMATCHED') || selection.tables.length === 0) throw error
    throw unmatchedPatterns(selection.tables, await listRelations(session))
  })
  const dumped = toSchemaEntries(parseToc(dump.archive))
  const namespace = namesSchemas(selection) ? undefined : await findPublicNamespace(session)
  const { entries, facts } = namespace === undefined ? dumped : withPublicSchema(dumped, namespace)

  return {
    entries,
    facts: await withColumnNumbers(session, entries, facts),
    relationNames: relationNamesOf(entries),
    notCaptured: [
      ...dumped.databaseEntries
        .filter((entry) => entry.kind !== 'DATABASE')
        .map((entry) => ({
          kind: entry.kind,
          name: entry.name,
          reason: 'belongs to the database itself, not to what is in it',
        })),
      ...dump.warnings.map((warning) => ({ kind: 'WARNING', name: 'pg_dump', reason: warning })),
    ],
    pgDumpVersion: dump.pgDumpVersion,
  }
}

/** Returns `namespace NUL name` of the tables that pg_dump's patterns choose; none is no error. */
export async function listTablesMatching(
  session: Session,
  patternArguments: readonly string[],
): Promise<ReadonlySet<string>> {
  const dump = await dumpSchema(session, patternArguments, { allowsNoMatch: true })
  return relationNamesOf(toSchemaEntries(parseToc(dump.archive)).entries)
}

async function findPublicNamespace(session: Session): Promise<PublicNamespace | undefined> {
  const [row] = await session.query<{ oid: string; owner: string }>(`
    SELECT oid::text AS oid, pg_catalog.pg_get_userbyid(nspowner) AS owner
      FROM pg_catalog.pg_namespace WHERE nspname = 'public'`)
  return row === undefined ? undefined : { oid: Number(row.oid), owner: row.owner }
}

function relationNamesOf(entries: readonly SchemaEntry[]): Set<string> {
  return new Set(
    entries
      .filter((entry) => RELATION_KINDS.has(entry.kind))
      .map((entry) => `${entry.namespace}\0${entry.name}`),
  )
}
