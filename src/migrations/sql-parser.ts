/**
 * PostgreSQL's own parser, as WebAssembly (libpg-query): which statements a text
 * holds, as PostgreSQL 18 reads them.
 *
 * Loaded when first needed: with it come 1.8 MB that few commands have a use for.
 */
import type { Node } from 'libpg-query'

export type { AlterTableCmd, Node, RangeVar, TypeName } from 'libpg-query'

export interface SqlParser {
  /** Parses one or more statements. Locations in what it returns are bytes of UTF-8. */
  parse(sql: string): Node[] | SyntaxProblem
  /** Parses the body of a DO, CREATE FUNCTION or CREATE PROCEDURE in PL/pgSQL, given whole. */
  parseProcedural(statement: string): unknown | SyntaxProblem
}

/** Why a text cannot be parsed. */
export class SyntaxProblem {
  /** In PostgreSQL's words. */
  readonly message: string
  /** Characters (code points) from the beginning. */
  readonly characterOffset: number

  constructor(message: string, characterOffset: number) {
    this.message = message
    this.characterOffset = characterOffset
  }
}

export async function loadSqlParser(): Promise<SqlParser> {
  const { hasSqlDetails, loadModule, parsePlPgSQLSync, parseSync } = await import('libpg-query')
  await loadModule()
  const attempt = <T>(work: () => T): T | SyntaxProblem => {
    try {
      return work()
    } catch (error) {
      const { message } = error as Error
      return new SyntaxProblem(
        message,
        hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0,
      )
    }
  }
  return {
    parse: (sql) =>
      attempt(() => {
        if (sql.trim() === '') return []
        return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => stmt ?? [])
      }),
    parseProcedural: (statement) => attempt(() => parsePlPgSQLSync(statement)),
  }
}

type KindOf<N> = N extends unknown ? keyof N : never
type NodeKind = KindOf<Node>
export type NodeOf<K extends NodeKind> = Extract<Node, Record<K, unknown>>[K]

/** Returns what a node holds when it is of the kind, else undefined. */
export function asKind<K extends NodeKind>(node: Node | undefined, kind: K): NodeOf<K> | undefined {
  return node !== undefined && kind in node
    ? (node as unknown as Record<K, NodeOf<K>>)[kind]
    : undefined
}

/** Returns the texts of a list of name parts. */
export function namesOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => asKind(node, 'String')?.sval ?? '')
}

/** Calls `visit` for a node and everything in it, outermost first; a visit that returns false goes no deeper. */
export function walkNodes(node: unknown, visit: (kind: string, value: object) => boolean): void {
  if (Array.isArray(node)) {
    for (const item of node) walkNodes(item, visit)
    return
  }
  if (typeof node !== 'object' || node === null) return
  for (const [kind, value] of Object.entries(node)) {
    if (typeof value !== 'object' || value === null) continue
    // Nodes are wrapped in their kind, a capital letter first; plain fields are not.
    if (/^[A-Z]/.test(kind) && !visit(kind, value)) continue
    walkNodes(value, visit)
  }
}
