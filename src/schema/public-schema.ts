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

/** Since PostgreSQL 15 everybody may use `public` and nobody but its owner create in it. */
const CREATE_REVOKED_SINCE = 150000

/** Privileges that PUBLIC has on it in a new database. */
export function publicSchemaPrivileges(serverVersionNumber: number): 'ALL' | 'USAGE' {
  return serverVersionNumber >= CREATE_REVOKED_SINCE ? 'USAGE' : 'ALL'
}

/**
 * Since PostgreSQL 15 a new database's `public` belongs to whoever owns the
 * database. On an older server the owner it has there is what means the same.
 */
export function adaptPublicSchema(entry: SchemaEntry, serverVersionNumber: number): SchemaEntry {
  const isImplied = isPublicSchema(entry) && entry.owner === 'pg_database_owner'
  return isImplied && serverVersionNumber < CREATE_REVOKED_SINCE ? { ...entry, owner: null } : entry
}

const NAMESPACE_CLASS_OID = 2615

/**
 * Returns entries and facts in which `public` is the first entry, or one that
 * pg_dump wrote itself is given its real definition.
 */
export function withPublicSchema(
  schema: { entries: SchemaEntry[]; facts: CatalogFact[] },
  namespace: PublicNamespace,
  serverVersionNumber: number,
): { entries: SchemaEntry[]; facts: CatalogFact[] } {
  const definition = [
    'CREATE SCHEMA public;',
    `GRANT ${publicSchemaPrivileges(serverVersionNumber)} ON SCHEMA public TO PUBLIC;`,
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
