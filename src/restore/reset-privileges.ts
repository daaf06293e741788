/**
 * Brings privileges back to what an object has when it is new, so that a
 * commit's grants, which pg_dump writes relative to that, apply.
 *
 * Only what is left standing needs it: schemas and default privileges. What is
 * dropped and created again is new.
 */
import type { SchemaEntry } from '../format/values.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'
import { PUBLIC_SCHEMA_PRIVILEGE } from '../schema/public-schema.ts'
import type { Statement } from './statement.ts'

/** Plans the statements that leave `schemas` with their owner's privileges alone (`public`: with initdb's). */
export async function planSchemaPrivilegeReset(
  session: Session,
  schemas: readonly string[],
): Promise<Statement[]> {
  if (schemas.length === 0) return []
  const rows = await session.query<{ name: string; owner: string; grantees: (string | null)[] }>(`
    SELECT n.nspname AS name, pg_catalog.pg_get_userbyid(n.nspowner) AS owner,
      (SELECT coalesce(json_agg(DISTINCT nullif(a.grantee, 0)::regrole::text), '[]')
         FROM pg_catalog.aclexplode(n.nspacl) AS a) AS grantees
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname IN (${schemas.map(quoteLiteral).join(', ')})`)

  return rows.flatMap(({ name, owner, grantees }) => {
    const schema = `SCHEMA ${quoteIdentifier(name)}`
    const subject = `privileges of ${schema}`
    const revokes = grantees.map((grantee) => ({
      subject,
      // regrole's text form is already quoted where it has to be.
      sql: `REVOKE ALL ON ${schema} FROM ${grantee ?? 'PUBLIC'} CASCADE`,
    }))
    const grants = [{ subject, sql: `GRANT ALL ON ${schema} TO ${quoteIdentifier(owner)}` }]
    if (name === 'public') {
      grants.push({ subject, sql: `GRANT ${PUBLIC_SCHEMA_PRIVILEGE} ON ${schema} TO PUBLIC` })
    }
    return [...revokes, ...grants]
  })
}

/** Object types of pg_default_acl, and what PUBLIC has on a new object of each. */
const DEFAULT_ACL_TYPES: Record<string, { plural: string; publicPrivilege?: string }> = {
  r: { plural: 'TABLES' },
  S: { plural: 'SEQUENCES' },
  f: { plural: 'FUNCTIONS', publicPrivilege: 'EXECUTE' },
  T: { plural: 'TYPES', publicPrivilege: 'USAGE' },
  n: { plural: 'SCHEMAS' },
  L: { plural: 'LARGE OBJECTS' },
}

/**
 * Plans the statements after which none of the default privileges in `live` are
 * set; PostgreSQL drops a row that says nothing new.
 */
export async function planDefaultPrivilegeReset(
  session: Session,
  live: readonly SchemaEntry[],
): Promise<Statement[]> {
  const managed = new Set(
    live
      .filter(({ kind }) => kind === 'DEFAULT ACL')
      .map(({ namespace, owner }) => `${namespace ?? ''}\0${owner}`),
  )
  if (managed.size === 0) return []
  const rows = await session.query<{
    owner: string
    role: string
    namespace: string | null
    type: string
    grantees: (string | null)[]
  }>(`
    SELECT pg_catalog.pg_get_userbyid(d.defaclrole) AS owner, d.defaclrole::regrole::text AS role, n.nspname AS namespace, d.defaclobjtype::text AS type,
      (SELECT coalesce(json_agg(DISTINCT nullif(a.grantee, 0)::regrole::text), '[]')
         FROM pg_catalog.aclexplode(d.defaclacl) AS a) AS grantees
    FROM pg_catalog.pg_default_acl d
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace`)

  return rows.flatMap(({ owner, role, namespace, type, grantees }) => {
    const kind = DEFAULT_ACL_TYPES[type]
    if (kind === undefined || !managed.has(`${namespace ?? ''}\0${owner}`)) return []
    const inSchema = namespace === null ? '' : ` IN SCHEMA ${quoteIdentifier(namespace)}`
    const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${role}${inSchema}`
    const subject = `default privileges of ${role} on ${kind.plural.toLowerCase()}`
    const statements = grantees.map((grantee) => ({
      subject,
      sql: `${alter} REVOKE ALL ON ${kind.plural} FROM ${grantee ?? 'PUBLIC'}`,
    }))
    // Within a schema the defaults are what is granted besides; globally they are all there is.
    if (namespace === null) {
      statements.push({ subject, sql: `${alter} GRANT ALL ON ${kind.plural} TO ${role}` })
      if (kind.publicPrivilege !== undefined) {
        statements.push({
          subject,
          sql: `${alter} GRANT ${kind.publicPrivilege} ON ${kind.plural} TO PUBLIC`,
        })
      }
    }
    return statements
  })
}
