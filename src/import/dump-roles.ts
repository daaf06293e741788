import {
  asKind,
  loadSqlParser,
  type NodeOf,
  SyntaxProblem,
  walkNodes,
} from '../migrations/sql-parser.ts'
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts'
import type { Session } from '../postgres/session.ts'

/** Lists the roles that SQL names: owners, grantees, those of policies. */
export async function rolesNamedIn(sql: string): Promise<string[]> {
  const nodes = (await loadSqlParser()).parse(sql)
  if (nodes instanceof SyntaxProblem) return []
  const roles = new Set<string>()
  walkNodes(nodes, (kind, value) => {
    if (kind === 'RoleSpec') noteRole(value as NodeOf<'RoleSpec'>)
    return true
  })
  // Fields whose type has one kind only are not wrapped in it: the parser writes them bare.
  for (const node of nodes) {
    for (const role of [
      asKind(node, 'AlterOwnerStmt')?.newowner,
      asKind(node, 'CreateSchemaStmt')?.authrole,
      asKind(node, 'CreateUserMappingStmt')?.user,
    ]) {
      if (role !== undefined) noteRole(role)
    }
    for (const item of asKind(node, 'AlterTableStmt')?.cmds ?? []) {
      const owner = asKind(item, 'AlterTableCmd')?.newowner
      if (owner !== undefined) noteRole(owner)
    }
  }
  return [...roles]

  function noteRole({ roletype, rolename }: NodeOf<'RoleSpec'>): void {
    if (roletype === 'ROLESPEC_CSTRING' && rolename !== undefined) roles.add(rolename)
  }
}

/** Makes the roles that are not there, without any right to log in. */
export async function ensureRoles(session: Session, names: Iterable<string>): Promise<void> {
  for (const name of new Set(names)) {
    const [row] = await session.query<{ has: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(name)}) AS has`,
    )
    if (!row!.has) await session.execute(`CREATE ROLE ${quoteIdentifier(name)}`)
  }
}
