import type { SchemaEntry } from '../format/values.ts'
import { quoteIdentifier } from '../postgres/quote.ts'
import type { Statement } from '../restore/statement.ts'
import { splitTopLevel } from '../schema/sql-text.ts'

const DEFAULT_PRIVILEGE =
  /^(ALTER DEFAULT PRIVILEGES FOR ROLE .*?)( IN SCHEMA .*?)? (?:GRANT|REVOKE) .* ON (TABLES|SEQUENCES|FUNCTIONS|TYPES|SCHEMAS|LARGE OBJECTS) +(?:TO|FROM) (.*?)(?: WITH GRANT OPTION)?$/su

/** What PUBLIC has on a new object of a type. */
const PUBLIC_PRIVILEGES: Readonly<Record<string, string>> = { FUNCTIONS: 'EXECUTE', TYPES: 'USAGE' }

/**
 * Plans the statements after which none of the default privileges that `entries` set are set,
 * from their definitions alone. Pure.
 */
export function planDefaultPrivilegeUndo(entries: readonly SchemaEntry[]): Statement[] {
  const statements = new Map<string, Statement>()
  for (const { kind, owner, definition } of entries) {
    if (kind !== 'DEFAULT ACL') continue
    for (const statement of splitTopLevel(definition ?? '', ';')) {
      const [, role, inSchema, type, grantee] = DEFAULT_PRIVILEGE.exec(statement) ?? []
      if (role === undefined || type === undefined) continue
      const subject = `default privileges of ${owner} on ${type.toLowerCase()}`
      const add = (sql: string) => statements.set(sql, { subject, sql })
      add(`${role}${inSchema ?? ''} REVOKE ALL ON ${type} FROM ${grantee}`)
      // Within a schema the defaults are what is granted besides; globally they are all there is.
      if (inSchema !== undefined || owner === null) continue
      add(`${role} GRANT ALL ON ${type} TO ${quoteIdentifier(owner)}`)
      const forPublic = PUBLIC_PRIVILEGES[type]
      if (forPublic !== undefined) add(`${role} GRANT ${forPublic} ON ${type} TO PUBLIC`)
    }
  }
  // Grants come after what they would otherwise lose again.
  const isGrant = ({ sql }: Statement) => / GRANT \w+ ON [A-Z ]+ TO /.test(sql)
  const all = [...statements.values()]
  return [...all.filter((each) => !isGrant(each)), ...all.filter(isGrant)]
}
