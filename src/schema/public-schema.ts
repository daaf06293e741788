/**
 * The schema `public` as an ordinary schema entry. Pure.
 *
 * pg_dump takes `public` for granted: it writes nothing for it while it is as
 * initdb made it, and never the statement that creates it. A commit must tell
 * "there is a `public`" from "there is none", because `DROP SCHEMA public
 * CASCADE` is the most common accident there is. So wherever `public` exists it
 * gets an entry whose definition makes it as initdb does; owner, privileges and
 * comment that differ from that are pg_dump's to tell, relative to the same state.
 */
import type { CatalogFact, SchemaEntry } from '../format/values.ts'

export interface PublicNamespace {
  oid: number
  owner: string
}

/** The comment initdb gives it. */
export const PUBLIC_SCHEMA_COMMENT = 'standard public schema'

/**
 * What PUBLIC has on it when no grant says otherwise: since PostgreSQL 15 the
 * truth, and for older servers what pg_dump 18 takes as given. Of a new database
 * of PostgreSQL 14 it therefore writes a grant of ALL.
 */
export const PUBLIC_SCHEMA_PRIVILEGE = 'USAGE'

const NAMESPACE_CLASS_OID = 2615

/**
 * Returns entries and facts in which `public` is the first entry, or one that
 * pg_dump wrote itself is given its real definition.
 */
export function withPublicSchema(
  schema: { entries: SchemaEntry[]; facts: CatalogFact[] },
  namespace: PublicNamespace,
): { entries: SchemaEntry[]; facts: CatalogFact[] } {
  const definition = [
    'CREATE SCHEMA public;',
    `GRANT ${PUBLIC_SCHEMA_PRIVILEGE} ON SCHEMA public TO PUBLIC;`,
    `COMMENT ON SCHEMA public IS '${PUBLIC_SCHEMA_COMMENT}';`,
  ].join('\n')
  const dropStatement = 'DROP SCHEMA public;'

  const isDumped = schema.entries.some(isPublicSchema)
  if (isDumped) {
    const entries = schema.entries.map((entry) =>
      isPublicSchema(entry) ? { ...entry, definition, dropStatement } : entry,
    )
    return { entries, facts: schema.facts }
  }

  const entry: SchemaEntry = {
    kind: 'SCHEMA',
    namespace: null,
    name: 'public',
    owner: namespace.owner,
    section: 'preData',
    definition,
    dropStatement,
    tableAccessMethod: null,
    tablespace: null,
  }
  const fact: CatalogFact = {
    entry: 0,
    classOid: NAMESPACE_CLASS_OID,
    oid: namespace.oid,
    dependsOn: [],
  }
  const moved = schema.facts.map((other) => ({
    ...other,
    entry: other.entry + 1,
    dependsOn: other.dependsOn.map((position) => position + 1),
  }))
  return { entries: [entry, ...schema.entries], facts: [fact, ...moved] }
}

const isPublicSchema = ({ kind, name }: SchemaEntry) => kind === 'SCHEMA' && name === 'public'
